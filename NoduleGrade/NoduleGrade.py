"""The Slicer module NoduleGrade: measure lung nodules and grade them."""

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


class NoduleGrade(ScriptedLoadableModule):
    """Tells Slicer what the module is."""

    def __init__(self, parent):
        super().__init__(parent)
        self.parent.title = _("NoduleGrade")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Chest Imaging Platform")]
        self.parent.dependencies = ["LungPNet"]
        self.parent.contributors = ["The LungPNet developers"]
        self.parent.helpText = _(
            "Outlines and measures the lung nodules that you click or outline: size, density, type "
            "and place, and the Brock probability from your answers. Nothing leaves this computer. "
            "Research use only, not for diagnosis."
        )
        page = "https://github.com/ORGANIZATION/SlicerLungPNet/blob/main/docs/NoduleGrade.md"
        self.parent.helpText += f'<p><a href="{page}">{page}</a></p>'
        self.parent.acknowledgementText = _(
            "After the published ideas of Lung-PNet, Lung-PNetV2 and EMV-3D-CNN, with code of "
            "its own; their authors have no part in it. The authors of EMV-3D-CNN say that "
            "their method is patented."
        )


class NoduleGradeWidget(ScriptedLoadableModuleWidget):
    """Loads the panel's .ui file; what it does is in LungPNetLib."""

    def __init__(self, parent=None):
        self.panel = None
        super().__init__(parent)

    def setup(self):
        """Build the panel."""
        super().setup()
        from LungPNetLib.slicer_bridge.panels.nodulegrade_panel import NoduleGradePanel

        uiWidget = slicer.util.loadUI(self.resourcePath("UI/NoduleGrade.ui"))
        self.layout.addWidget(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.panel = NoduleGradePanel(
            slicer.util.childWidgetVariables(uiWidget), NoduleGradeLogic()
        )
        self.panel.setup()

    def cleanup(self):
        """Slicer unloads the module."""
        if self.panel is not None:
            self.panel.cleanup()

    def enter(self):
        """The panel is opened."""
        self.panel.enter()

    def exit(self):
        """The panel is left."""
        self.panel.exit()


class NoduleGradeLogic(ScriptedLoadableModuleLogic):
    """What can be done without the panel."""

    def getParameterNode(self):
        """The choices that are kept with the scene, as a NoduleGradeParameters."""
        from LungPNetLib.slicer_bridge.parameters import NoduleGradeParameters

        return NoduleGradeParameters(super().getParameterNode())


class NoduleGradeTest(ScriptedLoadableModuleTest):
    """What Slicer's test button and ctest run."""

    def setUp(self):
        """Begin with an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self):
        """Run every test."""
        self.setUp()
        self.test_sceneClose()

    def test_sceneClose(self):
        """What is chosen goes with the scene."""
        volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
        NoduleGradeLogic().getParameterNode().inputVolume = volume
        self.assertEqual(NoduleGradeLogic().getParameterNode().inputVolume, volume)
        slicer.mrmlScene.Clear()
        self.assertIsNone(NoduleGradeLogic().getParameterNode().inputVolume)
