<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en_US">
    <context>
        <name>LungPNet</name>
        <message>
            <source>LungPNet</source>
            <translation>LungPNet</translation>
        </message>
        <message>
            <source>Opens a chest CT, says whether its quality is good enough, finds and measures the lungs, and writes a report with DICOM SEG and SR. Nothing leaves this computer. Research use only, not for diagnosis.</source>
            <translation>打开胸部 CT，判断图像质量是否足够，分割并测量双肺，生成报告及 DICOM SEG 和 SR。数据不会离开本机。仅供研究使用，不得用于诊断。</translation>
        </message>
        <message>
            <source>LungPNet re-creates the ideas of five published systems with code of its own: Lung-PNet and Lung-PNetV2, a 2-D lung U-Net on LIDC-IDRI, LNHG, EMV-3D-CNN and MM-DLS. Their authors have no part in it.</source>
            <translation>LungPNet 以独立编写的代码重现五个已发表系统的思路：Lung-PNet 与 Lung-PNetV2、基于 LIDC-IDRI 的二维肺 U-Net、LNHG、EMV-3D-CNN 和 MM-DLS。原作者均未参与。</translation>
        </message>
        <message>
            <source>Research use only, not for diagnosis.</source>
            <translation>仅供研究使用，不得用于诊断。</translation>
        </message>
        <message>
            <source>Input</source>
            <translation>输入</translation>
        </message>
        <message>
            <source>Chest CT:</source>
            <translation>胸部 CT：</translation>
        </message>
        <message>
            <source>The CT to work on</source>
            <translation>要处理的 CT</translation>
        </message>
        <message>
            <source>DICOM folder:</source>
            <translation>DICOM 文件夹：</translation>
        </message>
        <message>
            <source>A folder with the DICOM files of a chest CT; the path of a NIfTI, NRRD or MetaImage file is taken as well</source>
            <translation>包含胸部 CT 的 DICOM 文件的文件夹；也可填写 NIfTI、NRRD、MetaImage 文件的路径</translation>
        </message>
        <message>
            <source>Series:</source>
            <translation>序列：</translation>
        </message>
        <message>
            <source>Number or UID of the series, where the folder holds several</source>
            <translation>文件夹中有多个序列时，填写序列号或 UID</translation>
        </message>
        <message>
            <source>only where there are several</source>
            <translation>仅在有多个序列时填写</translation>
        </message>
        <message>
            <source>Import</source>
            <translation>导入</translation>
        </message>
        <message>
            <source>Read the CT from the folder into the scene</source>
            <translation>将文件夹中的 CT 读入场景</translation>
        </message>
        <message>
            <source>Options</source>
            <translation>选项</translation>
        </message>
        <message>
            <source>Find lungs by:</source>
            <translation>肺分割方法：</translation>
        </message>
        <message>
            <source>The automatic choice takes the neural network where there are weights for it</source>
            <translation>自动选择：有权重时使用神经网络</translation>
        </message>
        <message>
            <source>Compute on:</source>
            <translation>计算设备：</translation>
        </message>
        <message>
            <source>Choose the processor if the graphics card has too little memory</source>
            <translation>显存不足时请选择处理器</translation>
        </message>
        <message>
            <source>Results in:</source>
            <translation>结果保存至：</translation>
        </message>
        <message>
            <source>Each analysis makes a folder of its own here, named by its time; nothing is overwritten</source>
            <translation>每次分析在此新建一个以时间命名的文件夹，不会覆盖已有内容</translation>
        </message>
        <message>
            <source>Find nodules</source>
            <translation>查找结节</translation>
        </message>
        <message>
            <source>Looks for nodules in the lungs, where the networks for it are installed</source>
            <translation>在肺内查找结节（需已安装相应的神经网络）</translation>
        </message>
        <message>
            <source>False findings:</source>
            <translation>假阳性：</translation>
        </message>
        <message>
            <source>How many false findings you accept in report and DICOM objects, as measured on validation patients; the more, the fewer nodules are missed</source>
            <translation>报告和 DICOM 对象中可接受的假阳性数量（在验证患者中测得）；数量越多，漏检的结节越少</translation>
        </message>
        <message>
            <source>Fill missing slices</source>
            <translation>插补缺失层面</translation>
        </message>
        <message>
            <source>Interpolate where slices are missing; the result says so</source>
            <translation>在缺失层面处插值；结果中会注明</translation>
        </message>
        <message>
            <source>Leave out the patient's identity</source>
            <translation>去除患者身份信息</translation>
        </message>
        <message>
            <source>Report and DICOM objects then carry no name, ID or birth date</source>
            <translation>报告和 DICOM 对象将不含姓名、编号和出生日期</translation>
        </message>
        <message>
            <source>Analyze patient</source>
            <translation>分析患者</translation>
        </message>
        <message>
            <source>Cancel</source>
            <translation>取消</translation>
        </message>
        <message>
            <source>Stop the computation; nothing is left of it</source>
            <translation>停止计算，不保留任何结果</translation>
        </message>
        <message>
            <source>Quality of the CT</source>
            <translation>CT 图像质量</translation>
        </message>
        <message>
            <source>What the quality gate has looked at</source>
            <translation>质量检查的项目</translation>
        </message>
        <message>
            <source>Findings</source>
            <translation>分析结果</translation>
        </message>
        <message>
            <source>Click a value to move the views to that lung</source>
            <translation>单击一个数值，视图将移至该侧肺</translation>
        </message>
        <message>
            <source>Click a row to move the views to that nodule, a title to sort by it</source>
            <translation>单击某行使视图移至该结节，单击列标题排序</translation>
        </message>
        <message>
            <source>Accept, reject or correct nodules</source>
            <translation>接受、否定或修正结节</translation>
        </message>
        <message>
            <source>Opens the module LungSegment, where the operating point can be changed too</source>
            <translation>打开 LungSegment 模块，在其中也可更改工作点</translation>
        </message>
        <message>
            <source>Open report</source>
            <translation>打开报告</translation>
        </message>
        <message>
            <source>Show the report in the web browser</source>
            <translation>在浏览器中显示报告</translation>
        </message>
        <message>
            <source>Open results folder</source>
            <translation>打开结果文件夹</translation>
        </message>
        <message>
            <source>Show the files of this result</source>
            <translation>显示该结果的文件</translation>
        </message>
        <message>
            <source>Your name:</source>
            <translation>您的姓名：</translation>
        </message>
        <message>
            <source>As it shall stand in the DICOM report</source>
            <translation>将写入 DICOM 报告的形式</translation>
        </message>
        <message>
            <source>Family^Given</source>
            <translation>姓^名</translation>
        </message>
        <message>
            <source>Institution:</source>
            <translation>机构：</translation>
        </message>
        <message>
            <source>Accept findings</source>
            <translation>确认结果</translation>
        </message>
        <message>
            <source>Make the DICOM report complete and verified, in your name</source>
            <translation>以您的名义将 DICOM 报告标记为已完成并已核实</translation>
        </message>
        <message>
            <source>Export to:</source>
            <translation>导出至：</translation>
        </message>
        <message>
            <source>An existing folder; nothing is sent anywhere</source>
            <translation>已有的文件夹；不会发送到任何地方</translation>
        </message>
        <message>
            <source>Export DICOM (SEG and SR)</source>
            <translation>导出 DICOM（SEG 和 SR）</translation>
        </message>
        <message>
            <source>Copy segmentation and measurements to that folder</source>
            <translation>将分割和测量结果复制到该文件夹</translation>
        </message>
        <message>
            <source>Earlier result</source>
            <translation>已有结果</translation>
        </message>
        <message>
            <source>Result folder:</source>
            <translation>结果文件夹：</translation>
        </message>
        <message>
            <source>The folder that an analysis has written</source>
            <translation>某次分析生成的文件夹</translation>
        </message>
        <message>
            <source>Show it on its CT</source>
            <translation>在其 CT 上显示</translation>
        </message>
        <message>
            <source>Put an earlier result back into the scene</source>
            <translation>将已有结果重新载入场景</translation>
        </message>
        <message>
            <source>Installation and models</source>
            <translation>安装与模型</translation>
        </message>
        <message>
            <source>Install what is missing</source>
            <translation>安装缺失组件</translation>
        </message>
        <message>
            <source>Downloads PyTorch and other packages after asking</source>
            <translation>经确认后下载 PyTorch 及其他软件包</translation>
        </message>
        <message>
            <source>The models on this computer</source>
            <translation>本机上的模型</translation>
        </message>
        <message>
            <source>Open model card</source>
            <translation>打开模型说明</translation>
        </message>
        <message>
            <source>What the model learned from and how good it is</source>
            <translation>模型的训练数据及其性能</translation>
        </message>
        <message>
            <source>Delete model</source>
            <translation>删除模型</translation>
        </message>
        <message>
            <source>Only models of your own can be deleted</source>
            <translation>只能删除您自己的模型</translation>
        </message>
        <message>
            <source>Show experimental values</source>
            <translation>显示实验性数值</translation>
        </message>
        <message>
            <source>Values of models whose outcomes are made up; never part of DICOM objects</source>
            <translation>由合成结局训练的模型给出的数值；绝不写入 DICOM 对象</translation>
        </message>
        <message>
            <source>Log</source>
            <translation>日志</translation>
        </message>
        <message>
            <source>What the computation wrote, for bug reports</source>
            <translation>计算过程的输出，供报告问题时使用</translation>
        </message>
    </context>
    <context>
        <name>LungSegment</name>
        <message>
            <source>LungSegment</source>
            <translation>LungSegment</translation>
        </message>
        <message>
            <source>Finds the right and the left lung in a chest CT, measures them, compares two segmentations, and saves corrected ones for training. Nothing leaves this computer. Research use only, not for diagnosis.</source>
            <translation>在胸部 CT 中找出右肺和左肺并进行测量，比较两个分割结果，并保存经修正的分割用于训练。数据不会离开本机。仅供研究使用，不得用于诊断。</translation>
        </message>
        <message>
            <source>After the published ideas of a 2-D lung U-Net on LIDC-IDRI and of LNHG, with code of its own; their authors have no part in it.</source>
            <translation>依据已发表的 LIDC-IDRI 二维肺 U-Net 与 LNHG 的思路，以独立编写的代码实现；原作者均未参与。</translation>
        </message>
        <message>
            <source>Research use only, not for diagnosis.</source>
            <translation>仅供研究使用，不得用于诊断。</translation>
        </message>
        <message>
            <source>Input</source>
            <translation>输入</translation>
        </message>
        <message>
            <source>Chest CT:</source>
            <translation>胸部 CT：</translation>
        </message>
        <message>
            <source>The CT to work on</source>
            <translation>要处理的 CT</translation>
        </message>
        <message>
            <source>Find lungs by:</source>
            <translation>肺分割方法：</translation>
        </message>
        <message>
            <source>The automatic choice takes the neural network where there are weights for it</source>
            <translation>自动选择：有权重时使用神经网络</translation>
        </message>
        <message>
            <source>Compute on:</source>
            <translation>计算设备：</translation>
        </message>
        <message>
            <source>Choose the processor if the graphics card has too little memory</source>
            <translation>显存不足时请选择处理器</translation>
        </message>
        <message>
            <source>Find the lungs</source>
            <translation>分割肺</translation>
        </message>
        <message>
            <source>Cancel</source>
            <translation>取消</translation>
        </message>
        <message>
            <source>Stop the computation; nothing is left of it</source>
            <translation>停止计算，不保留任何结果</translation>
        </message>
        <message>
            <source>Lungs</source>
            <translation>肺</translation>
        </message>
        <message>
            <source>Segmentation:</source>
            <translation>分割：</translation>
        </message>
        <message>
            <source>The segmentation that is measured, corrected and saved</source>
            <translation>用于测量、修正和保存的分割</translation>
        </message>
        <message>
            <source>Click a value to move the views to that lung</source>
            <translation>单击一个数值，视图将移至该侧肺</translation>
        </message>
        <message>
            <source>Show histogram</source>
            <translation>显示直方图</translation>
        </message>
        <message>
            <source>How much lung has which density, as a plot</source>
            <translation>以图显示肺的密度分布</translation>
        </message>
        <message>
            <source>Correct in the Segment Editor</source>
            <translation>在分割编辑器中修正</translation>
        </message>
        <message>
            <source>Open the segmentation in Slicer's Segment Editor</source>
            <translation>在 Slicer 的分割编辑器中打开该分割</translation>
        </message>
        <message>
            <source>Measure</source>
            <translation>测量</translation>
        </message>
        <message>
            <source>Measure the segmentation as it is now, with your corrections</source>
            <translation>按当前分割（含您的修正）测量</translation>
        </message>
        <message>
            <source>Nodules</source>
            <translation>结节</translation>
        </message>
        <message>
            <source>Find nodules</source>
            <translation>查找结节</translation>
        </message>
        <message>
            <source>Click a row to move the views to that nodule, a title to sort by it</source>
            <translation>单击某行使视图移至该结节，单击列标题排序</translation>
        </message>
        <message>
            <source>Accept</source>
            <translation>接受</translation>
        </message>
        <message>
            <source>This is a nodule, and its outline is good</source>
            <translation>确为结节，且轮廓正确</translation>
        </message>
        <message>
            <source>Reject</source>
            <translation>排除</translation>
        </message>
        <message>
            <source>This is no nodule; its outline is hidden and the row stays</source>
            <translation>不是结节；隐藏轮廓，保留该行</translation>
        </message>
        <message>
            <source>Undecided</source>
            <translation>待定</translation>
        </message>
        <message>
            <source>Neither accepted nor rejected yet</source>
            <translation>尚未接受或排除</translation>
        </message>
        <message>
            <source>Add by click</source>
            <translation>单击添加</translation>
        </message>
        <message>
            <source>Edit outline</source>
            <translation>编辑轮廓</translation>
        </message>
        <message>
            <source>Open the selected nodule in Slicer's Segment Editor; it is measured again when you come back</source>
            <translation>在 Slicer 的 Segment Editor 中打开所选结节；返回时重新测量</translation>
        </message>
        <message>
            <source>False findings a scan:</source>
            <translation>每次扫描假阳性：</translation>
        </message>
        <message>
            <source>Fewer false findings to the left, more nodules to the right; shown at once, nothing is computed</source>
            <translation>向左假阳性较少，向右检出结节较多；立即显示，无需计算</translation>
        </message>
        <message>
            <source>Density in colours</source>
            <translation>密度伪彩图</translation>
        </message>
        <message>
            <source>Shows the CT inside the nodules in colours, with one scale for all patients: -1000 to 400 HU</source>
            <translation>以伪彩显示结节内的 CT，所有患者使用同一色标：-1000 至 400 HU</translation>
        </message>
        <message>
            <source>Jet as published, or viridis, which is even and safe for the colour-blind</source>
            <translation>Jet 与已发表的一致；Viridis 色阶均匀，适合色觉障碍者</translation>
        </message>
        <message>
            <source>Compare two segmentations</source>
            <translation>比较两个分割</translation>
        </message>
        <message>
            <source>First:</source>
            <translation>第一个：</translation>
        </message>
        <message>
            <source>A segmentation of the lungs</source>
            <translation>肺分割</translation>
        </message>
        <message>
            <source>Second:</source>
            <translation>第二个：</translation>
        </message>
        <message>
            <source>Another segmentation of the lungs</source>
            <translation>另一个肺分割</translation>
        </message>
        <message>
            <source>Compare</source>
            <translation>比较</translation>
        </message>
        <message>
            <source>Dice and surface distances, on the grid of the CT</source>
            <translation>在 CT 网格上计算 Dice 系数和表面距离</translation>
        </message>
        <message>
            <source>How well the two agree; distances are empty where one of them lacks the lung</source>
            <translation>两者的一致程度；若其一缺少该侧肺，则距离为空</translation>
        </message>
        <message>
            <source>Save correction for training</source>
            <translation>保存修正用于训练</translation>
        </message>
        <message>
            <source>Cohort folder:</source>
            <translation>队列文件夹：</translation>
        </message>
        <message>
            <source>A folder with (or for) a manifest.csv that `lungpnet train` reads</source>
            <translation>含有（或将生成）manifest.csv 的文件夹，供 `lungpnet train` 读取</translation>
        </message>
        <message>
            <source>Pseudonym:</source>
            <translation>化名：</translation>
        </message>
        <message>
            <source>Name of the patient in the cohort; never a real name or ID. Left empty, one is made of the patient ID with this computer's secret, always the same for a patient</source>
            <translation>患者在队列中的代号；切勿使用真实姓名或编号。留空则由患者编号和本机密钥生成，同一患者始终相同</translation>
        </message>
        <message>
            <source>such as P-017; made for you if empty</source>
            <translation>例如 P-017；留空则自动生成</translation>
        </message>
        <message>
            <source>Save CT and correction</source>
            <translation>保存 CT 和修正</translation>
        </message>
        <message>
            <source>Write the pair into the cohort folder, from which `lungpnet train lungs` learns</source>
            <translation>将二者写入队列文件夹，供 `lungpnet train lungs` 训练</translation>
        </message>
        <message>
            <source>Log</source>
            <translation>日志</translation>
        </message>
        <message>
            <source>What the computation wrote, for bug reports</source>
            <translation>计算过程的输出，供报告问题时使用</translation>
        </message>
    </context>
    <context>
        <name>NoduleGrade</name>
        <message>
            <source>NoduleGrade</source>
            <translation>NoduleGrade</translation>
        </message>
        <message>
            <source>Outlines and measures the lung nodules that you click or outline: size, density, type and place, and the Brock probability from your answers. Nothing leaves this computer. Research use only, not for diagnosis.</source>
            <translation>勾画并测量您点击或勾画的肺结节：大小、密度、类型和位置，并根据您的回答计算 Brock 概率。数据不会离开本机。仅供研究使用，不得用于诊断。</translation>
        </message>
        <message>
            <source>After the published ideas of Lung-PNet, Lung-PNetV2 and EMV-3D-CNN, with code of its own; their authors have no part in it. The authors of EMV-3D-CNN say that their method is patented.</source>
            <translation>依据已发表的 Lung-PNet、Lung-PNetV2 和 EMV-3D-CNN 的思路，以独立编写的代码实现；原作者均未参与。EMV-3D-CNN 的作者声明其方法受专利保护。</translation>
        </message>
        <message>
            <source>Research use only, not for diagnosis.</source>
            <translation>仅供研究使用，不得用于诊断。</translation>
        </message>
        <message>
            <source>Input</source>
            <translation>输入</translation>
        </message>
        <message>
            <source>Chest CT:</source>
            <translation>胸部 CT：</translation>
        </message>
        <message>
            <source>The CT to work on</source>
            <translation>要处理的 CT</translation>
        </message>
        <message>
            <source>Click a nodule</source>
            <translation>点选结节</translation>
        </message>
        <message>
            <source>From a segment</source>
            <translation>由分割段添加</translation>
        </message>
        <message>
            <source>A segmentation, and the segment that is the nodule</source>
            <translation>选择分割，以及其中作为结节的分割段</translation>
        </message>
        <message>
            <source>Measure this segment</source>
            <translation>测量此分割段</translation>
        </message>
        <message>
            <source>Put a copy of its outline into the list and measure it</source>
            <translation>将其轮廓的副本加入列表并测量</translation>
        </message>
        <message>
            <source>Nodules</source>
            <translation>结节</translation>
        </message>
        <message>
            <source>Click a row to move the views to that nodule</source>
            <translation>单击一行，视图将移至该结节</translation>
        </message>
        <message>
            <source>Accept</source>
            <translation>接受</translation>
        </message>
        <message>
            <source>This is a nodule, and its outline is good</source>
            <translation>确为结节，且轮廓正确</translation>
        </message>
        <message>
            <source>Reject</source>
            <translation>排除</translation>
        </message>
        <message>
            <source>This is no nodule; its outline is hidden and the row stays</source>
            <translation>不是结节；隐藏轮廓，保留该行</translation>
        </message>
        <message>
            <source>Undecided</source>
            <translation>待定</translation>
        </message>
        <message>
            <source>Neither accepted nor rejected yet</source>
            <translation>尚未接受或排除</translation>
        </message>
        <message>
            <source>Comment:</source>
            <translation>备注：</translation>
        </message>
        <message>
            <source>Your words on the selected nodule; kept with the scene</source>
            <translation>您对所选结节的备注；随场景保存</translation>
        </message>
        <message>
            <source>Measure again</source>
            <translation>重新测量</translation>
        </message>
        <message>
            <source>Measure all nodules as their outlines are now, after corrections in the Segment Editor</source>
            <translation>在分割编辑器中修正后，按当前轮廓重新测量所有结节</translation>
        </message>
        <message>
            <source>Delete</source>
            <translation>删除</translation>
        </message>
        <message>
            <source>Take the selected nodule and its outline out of the scene</source>
            <translation>从场景中移除所选结节及其轮廓</translation>
        </message>
        <message>
            <source>Measurements of the selected nodule</source>
            <translation>所选结节的测量值</translation>
        </message>
        <message>
            <source>What was measured in the outline; each line explains itself</source>
            <translation>轮廓内的测量结果；各行均有说明</translation>
        </message>
        <message>
            <source>Density alone cannot tell part-solid from solid nodules.</source>
            <translation>仅凭密度无法区分部分实性与实性结节。</translation>
        </message>
        <message>
            <source>Probability of cancer (Brock)</source>
            <translation>恶性概率（Brock）</translation>
        </message>
        <message>
            <source>Age (years):</source>
            <translation>年龄（岁）：</translation>
        </message>
        <message>
            <source>From the clinical form or from DICOM, where known; 18 to 120 years</source>
            <translation>如已知，取自临床表单或 DICOM；18 至 120 岁</translation>
        </message>
        <message>
            <source>not known</source>
            <translation>未知</translation>
        </message>
        <message>
            <source>Sex:</source>
            <translation>性别：</translation>
        </message>
        <message>
            <source>From the clinical form or from DICOM, where known</source>
            <translation>如已知，取自临床表单或 DICOM</translation>
        </message>
        <message>
            <source>Age and sex are right</source>
            <translation>年龄和性别无误</translation>
        </message>
        <message>
            <source>They count once this is ticked, and go into the clinical form of the module SurvivalRisk</source>
            <translation>勾选后方才采用，并写入 SurvivalRisk 模块的临床表单</translation>
        </message>
        <message>
            <source>Lung cancer in the family:</source>
            <translation>肺癌家族史：</translation>
        </message>
        <message>
            <source>As the patient reports it</source>
            <translation>依患者所述</translation>
        </message>
        <message>
            <source>Emphysema:</source>
            <translation>肺气肿：</translation>
        </message>
        <message>
            <source>Seen on the CT</source>
            <translation>CT 所见</translation>
        </message>
        <message>
            <source>Nodules on this CT:</source>
            <translation>此 CT 的结节数：</translation>
        </message>
        <message>
            <source>How many with this one; the list need not hold all of them</source>
            <translation>包括本结节在内的总数；列表不必包含全部</translation>
        </message>
        <message>
            <source>Type:</source>
            <translation>类型：</translation>
        </message>
        <message>
            <source>Choose what you see; the rule by density cannot tell part-solid from solid</source>
            <translation>请按所见选择；密度规则无法区分部分实性与实性</translation>
        </message>
        <message>
            <source>In an upper lobe:</source>
            <translation>位于上叶：</translation>
        </message>
        <message>
            <source>Right or left upper lobe; the upper third of a lung is not the same</source>
            <translation>右肺或左肺上叶；与肺的上三分之一不同</translation>
        </message>
        <message>
            <source>Spiculated:</source>
            <translation>毛刺：</translation>
        </message>
        <message>
            <source>Spikes run from its border into the lung</source>
            <translation>边缘有毛刺伸入肺内</translation>
        </message>
    </context>
    <context>
        <name>SurvivalRisk</name>
        <message>
            <source>SurvivalRisk</source>
            <translation>SurvivalRisk</translation>
        </message>
        <message>
            <source>Keeps the clinical data of a patient with lung cancer with the CT, and checks them; tells T and stage by TNM, and measures uptake in a PET. No survival model is installed yet. Nothing leaves this computer. Research use only, not for diagnosis.</source>
            <translation>将肺癌患者的临床资料与 CT 一同保存并核对；按 TNM 给出 T 和分期，并测量 PET 摄取。尚未安装生存模型。数据不会离开本机。仅供研究使用，不得用于诊断。</translation>
        </message>
        <message>
            <source>After the published ideas of MM-DLS, with code of its own; its authors have no part in it.</source>
            <translation>依据已发表的 MM-DLS 的思路，以独立编写的代码实现；原作者未参与。</translation>
        </message>
        <message>
            <source>Research use only, not for diagnosis.</source>
            <translation>仅供研究使用，不得用于诊断。</translation>
        </message>
        <message>
            <source>Input</source>
            <translation>输入</translation>
        </message>
        <message>
            <source>Chest CT:</source>
            <translation>胸部 CT：</translation>
        </message>
        <message>
            <source>The CT to work on</source>
            <translation>要处理的 CT</translation>
        </message>
        <message>
            <source>Clinical data at the time of the CT</source>
            <translation>CT 检查时的临床资料</translation>
        </message>
        <message>
            <source>Age (years):</source>
            <translation>年龄（岁）：</translation>
        </message>
        <message>
            <source>18 to 120 years</source>
            <translation>18 至 120 岁</translation>
        </message>
        <message>
            <source>not known</source>
            <translation>未知</translation>
        </message>
        <message>
            <source>Sex:</source>
            <translation>性别：</translation>
        </message>
        <message>
            <source>As in the patient's record</source>
            <translation>与病历一致</translation>
        </message>
        <message>
            <source>Smoking status:</source>
            <translation>吸烟状况：</translation>
        </message>
        <message>
            <source>Never: fewer than 100 cigarettes in a life</source>
            <translation>从不：一生吸烟少于 100 支</translation>
        </message>
        <message>
            <source>Smoked (pack-years):</source>
            <translation>吸烟量（包年）：</translation>
        </message>
        <message>
            <source>Packs of 20 cigarettes a day, times years of smoking; 0 to 300</source>
            <translation>每日包数（每包 20 支）乘以吸烟年数；0 至 300</translation>
        </message>
        <message>
            <source>Smoked for (years):</source>
            <translation>吸烟年数：</translation>
        </message>
        <message>
            <source>0 to 100 years</source>
            <translation>0 至 100 年</translation>
        </message>
        <message>
            <source>Stopped smoking (years ago):</source>
            <translation>戒烟年数：</translation>
        </message>
        <message>
            <source>0 to 100 years; only of former smokers</source>
            <translation>0 至 100 年；仅限既往吸烟者</translation>
        </message>
        <message>
            <source>ECOG status (0 to 4):</source>
            <translation>ECOG 评分（0 至 4）：</translation>
        </message>
        <message>
            <source>Performance status of the Eastern Cooperative Oncology Group</source>
            <translation>美国东部肿瘤协作组体力状况评分</translation>
        </message>
        <message>
            <source>T category:</source>
            <translation>T 分期：</translation>
        </message>
        <message>
            <source>Primary tumour, TNM 9th edition</source>
            <translation>原发肿瘤，TNM 第 9 版</translation>
        </message>
        <message>
            <source>N category:</source>
            <translation>N 分期：</translation>
        </message>
        <message>
            <source>Regional lymph nodes, TNM 9th edition; nothing in this program sees lymph nodes</source>
            <translation>区域淋巴结，TNM 第 9 版；本程序不识别淋巴结</translation>
        </message>
        <message>
            <source>M category:</source>
            <translation>M 分期：</translation>
        </message>
        <message>
            <source>Distant metastasis, TNM 9th edition; nothing in this program sees metastases</source>
            <translation>远处转移，TNM 第 9 版；本程序不识别转移灶</translation>
        </message>
        <message>
            <source>Histology:</source>
            <translation>组织学类型：</translation>
        </message>
        <message>
            <source>Main type of the primary tumour</source>
            <translation>原发肿瘤的主要类型</translation>
        </message>
        <message>
            <source>Check and keep</source>
            <translation>检查并保留</translation>
        </message>
        <message>
            <source>Read from a file, write to a file</source>
            <translation>从文件读取、写入文件</translation>
        </message>
        <message>
            <source>File:</source>
            <translation>文件：</translation>
        </message>
        <message>
            <source>A CSV table with the column patient_id and columns named like the fields of the form, or one form as JSON</source>
            <translation>含 patient_id 列且列名与表单字段一致的 CSV 表格，或单份 JSON 表单</translation>
        </message>
        <message>
            <source>Pseudonym:</source>
            <translation>化名：</translation>
        </message>
        <message>
            <source>The patient's value in the column patient_id; never a real name or ID</source>
            <translation>患者在 patient_id 列中的值；切勿使用真实姓名或编号</translation>
        </message>
        <message>
            <source>such as patient-017</source>
            <translation>例如 patient-017</translation>
        </message>
        <message>
            <source>Read</source>
            <translation>读取</translation>
        </message>
        <message>
            <source>Fill the form from the file; nothing is kept before 'Check and keep'</source>
            <translation>由文件填充表单；在“检查并保留”之前不会保留</translation>
        </message>
        <message>
            <source>Write</source>
            <translation>写入</translation>
        </message>
        <message>
            <source>Write the form to a new file, .csv or .json</source>
            <translation>将表单写入新文件（.csv 或 .json）</translation>
        </message>
        <message>
            <source>Stage (TNM)</source>
            <translation>分期（TNM）</translation>
        </message>
        <message>
            <source>Measured nodule:</source>
            <translation>已测量的结节：</translation>
        </message>
        <message>
            <source>Of the list of the module NoduleGrade; fills in type and sizes, for you to check</source>
            <translation>取自 NoduleGrade 模块的列表；填入类型和大小，请核对</translation>
        </message>
        <message>
            <source>TNM edition:</source>
            <translation>TNM 版本：</translation>
        </message>
        <message>
            <source>The 9th is in force since January 2025</source>
            <translation>第 9 版自 2025 年 1 月起施行</translation>
        </message>
        <message>
            <source>Tumour type:</source>
            <translation>肿瘤类型：</translation>
        </message>
        <message>
            <source>Non-solid: pure ground glass; part-solid: ground glass with a solid component</source>
            <translation>非实性：纯磨玻璃；部分实性：磨玻璃伴实性成分</translation>
        </message>
        <message>
            <source>Total size (mm):</source>
            <translation>总大小（mm）：</translation>
        </message>
        <message>
            <source>Greatest dimension, ground glass included</source>
            <translation>最大径，包括磨玻璃成分</translation>
        </message>
        <message>
            <source>Solid size (mm):</source>
            <translation>实性成分（mm）：</translation>
        </message>
        <message>
            <source>Greatest dimension of the solid component; asked for of part-solid tumours only</source>
            <translation>实性成分的最大径；仅部分实性肿瘤需要</translation>
        </message>
        <message>
            <source>Other tumour nodules:</source>
            <translation>其他肿瘤结节：</translation>
        </message>
        <message>
            <source>Separate nodules of the same histology; those of the other lung are M1a</source>
            <translation>组织学相同的独立结节；对侧肺者为 M1a</translation>
        </message>
        <message>
            <source>Invasion was looked for</source>
            <translation>已检查侵犯情况</translation>
        </message>
        <message>
            <source>Then the ticks below say all that the tumour involves; no tick means nothing</source>
            <translation>勾选后，以下各项即为肿瘤侵犯的全部；无勾选表示无侵犯</translation>
        </message>
        <message>
            <source>Tick what the tumour involves; nothing in this program looks for it</source>
            <translation>请勾选肿瘤所侵犯的结构；本程序不会自动判断</translation>
        </message>
        <message>
            <source>Take this T into the form</source>
            <translation>将此 T 填入表单</translation>
        </message>
        <message>
            <source>Puts it into the clinical data above, where it can be changed; kept with 'Check and keep'</source>
            <translation>填入上方临床资料，可再修改；按“检查并保存”后保存</translation>
        </message>
        <message>
            <source>N and M are those that you enter in the clinical data above.</source>
            <translation>N 和 M 采用您在上方临床资料中填写的值。</translation>
        </message>
        <message>
            <source>Uptake in a PET (SUV)</source>
            <translation>PET 摄取（SUV）</translation>
        </message>
        <message>
            <source>PET folder:</source>
            <translation>PET 文件夹：</translation>
        </message>
        <message>
            <source>Folder with the DICOM files of a PET</source>
            <translation>PET 的 DICOM 文件所在文件夹</translation>
        </message>
        <message>
            <source>Series:</source>
            <translation>序列：</translation>
        </message>
        <message>
            <source>Number or UID, where the folder holds several PET series</source>
            <translation>文件夹含多个 PET 序列时，填写序列号或 UID</translation>
        </message>
        <message>
            <source>only if there are several</source>
            <translation>仅在有多个序列时填写</translation>
        </message>
        <message>
            <source>Read as SUV</source>
            <translation>读取为 SUV</translation>
        </message>
        <message>
            <source>Reads the PET as SUVbw and compares it with the chosen CT; what the headers do not say is refused</source>
            <translation>将 PET 读取为 SUVbw 并与所选 CT 比较；头信息不足时拒绝</translation>
        </message>
        <message>
            <source>Cancel</source>
            <translation>取消</translation>
        </message>
        <message>
            <source>Stop what is running</source>
            <translation>停止正在进行的计算</translation>
        </message>
        <message>
            <source>PET:</source>
            <translation>PET：</translation>
        </message>
        <message>
            <source>A PET that was read here, in SUV</source>
            <translation>在此读取的 PET（SUV）</translation>
        </message>
        <message>
            <source>Segment:</source>
            <translation>分割段：</translation>
        </message>
        <message>
            <source>A segmentation, and the segment to measure</source>
            <translation>选择分割，以及要测量的分割段</translation>
        </message>
        <message>
            <source>Threshold:</source>
            <translation>阈值：</translation>
        </message>
        <message>
            <source>Of MTV and TLG: voxels of the segment at or above it count</source>
            <translation>用于 MTV 和 TLG：计入分割段内不低于阈值的体素</translation>
        </message>
        <message>
            <source>Measure the uptake</source>
            <translation>测量摄取</translation>
        </message>
        <message>
            <source>On the voxels of the PET, without interpolation</source>
            <translation>在 PET 体素上测量，不插值</translation>
        </message>
        <message>
            <source>Survival</source>
            <translation>生存</translation>
        </message>
        <message>
            <source>No survival model is installed.</source>
            <translation>未安装生存模型。</translation>
        </message>
        <message>
            <source>Log</source>
            <translation>日志</translation>
        </message>
        <message>
            <source>What the computation wrote, for bug reports</source>
            <translation>计算过程的输出，供报告问题时使用</translation>
        </message>
    </context>
    <context>
        <name>panels.brock_section</name>
        <message>
            <source>(not known)</source>
            <translation>（未知）</translation>
        </message>
        <message>
            <source>Female</source>
            <translation>女</translation>
        </message>
        <message>
            <source>Male</source>
            <translation>男</translation>
        </message>
        <message>
            <source>Source: {source}. Made from the first screening CTs of current and former smokers of 50 to 75 years; not for patients with symptoms or a known cancer.</source>
            <translation>来源：{source}。该模型基于 50 至 75 岁现在或曾经吸烟者的首次筛查 CT；不适用于有症状或已知癌症的患者。</translation>
        </message>
        <message>
            <source>Choose a nodule in the list.</source>
            <translation>请在列表中选择结节。</translation>
        </message>
        <message>
            <source>Brock: probability of cancer {percent} %.</source>
            <translation>Brock：恶性概率 {percent} %。</translation>
        </message>
        <message>
            <source>Brock cannot be computed without: {names}.</source>
            <translation>缺少以下信息，无法计算 Brock：{names}。</translation>
        </message>
        <message>
            <source>Long axis (mm)</source>
            <translation>长径（mm）</translation>
        </message>
        <message>
            <source>Yes</source>
            <translation>是</translation>
        </message>
        <message>
            <source>No</source>
            <translation>否</translation>
        </message>
        <message>
            <source>By the rule: {type}</source>
            <translation>按规则：{type}</translation>
        </message>
        <message>
            <source>Age and sex count once they are confirmed.</source>
            <translation>年龄和性别须经确认方才采用。</translation>
        </message>
    </context>
    <context>
        <name>panels.clinical_fields</name>
        <message>
            <source>Female</source>
            <translation>女</translation>
        </message>
        <message>
            <source>Male</source>
            <translation>男</translation>
        </message>
        <message>
            <source>Never</source>
            <translation>从不吸烟</translation>
        </message>
        <message>
            <source>Former</source>
            <translation>既往吸烟</translation>
        </message>
        <message>
            <source>Current</source>
            <translation>目前吸烟</translation>
        </message>
        <message>
            <source>0: fully active</source>
            <translation>0：活动能力完全正常</translation>
        </message>
        <message>
            <source>1: light work only</source>
            <translation>1：仅能从事轻体力活动</translation>
        </message>
        <message>
            <source>2: cares for self, no work</source>
            <translation>2：生活自理，不能工作</translation>
        </message>
        <message>
            <source>3: in bed or chair more than half the day</source>
            <translation>3：半天以上卧床或坐椅</translation>
        </message>
        <message>
            <source>4: completely disabled</source>
            <translation>4：完全不能自理</translation>
        </message>
        <message>
            <source>Adenocarcinoma</source>
            <translation>腺癌</translation>
        </message>
        <message>
            <source>Squamous cell carcinoma</source>
            <translation>鳞状细胞癌</translation>
        </message>
        <message>
            <source>Adenosquamous carcinoma</source>
            <translation>腺鳞癌</translation>
        </message>
        <message>
            <source>Large cell carcinoma</source>
            <translation>大细胞癌</translation>
        </message>
        <message>
            <source>Non-small cell carcinoma, not otherwise specified</source>
            <translation>非小细胞癌，非特指型</translation>
        </message>
        <message>
            <source>Small cell carcinoma</source>
            <translation>小细胞癌</translation>
        </message>
        <message>
            <source>Carcinoid</source>
            <translation>类癌</translation>
        </message>
        <message>
            <source>Other</source>
            <translation>其他</translation>
        </message>
        <message>
            <source>(not known)</source>
            <translation>（未知）</translation>
        </message>
    </context>
    <context>
        <name>panels.colour_choice</name>
        <message>
            <source>Jet</source>
            <translation>Jet</translation>
        </message>
        <message>
            <source>Viridis</source>
            <translation>Viridis</translation>
        </message>
    </context>
    <context>
        <name>panels.import_section</name>
        <message>
            <source>The CT is loaded.</source>
            <translation>CT 已载入。</translation>
        </message>
        <message>
            <source>Choose an existing folder with the DICOM files of a chest CT.</source>
            <translation>请选择包含胸部 CT 的 DICOM 文件的已有文件夹。</translation>
        </message>
        <message>
            <source>Slicer's DICOM database could not take the folder.</source>
            <translation>Slicer 的 DICOM 数据库无法收录该文件夹。</translation>
        </message>
    </context>
    <context>
        <name>panels.lungpnet_panel</name>
        <message>
            <source>Check the quality, find and measure lungs and nodules, write the report</source>
            <translation>检查质量，查找并测量肺和结节，撰写报告</translation>
        </message>
        <message>
            <source>Choose a chest CT first, or import a DICOM folder</source>
            <translation>请先选择胸部 CT，或导入 DICOM 文件夹</translation>
        </message>
        <message>
            <source>The earlier result is shown.</source>
            <translation>已显示已有结果。</translation>
        </message>
        <message>
            <source>Choose a folder for the results in the options.</source>
            <translation>请在选项中选择保存结果的文件夹。</translation>
        </message>
        <message>
            <source>Done in {seconds:.0f} s.</source>
            <translation>完成，用时 {seconds:.0f} 秒。</translation>
        </message>
        <message>
            <source>Load the CT that the result was made from first, then open the result again.</source>
            <translation>请先载入该结果所依据的 CT，再打开结果。</translation>
        </message>
        <message>
            <source>The CT is no longer in the scene. Its result is in {folder}.</source>
            <translation>该 CT 已不在场景中。其结果位于 {folder}。</translation>
        </message>
    </context>
    <context>
        <name>panels.lungsegment_panel</name>
        <message>
            <source>Not measured as it is now: press 'Measure'.</source>
            <translation>当前分割尚未测量：请按“测量”。</translation>
        </message>
        <message>
            <source>Find both lungs in this CT</source>
            <translation>在此 CT 中分割双肺</translation>
        </message>
        <message>
            <source>Choose a chest CT first</source>
            <translation>请先选择胸部 CT</translation>
        </message>
        <message>
            <source>Saved for training as patient {name}; the cohort has {count} studies.</source>
            <translation>已保存用于训练，患者代号 {name}；队列共有 {count} 例检查。</translation>
        </message>
        <message>
            <source>The segmentation is measured as it is now.</source>
            <translation>已按当前分割测量。</translation>
        </message>
        <message>
            <source>There is no main window to show the Segment Editor in.</source>
            <translation>没有可显示分割编辑器的主窗口。</translation>
        </message>
        <message>
            <source>There is no view to show a plot in.</source>
            <translation>没有可显示图表的视图。</translation>
        </message>
        <message>
            <source>Choose two different segmentations.</source>
            <translation>请选择两个不同的分割。</translation>
        </message>
        <message>
            <source>The two segmentations are compared.</source>
            <translation>已比较两个分割。</translation>
        </message>
        <message>
            <source>There are no lungs to save. Find them, then correct them.</source>
            <translation>没有可保存的肺。请先分割，再修正。</translation>
        </message>
        <message>
            <source>These lungs are as they were found, so there is no correction to save. Correct them in the Segment Editor first.</source>
            <translation>肺分割未经修改，没有可保存的修正。请先在分割编辑器中修正。</translation>
        </message>
        <message>
            <source>Choose the cohort folder.</source>
            <translation>请选择队列文件夹。</translation>
        </message>
        <message>
            <source>Done in {seconds:.0f} s.</source>
            <translation>完成，用时 {seconds:.0f} 秒。</translation>
        </message>
    </context>
    <context>
        <name>panels.measurement_rows</name>
        <message>
            <source>lungs not found</source>
            <translation>未分割肺</translation>
        </message>
        <message>
            <source>non-solid</source>
            <translation>非实性</translation>
        </message>
        <message>
            <source>part-solid</source>
            <translation>部分实性</translation>
        </message>
        <message>
            <source>solid</source>
            <translation>实性</translation>
        </message>
        <message>
            <source>Share of the voxels at or above -300 HU; vessels and calcium among them</source>
            <translation>不低于 -300 HU 的体素所占比例；包括血管和钙化</translation>
        </message>
        <message>
            <source>Largest diameter in space of the largest connected part at or above -300 HU</source>
            <translation>不低于 -300 HU 的最大连通部分的空间最大径</translation>
        </message>
        <message>
            <source>Density alone cannot tell part-solid from solid nodules: look whether there is ground glass.</source>
            <translation>仅凭密度无法区分部分实性与实性结节：请观察是否有磨玻璃成分。</translation>
        </message>
        <message>
            <source>Measurement</source>
            <translation>测量项目</translation>
        </message>
        <message>
            <source>Value</source>
            <translation>数值</translation>
        </message>
        <message>
            <source>Long × short axis</source>
            <translation>长径 × 短径</translation>
        </message>
        <message>
            <source>Long and short axis on the axial section with the largest area</source>
            <translation>最大面积横断面上的长径和短径</translation>
        </message>
        <message>
            <source>Mean diameter</source>
            <translation>平均直径</translation>
        </message>
        <message>
            <source>Mean of both, to the whole millimetre as the Fleischner Society recommends</source>
            <translation>二者均值，按 Fleischner 学会建议取整毫米</translation>
        </message>
        <message>
            <source>Volume</source>
            <translation>体积</translation>
        </message>
        <message>
            <source>Number of voxels of the outline times the volume of one</source>
            <translation>轮廓内体素数乘以单个体素体积</translation>
        </message>
        <message>
            <source>Mean density</source>
            <translation>平均密度</translation>
        </message>
        <message>
            <source>Over all voxels of the outline</source>
            <translation>轮廓内全部体素的均值</translation>
        </message>
        <message>
            <source>Solid share</source>
            <translation>实性比例</translation>
        </message>
        <message>
            <source>Solid diameter</source>
            <translation>实性成分直径</translation>
        </message>
        <message>
            <source>Right lung</source>
            <translation>右肺</translation>
        </message>
        <message>
            <source>Left lung</source>
            <translation>左肺</translation>
        </message>
        <message>
            <source>upper third</source>
            <translation>上三分之一</translation>
        </message>
        <message>
            <source>middle third</source>
            <translation>中三分之一</translation>
        </message>
        <message>
            <source>lower third</source>
            <translation>下三分之一</translation>
        </message>
        <message>
            <source>Distance to the pleura</source>
            <translation>距胸膜</translation>
        </message>
        <message>
            <source>To the outer border of its lung; fissures do not count</source>
            <translation>至所在肺的外缘；不计叶间裂</translation>
        </message>
        <message>
            <source>Place</source>
            <translation>位置</translation>
        </message>
        <message>
            <source>Thirds of the height of its lung; they are no lobes</source>
            <translation>按所在肺的高度三等分；并非肺叶</translation>
        </message>
        <message>
            <source>Slice</source>
            <translation>层面</translation>
        </message>
        <message>
            <source>The slice with the largest section, counted from 1</source>
            <translation>截面最大的层面，从 1 计数</translation>
        </message>
        <message>
            <source>By this rule: {rule}. {caution}</source>
            <translation>依据规则：{rule}。{caution}</translation>
        </message>
        <message>
            <source>Type (suggested)</source>
            <translation>类型（建议）</translation>
        </message>
    </context>
    <context>
        <name>panels.nodule_list</name>
        <message>
            <source>No.</source>
            <translation>编号</translation>
        </message>
        <message>
            <source>Long ×
short (mm)</source>
            <translation>长径×
短径 (mm)</translation>
        </message>
        <message>
            <source>Diam.
(mm)</source>
            <translation>直径
(mm)</translation>
        </message>
        <message>
            <source>Vol.
(mL)</source>
            <translation>体积
(mL)</translation>
        </message>
        <message>
            <source>Mean
(HU)</source>
            <translation>平均
(HU)</translation>
        </message>
        <message>
            <source>Side,
slice</source>
            <translation>侧别，
层面</translation>
        </message>
        <message>
            <source>Status</source>
            <translation>状态</translation>
        </message>
        <message>
            <source>Number of the nodule; its segment has the same name</source>
            <translation>结节编号；对应分割的名称相同</translation>
        </message>
        <message>
            <source>Long and short axis on the axial section with the largest area</source>
            <translation>最大面积横断面上的长径和短径</translation>
        </message>
        <message>
            <source>Mean of long and short axis, to the whole millimetre</source>
            <translation>长短径的平均值，取整至毫米</translation>
        </message>
        <message>
            <source>Volume of the outline</source>
            <translation>轮廓的体积</translation>
        </message>
        <message>
            <source>Mean density of the outline</source>
            <translation>轮廓内的平均密度</translation>
        </message>
        <message>
            <source>Right or left lung, where the lungs of this CT were found, and the slice with the largest section, counted from 1</source>
            <translation>右肺或左肺（已分割肺时），以及最大截面所在层面（从 1 起计）</translation>
        </message>
        <message>
            <source>What you decided</source>
            <translation>您的判断</translation>
        </message>
        <message>
            <source>open</source>
            <translation>待定</translation>
        </message>
        <message>
            <source>accepted</source>
            <translation>已接受</translation>
        </message>
        <message>
            <source>rejected</source>
            <translation>已排除</translation>
        </message>
        <message>
            <source>R</source>
            <translation>右</translation>
        </message>
        <message>
            <source>L</source>
            <translation>左</translation>
        </message>
    </context>
    <context>
        <name>panels.nodule_rows</name>
        <message>
            <source>No.</source>
            <translation>编号</translation>
        </message>
        <message>
            <source>Finding</source>
            <translation>检出</translation>
        </message>
        <message>
            <source>Place</source>
            <translation>位置</translation>
        </message>
        <message>
            <source>Long
(mm)</source>
            <translation>长径
(mm)</translation>
        </message>
        <message>
            <source>Vol.
(mL)</source>
            <translation>体积
(mL)</translation>
        </message>
        <message>
            <source>Score</source>
            <translation>评分</translation>
        </message>
        <message>
            <source>Status</source>
            <translation>状态</translation>
        </message>
        <message>
            <source>Number of the nodule, as in the report; its segment has the same name</source>
            <translation>结节编号，与报告一致；其分割段同名</translation>
        </message>
        <message>
            <source>Type by density alone, which cannot tell part-solid from solid nodules for sure; what is longer than 30 mm is called a mass</source>
            <translation>类型仅由密度判断，不能可靠区分部分实性与实性结节；长径大于 30 mm 者称为肿块</translation>
        </message>
        <message>
            <source>Right or left lung, and the third of its height; thirds are no lobes</source>
            <translation>右肺或左肺，及其高度的上、中、下 1/3；1/3 并非肺叶</translation>
        </message>
        <message>
            <source>Longest axis on the axial section with the largest area</source>
            <translation>面积最大的横断面上的最长径</translation>
        </message>
        <message>
            <source>Volume of the outline</source>
            <translation>轮廓的体积</translation>
        </message>
        <message>
            <source>Ranks what was found; neither a probability of a nodule nor one of cancer</source>
            <translation>仅用于排序；既不是结节的概率，也不是癌的概率</translation>
        </message>
        <message>
            <source>What you decided</source>
            <translation>您的判断</translation>
        </message>
        <message>
            <source>nodule</source>
            <translation>结节</translation>
        </message>
        <message>
            <source>mass</source>
            <translation>肿块</translation>
        </message>
        <message>
            <source>open</source>
            <translation>待定</translation>
        </message>
        <message>
            <source>accepted</source>
            <translation>已接受</translation>
        </message>
        <message>
            <source>rejected</source>
            <translation>已排除</translation>
        </message>
        <message>
            <source>R
upper</source>
            <translation>右
上</translation>
        </message>
        <message>
            <source>L
upper</source>
            <translation>左
上</translation>
        </message>
        <message>
            <source>R
middle</source>
            <translation>右
中</translation>
        </message>
        <message>
            <source>L
middle</source>
            <translation>左
中</translation>
        </message>
        <message>
            <source>R
lower</source>
            <translation>右
下</translation>
        </message>
        <message>
            <source>L
lower</source>
            <translation>左
下</translation>
        </message>
        <message>
            <source>R</source>
            <translation>右</translation>
        </message>
        <message>
            <source>L</source>
            <translation>左</translation>
        </message>
    </context>
    <context>
        <name>panels.nodule_section</name>
        <message>
            <source>Then click into a nodule in a slice view; Esc stops</source>
            <translation>然后在切片视图中单击结节；Esc 停止</translation>
        </message>
        <message>
            <source>{names}: measured again, because the outline has changed.</source>
            <translation>{names}：轮廓已更改，已重新测量。</translation>
        </message>
        <message>
            <source>Look for nodules in these lungs</source>
            <translation>在此肺内查找结节</translation>
        </message>
        <message>
            <source>Find the lungs first</source>
            <translation>请先查找肺</translation>
        </message>
        <message>
            <source>Click into a nodule in a slice view; Esc stops.</source>
            <translation>请在切面视图中点击结节；按 Esc 停止。</translation>
        </message>
        <message>
            <source>{name} was outlined. Check the outline in all views.</source>
            <translation>已勾画{name}。请在所有视图中核对轮廓。</translation>
        </message>
        <message>
            <source>There is no main window to show the Segment Editor in.</source>
            <translation>没有可显示分割编辑器的主窗口。</translation>
        </message>
        <message>
            <source>Done in {seconds:.0f} s.</source>
            <translation>完成，用时 {seconds:.0f} 秒。</translation>
        </message>
    </context>
    <context>
        <name>panels.nodule_words</name>
        <message>
            <source>{shown} of {total} findings are shown. Each may be no nodule; scores are no probabilities.</source>
            <translation>显示 {total} 个检出中的 {shown} 个。每一个都可能并非结节；评分不是概率。</translation>
        </message>
        <message>
            <source>Report and DICOM objects hold the findings at {rate} false findings a scan.</source>
            <translation>报告和 DICOM 对象为每次扫描 {rate} 个假阳性时的检出。</translation>
        </message>
        <message>
            <source>{name}: mean {mean} HU, SD {sd} HU, skewness {skewness}, entropy {entropy} bits, {solid} % solid; within {radius} mm SD {localSd} HU, entropy {localEntropy} bits.</source>
            <translation>{name}：平均 {mean} HU，SD {sd} HU，偏度 {skewness}，熵 {entropy} bit，实性 {solid} %；{radius} mm 内 SD {localSd} HU，熵 {localEntropy} bit。</translation>
        </message>
        <message>
            <source>No nodule was found at this operating point. This does not exclude nodules.</source>
            <translation>在此工作点未检出结节，但不能排除结节。</translation>
        </message>
        <message>
            <source>No score is high enough for so few false findings.</source>
            <translation>没有评分能达到如此低的假阳性率。</translation>
        </message>
        <message>
            <source>Nodules were not looked for in this CT yet.</source>
            <translation>尚未在此 CT 中查找结节。</translation>
        </message>
        <message>
            <source>It is not known how many false findings these weights bring, so there is nothing to choose.</source>
            <translation>此权重的假阳性数量未知，因此无从选择。</translation>
        </message>
        <message>
            <source>On validation patients ({scans} scans, {nodules} nodules): {sensitivity} % of the nodules found, {false} false findings a scan.</source>
            <translation>在验证患者中（{scans} 次扫描，{nodules} 个结节）：检出 {sensitivity} % 的结节，每次扫描 {false} 个假阳性。</translation>
        </message>
    </context>
    <context>
        <name>panels.nodulegrade_panel</name>
        <message>
            <source>Click into a nodule in a slice view; Esc stops.</source>
            <translation>请在切面视图中点击结节；按 Esc 停止。</translation>
        </message>
        <message>
            <source>Then click into a nodule in a slice view; its outline is found at once</source>
            <translation>然后在切面视图中点击结节，轮廓即自动勾画</translation>
        </message>
        <message>
            <source>Choose a chest CT first</source>
            <translation>请先选择胸部 CT</translation>
        </message>
        <message>
            <source>Measurements of the selected nodule</source>
            <translation>所选结节的测量值</translation>
        </message>
        <message>
            <source>{name} was outlined. Check the outline in all views.</source>
            <translation>已勾画{name}。请在所有视图中核对轮廓。</translation>
        </message>
        <message>
            <source>The segment was measured as {name}.</source>
            <translation>已将该分割段作为{name}测量。</translation>
        </message>
        <message>
            <source>Measurements of {name}</source>
            <translation>{name}的测量值</translation>
        </message>
        <message>
            <source>All outlines were measured as they are now.</source>
            <translation>已按当前轮廓测量全部结节。</translation>
        </message>
    </context>
    <context>
        <name>panels.panel</name>
        <message>
            <source>Research use only, not for diagnosis.</source>
            <translation>仅供研究使用，不得用于诊断。</translation>
        </message>
    </context>
    <context>
        <name>panels.result_section</name>
        <message>
            <source>The findings are accepted.</source>
            <translation>结果已确认。</translation>
        </message>
        <message>
            <source>Accepted: the DICOM report is complete and verified.</source>
            <translation>已确认：DICOM 报告已完成并已核实。</translation>
        </message>
        <message>
            <source>Rejected nodules that are left out of the DICOM report: {count}.</source>
            <translation>未写入 DICOM 报告的已否定结节：{count} 个。</translation>
        </message>
        <message>
            <source>Verdict</source>
            <translation>结论</translation>
        </message>
        <message>
            <source>Check</source>
            <translation>检查项目</translation>
        </message>
        <message>
            <source>The CT has not been analyzed yet.</source>
            <translation>此 CT 尚未分析。</translation>
        </message>
        <message>
            <source>Not accepted yet: the DICOM report says that it is unverified.</source>
            <translation>尚未确认：DICOM 报告标记为未核实。</translation>
        </message>
        <message>
            <source>The segmentation was corrected after the analysis, so the measurements are no longer those of what is shown. They cannot be accepted.</source>
            <translation>分析后分割已被修正，测量值与所示不再一致，无法确认。</translation>
        </message>
        <message>
            <source>Choose an existing folder to export the DICOM objects to.</source>
            <translation>请选择导出 DICOM 对象的已有文件夹。</translation>
        </message>
        <message>
            <source>The folder of this result was moved or deleted. Analyze the CT again.</source>
            <translation>该结果的文件夹已移动或删除。请重新分析 CT。</translation>
        </message>
        <message>
            <source>Without DICOM files as the source there is no DICOM report to accept.</source>
            <translation>来源不是 DICOM 文件，因此没有可确认的 DICOM 报告。</translation>
        </message>
        <message>
            <source>{names} copied. Nothing was sent anywhere.</source>
            <translation>已复制 {names}。未发送到任何地方。</translation>
        </message>
        <message>
            <source>'{name}' is not there any more.</source>
            <translation>“{name}”已不存在。</translation>
        </message>
        <message>
            <source>{count} of {total} checks ask for caution.</source>
            <translation>{total} 项检查中有 {count} 项需注意。</translation>
        </message>
        <message>
            <source>All {total} checks are passed.</source>
            <translation>全部 {total} 项检查均已通过。</translation>
        </message>
        <message>
            <source>'{name}' exists in that folder. Choose another one.</source>
            <translation>该文件夹中已有“{name}”。请另选文件夹。</translation>
        </message>
        <message>
            <source>'{name}' cannot be written: {reason}.</source>
            <translation>无法写入“{name}”：{reason}。</translation>
        </message>
        <message>
            <source>{check}: {value}</source>
            <translation>{check}：{value}</translation>
        </message>
    </context>
    <context>
        <name>panels.run_area</name>
        <message>
            <source>Starting...</source>
            <translation>正在启动…</translation>
        </message>
        <message>
            <source>Reading the CT</source>
            <translation>正在读取 CT</translation>
        </message>
        <message>
            <source>Checking the quality</source>
            <translation>正在检查质量</translation>
        </message>
        <message>
            <source>Finding the lungs</source>
            <translation>正在分割肺</translation>
        </message>
        <message>
            <source>Finding the nodules</source>
            <translation>正在查找结节</translation>
        </message>
        <message>
            <source>Measuring the lungs</source>
            <translation>正在测量肺</translation>
        </message>
        <message>
            <source>Comparing the segmentations</source>
            <translation>正在比较分割</translation>
        </message>
        <message>
            <source>Saving CT and segmentation</source>
            <translation>正在保存 CT 和分割</translation>
        </message>
        <message>
            <source>Writing DICOM SEG and SR</source>
            <translation>正在写入 DICOM SEG 和 SR</translation>
        </message>
        <message>
            <source>Writing the report</source>
            <translation>正在生成报告</translation>
        </message>
        <message>
            <source>Loading the models</source>
            <translation>正在载入模型</translation>
        </message>
        <message>
            <source>Reading the PET</source>
            <translation>正在读取 PET</translation>
        </message>
        <message>
            <source>Comparing PET and CT</source>
            <translation>正在比较 PET 与 CT</translation>
        </message>
        <message>
            <source>Measuring the uptake</source>
            <translation>正在测量摄取</translation>
        </message>
        <message>
            <source>Cancelling...</source>
            <translation>正在取消…</translation>
        </message>
    </context>
    <context>
        <name>panels.setup_section</name>
        <message>
            <source>Install what is missing? This downloads up to several gigabytes and takes minutes.</source>
            <translation>是否安装缺失组件？将下载最多数 GB 数据，需要数分钟。</translation>
        </message>
        <message>
            <source>missing</source>
            <translation>缺失</translation>
        </message>
        <message>
            <source>Model</source>
            <translation>模型</translation>
        </message>
        <message>
            <source>Choose a model with a card.</source>
            <translation>请选择带有说明的模型。</translation>
        </message>
        <message>
            <source>Choose a model.</source>
            <translation>请选择模型。</translation>
        </message>
        <message>
            <source>Delete the model {name} from this computer?</source>
            <translation>是否从本机删除模型 {name}？</translation>
        </message>
        <message>
            <source>Learned from: {cohort}</source>
            <translation>训练数据：{cohort}</translation>
        </message>
        <message>
            <source>Licence: {licence}</source>
            <translation>许可：{licence}</translation>
        </message>
    </context>
    <context>
        <name>panels.stage_section</name>
        <message>
            <source>occult carcinoma</source>
            <translation>隐性癌</translation>
        </message>
        <message>
            <source>9th edition (2024)</source>
            <translation>第 9 版（2024）</translation>
        </message>
        <message>
            <source>8th edition (2016)</source>
            <translation>第 8 版（2016）</translation>
        </message>
        <message>
            <source>(not known)</source>
            <translation>（未知）</translation>
        </message>
        <message>
            <source>(choose one)</source>
            <translation>（请选择）</translation>
        </message>
        <message>
            <source>(none measured yet)</source>
            <translation>（尚无测量）</translation>
        </message>
        <message>
            <source>{t}: {rule}. Source: {source}.</source>
            <translation>{t}：{rule}。来源：{source}。</translation>
        </message>
        <message>
            <source>stage {group}</source>
            <translation>{group} 期</translation>
        </message>
        <message>
            <source>{row}: {group}. Source: {source}.</source>
            <translation>{row}：{group}。来源：{source}。</translation>
        </message>
        <message>
            <source>T cannot be told without: {names}.</source>
            <translation>缺少以下信息，无法确定 T：{names}。</translation>
        </message>
        <message>
            <source>Cannot be staged without: {names}.</source>
            <translation>缺少以下信息，无法分期：{names}。</translation>
        </message>
    </context>
    <context>
        <name>panels.survivalrisk_panel</name>
        <message>
            <source>No survival model is installed.</source>
            <translation>未安装生存模型。</translation>
        </message>
        <message>
            <source>Check the form and keep it in the scene, for all series of this study</source>
            <translation>检查表单并保留在场景中，适用于本次检查的所有序列</translation>
        </message>
        <message>
            <source>Choose a chest CT first</source>
            <translation>请先选择胸部 CT</translation>
        </message>
        <message>
            <source>The form is complete.</source>
            <translation>表单已填写完整。</translation>
        </message>
        <message>
            <source>Kept. Save the scene to have it next time.</source>
            <translation>已保留。保存场景以便下次使用。</translation>
        </message>
        <message>
            <source>Not kept yet.</source>
            <translation>尚未保留。</translation>
        </message>
        <message>
            <source>Choose a file, .csv or .json.</source>
            <translation>请选择 .csv 或 .json 文件。</translation>
        </message>
        <message>
            <source>Not known yet: {fields}.</source>
            <translation>尚未填写：{fields}。</translation>
        </message>
        <message>
            <source>Written to {name}.</source>
            <translation>已写入 {name}。</translation>
        </message>
    </context>
    <context>
        <name>panels.uptake_section</name>
        <message>
            <source>not possible</source>
            <translation>无法计算</translation>
        </message>
        <message>
            <source>Measure the uptake of the segment on the voxels of the PET</source>
            <translation>在 PET 体素上测量该分割段的摄取</translation>
        </message>
        <message>
            <source>Read or choose a PET and choose a segment first</source>
            <translation>请先读取或选择 PET，并选择分割段</translation>
        </message>
        <message>
            <source>The PET is loaded as SUV.</source>
            <translation>PET 已按 SUV 载入。</translation>
        </message>
        <message>
            <source>SUVmax</source>
            <translation>SUVmax</translation>
        </message>
        <message>
            <source>SUVmean</source>
            <translation>SUVmean</translation>
        </message>
        <message>
            <source>SUVpeak (1 mL)</source>
            <translation>SUVpeak（1 mL）</translation>
        </message>
        <message>
            <source>Volume</source>
            <translation>体积</translation>
        </message>
        <message>
            <source>Threshold</source>
            <translation>阈值</translation>
        </message>
        <message>
            <source>MTV</source>
            <translation>MTV</translation>
        </message>
        <message>
            <source>SUVmean in MTV</source>
            <translation>MTV 内 SUVmean</translation>
        </message>
        <message>
            <source>TLG</source>
            <translation>TLG</translation>
        </message>
        <message>
            <source>Choose an existing folder with the DICOM files of a PET.</source>
            <translation>请选择含有 PET DICOM 文件的现有文件夹。</translation>
        </message>
        <message>
            <source>The CT is no longer in the scene; its result was dropped.</source>
            <translation>该 CT 已不在场景中；其结果已丢弃。</translation>
        </message>
        <message>
            <source>Uptake</source>
            <translation>摄取</translation>
        </message>
        <message>
            <source>Value</source>
            <translation>数值</translation>
        </message>
        <message>
            <source>PET and CT fit. {reason}</source>
            <translation>PET 与 CT 吻合。{reason}</translation>
        </message>
        <message>
            <source>PET and CT: look closely. {reason}</source>
            <translation>PET 与 CT：请仔细核对。{reason}</translation>
        </message>
        <message>
            <source>PET and CT do not fit. {reason}</source>
            <translation>PET 与 CT 不吻合。{reason}</translation>
        </message>
        <message>
            <source>PET or segment are no longer in the scene.</source>
            <translation>PET 或分割段已不在场景中。</translation>
        </message>
        <message>
            <source>The uptake is measured.</source>
            <translation>摄取已测量。</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.clinical_store</name>
        <message>
            <source>Enter the patient's pseudonym: the table has a row for each patient.</source>
            <translation>请输入患者的化名：表格中每位患者一行。</translation>
        </message>
        <message>
            <source>The table has {found} rows with this pseudonym in the column patient_id, and it has to have one; it has {rows} rows in all. Correct the pseudonym or the table.</source>
            <translation>表格的 patient_id 列中有 {found} 行为此化名，应恰有一行；表格共 {rows} 行。请更正化名或表格。</translation>
        </message>
        <message>
            <source>The file '{name}' exists already. Choose another name.</source>
            <translation>文件“{name}”已存在。请另选名称。</translation>
        </message>
        <message>
            <source>Enter a pseudonym for the column patient_id of the table.</source>
            <translation>请输入表格 patient_id 列的化名。</translation>
        </message>
        <message>
            <source>The file is named '{name}'; accepted: names that end in .csv or .json.</source>
            <translation>文件名为“{name}”；仅接受以 .csv 或 .json 结尾的名称。</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.dependencies</name>
        <message>
            <source>PyTorch is not made for Macs with an Intel processor any more: 2.2 was the last version, and LungPNet needs 2.8. On a Mac with an Apple processor, use a Slicer that was built for it; otherwise use a computer with Windows or Linux. Without PyTorch the lungs can be found with the classical method.</source>
            <translation>PyTorch 已不再支持 Intel 处理器的 Mac：最后版本为 2.2，而 LungPNet 需要 2.8。在 Apple 处理器的 Mac 上，请使用为其构建的 Slicer；否则请使用 Windows 或 Linux 计算机。没有 PyTorch 时可用经典方法分割肺。</translation>
        </message>
        <message>
            <source>Everything that LungPNet needs is installed.</source>
            <translation>LungPNet 所需组件均已安装。</translation>
        </message>
        <message>
            <source>PyTorch is missing or too old, so no network can run. Missing: {missing}.</source>
            <translation>PyTorch 缺失或版本过旧，无法运行神经网络。缺失：{missing}。</translation>
        </message>
        <message>
            <source>Python packages are missing: {missing}.</source>
            <translation>缺失 Python 软件包：{missing}。</translation>
        </message>
        <message>
            <source>{what} could not be installed ({reason}). See the Python console for what pip said; check the network and the disk, and try again.</source>
            <translation>无法安装 {what}（{reason}）。pip 的输出见 Python 控制台；请检查网络和磁盘后重试。</translation>
        </message>
        <message>
            <source>PyTorch was not installed, as you chose.</source>
            <translation>已按您的选择不安装 PyTorch。</translation>
        </message>
        <message>
            <source>The extension PyTorch is not installed. Install it with the Extensions Manager, restart Slicer and try again.</source>
            <translation>未安装 PyTorch 扩展。请用扩展管理器安装，重启 Slicer 后重试。</translation>
        </message>
        <message>
            <source>These packages are still missing after the installation: {missing}. Restart Slicer and try again.</source>
            <translation>安装后仍缺失以下软件包：{missing}。请重启 Slicer 后重试。</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.hierarchy</name>
        <message>
            <source>Patient</source>
            <translation>患者</translation>
        </message>
        <message>
            <source>Study</source>
            <translation>检查</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.importing</name>
        <message>
            <source>Chest CT</source>
            <translation>胸部 CT</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.language</name>
        <message>
            <source>en</source>
            <translation>zh</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.lung_method</name>
        <message>
            <source>Nodules were not looked for.</source>
            <translation>未查找结节。</translation>
        </message>
        <message>
            <source>Install it in the module LungPNet, section 'Installation and models'.</source>
            <translation>请在 LungPNet 模块的“安装与模型”部分安装。</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.lung_nodes</name>
        <message>
            <source>lungs (network)</source>
            <translation>肺（神经网络）</translation>
        </message>
        <message>
            <source>lungs (classical)</source>
            <translation>肺（经典方法）</translation>
        </message>
        <message>
            <source>lung measurements</source>
            <translation>肺测量</translation>
        </message>
        <message>
            <source>lung histogram</source>
            <translation>肺直方图</translation>
        </message>
        <message>
            <source>comparison of lungs</source>
            <translation>肺分割比较</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.models</name>
        <message>
            <source>The models can be listed once the missing packages are installed.</source>
            <translation>安装缺失的软件包后即可列出模型。</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.nodule_acceptance</name>
        <message>
            <source>The nodules that are shown come from another search than this result. Open the result again, then accept it.</source>
            <translation>所显示的结节来自另一次查找，而非此结果。请重新打开结果，然后再接受。</translation>
        </message>
        <message>
            <source>The outline of {name} was changed after the analysis, so the report no longer holds what is shown. Reject it, or open the result again.</source>
            <translation>{name} 的轮廓在分析后已更改，报告与所显示的不再一致。请否定它，或重新打开结果。</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.nodule_names</name>
        <message>
            <source>Mass {number}</source>
            <translation>肿块 {number}</translation>
        </message>
        <message>
            <source>Nodule {number}</source>
            <translation>结节 {number}</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.nodule_nodes</name>
        <message>
            <source>What lies at this point is smaller than a voxel of this CT. Outline it by hand.</source>
            <translation>该点处的结构小于此 CT 的一个体素。请手动勾画。</translation>
        </message>
        <message>
            <source>This nodule is in the list already, as {name}. Click on another one, or delete that entry first.</source>
            <translation>该结节已在列表中（{name}）。请点击其他结节，或先删除该条目。</translation>
        </message>
        <message>
            <source>This was found already, as {name}, with a score too low to be listed. Move the slider of the module LungSegment to the right to list it; once accepted it stays listed.</source>
            <translation>此处已检出，为{name}，但评分过低，未列出。在 LungSegment 模块中将滑块右移即可列出；接受后将一直列出。</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.nodule_outlines</name>
        <message>
            <source>nodules</source>
            <translation>结节</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.nodule_overlay</name>
        <message>
            <source>heterogeneity</source>
            <translation>异质性</translation>
        </message>
        <message>
            <source>colours of HU</source>
            <translation>HU 色标</translation>
        </message>
        <message>
            <source>No nodule is shown that could be coloured.</source>
            <translation>没有可着色的结节。</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.open_result</name>
        <message>
            <source>quality</source>
            <translation>质量</translation>
        </message>
        <message>
            <source>lung histogram</source>
            <translation>肺直方图</translation>
        </message>
        <message>
            <source>lungs</source>
            <translation>肺</translation>
        </message>
        <message>
            <source>lung measurements</source>
            <translation>肺测量</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.parameters</name>
        <message>
            <source>Automatic choice</source>
            <translation>自动选择</translation>
        </message>
        <message>
            <source>Thresholds and morphology</source>
            <translation>阈值与形态学</translation>
        </message>
        <message>
            <source>Neural network</source>
            <translation>神经网络</translation>
        </message>
        <message>
            <source>Graphics card if there is one</source>
            <translation>优先使用显卡</translation>
        </message>
        <message>
            <source>Processor only</source>
            <translation>仅处理器</translation>
        </message>
        <message>
            <source>Graphics card (CUDA)</source>
            <translation>显卡 (CUDA)</translation>
        </message>
        <message>
            <source>41 % of SUVmax</source>
            <translation>SUVmax 的 41 %</translation>
        </message>
        <message>
            <source>SUV 2.5</source>
            <translation>SUV 2.5</translation>
        </message>
        <message>
            <source>SUV 4.0</source>
            <translation>SUV 4.0</translation>
        </message>
        <message>
            <source>1 in 8 scans</source>
            <translation>每 8 次扫描 1 个</translation>
        </message>
        <message>
            <source>1 in 4 scans</source>
            <translation>每 4 次扫描 1 个</translation>
        </message>
        <message>
            <source>1 in 2 scans</source>
            <translation>每 2 次扫描 1 个</translation>
        </message>
        <message>
            <source>1 a scan</source>
            <translation>每次扫描 1 个</translation>
        </message>
        <message>
            <source>2 a scan</source>
            <translation>每次扫描 2 个</translation>
        </message>
        <message>
            <source>4 a scan</source>
            <translation>每次扫描 4 个</translation>
        </message>
        <message>
            <source>8 a scan</source>
            <translation>每次扫描 8 个</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.pet_nodes</name>
        <message>
            <source>Not compared with this CT: choose the CT, then read the PET again.</source>
            <translation>尚未与此 CT 比较：请选择该 CT，然后重新读取 PET。</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.results</name>
        <message>
            <source>{name} (corrected)</source>
            <translation>{name}（已修正）</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.sample_data</name>
        <message>
            <source>The sample CT cannot be made.</source>
            <translation>无法生成示例 CT。</translation>
        </message>
        <message>
            <source>Making the sample CT...</source>
            <translation>正在生成示例 CT…</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.sources</name>
        <message>
            <source>The DICOM files of this CT are not together at hand any more, so it is analyzed as it was loaded, and no DICOM SEG and SR can be written. Import its folder again to have them.</source>
            <translation>此 CT 的 DICOM 文件已不完整，因此按已载入的数据分析，无法写入 DICOM SEG 和 SR。如需要，请重新导入其文件夹。</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.tables</name>
        <message>
            <source>Right</source>
            <translation>右肺</translation>
        </message>
        <message>
            <source>Left</source>
            <translation>左肺</translation>
        </message>
        <message>
            <source>Both</source>
            <translation>双肺</translation>
        </message>
        <message>
            <source>Pass</source>
            <translation>通过</translation>
        </message>
        <message>
            <source>Warning</source>
            <translation>注意</translation>
        </message>
        <message>
            <source>Refused</source>
            <translation>拒绝</translation>
        </message>
        <message>
            <source>Right lung (mL)</source>
            <translation>右肺 (mL)</translation>
        </message>
        <message>
            <source>Left lung (mL)</source>
            <translation>左肺 (mL)</translation>
        </message>
        <message>
            <source>Right lung</source>
            <translation>右肺</translation>
        </message>
        <message>
            <source>Left lung</source>
            <translation>左肺</translation>
        </message>
        <message>
            <source>Density of the lungs</source>
            <translation>肺密度</translation>
        </message>
        <message>
            <source>Density (HU)</source>
            <translation>密度 (HU)</translation>
        </message>
        <message>
            <source>Volume in steps of 10 HU (mL)</source>
            <translation>每 10 HU 的容积 (mL)</translation>
        </message>
        <message>
            <source>Density from (HU)</source>
            <translation>密度下限 (HU)</translation>
        </message>
        <message>
            <source>Surface within {mm} mm (0 to 1)</source>
            <translation>{mm} mm 内的表面比例 (0–1)</translation>
        </message>
        <message>
            <source>Lung</source>
            <translation>肺</translation>
        </message>
        <message>
            <source>Volume (mL)</source>
            <translation>容积 (mL)</translation>
        </message>
        <message>
            <source>Mean (HU)</source>
            <translation>平均 (HU)</translation>
        </message>
        <message>
            <source>LAA-950 (%)</source>
            <translation>LAA-950 (%)</translation>
        </message>
        <message>
            <source>Perc15 (HU)</source>
            <translation>Perc15 (HU)</translation>
        </message>
        <message>
            <source>Check</source>
            <translation>检查项目</translation>
        </message>
        <message>
            <source>Verdict</source>
            <translation>结论</translation>
        </message>
        <message>
            <source>Value</source>
            <translation>数值</translation>
        </message>
        <message>
            <source>Meaning</source>
            <translation>含义</translation>
        </message>
        <message>
            <source>Segment</source>
            <translation>分割</translation>
        </message>
        <message>
            <source>Dice (0 to 1)</source>
            <translation>Dice (0–1)</translation>
        </message>
        <message>
            <source>95 % surface distance (mm)</source>
            <translation>95 % 表面距离 (mm)</translation>
        </message>
        <message>
            <source>First (mL)</source>
            <translation>第一个 (mL)</translation>
        </message>
        <message>
            <source>Second (mL)</source>
            <translation>第二个 (mL)</translation>
        </message>
    </context>
    <context>
        <name>slicer_bridge.volumes</name>
        <message>
            <source>The CT is no longer in the scene; its result was dropped.</source>
            <translation>该 CT 已不在场景中；其结果已丢弃。</translation>
        </message>
    </context>
</TS>
