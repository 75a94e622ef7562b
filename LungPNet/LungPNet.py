"""The Slicer module LungPNet: open a chest CT, judge its quality, run the whole analysis."""

import logging
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


class LungPNet(ScriptedLoadableModule):
    """Tells Slicer what the module is, and brings the extension's terms and sample data."""

    def __init__(self, parent):
        super().__init__(parent)
        # Before the first text, and LungPNet is the first of the four modules that Slicer makes.
        self.translator = self.installTranslation()
        self.parent.title = _("LungPNet")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Chest Imaging Platform")]
        self.parent.dependencies = []
        self.parent.contributors = ["The LungPNet developers"]
        self.parent.helpText = _(
            "Opens a chest CT, says whether its quality is good enough, finds and measures the "
            "lungs, and writes a report with DICOM SEG and SR. Nothing leaves this computer. "
            "Research use only, not for diagnosis."
        )
        page = "https://github.com/ORGANIZATION/SlicerLungPNet/blob/main/docs/LungPNet.md"
        self.parent.helpText += f'<p><a href="{page}">{page}</a></p>'
        self.parent.acknowledgementText = _(
            "LungPNet re-creates the ideas of five published systems with code of its own: "
            "Lung-PNet and Lung-PNetV2, a 2-D lung U-Net on LIDC-IDRI, LNHG, EMV-3D-CNN and "
            "MM-DLS. Their authors have no part in it."
        )
        slicer.app.connect("startupCompleted()", self.onStartupCompleted)

    def installTranslation(self):
        """The panels in Slicer's language: Slicer looks for translations in its own folder only.

        Returns the translator, which has to be kept; None where there is none for the language.
        """
        on = slicer.util.settingsValue("Internationalization/Enabled", True, slicer.util.toBool)
        language = slicer.util.settingsValue("language", "", str).replace("_", "-")
        simplified = ("zh", "zh-CN", "zh-SG", "zh-Hans", "zh-Hans-CN", "zh-Hans-SG")
        if not on or language not in simplified:
            return None
        resources = Path(self.parent.path).parent / "Resources"
        translator = qt.QTranslator()
        translator.load(str(resources / "Translations" / "LungPNet_zh-CN.qm"))
        qt.QCoreApplication.installTranslator(translator)
        return translator

    def onStartupCompleted(self):
        """Load the terms of the segments and offer the made-up patient as sample data."""
        import LungPNetLib
        from LungPNetLib.slicer_bridge.sample_data import registerSampleData

        # A copy that was installed by pip would win over the extension's own.
        logging.info("LungPNet %s from %s", LungPNetLib.__version__, LungPNetLib.__file__)
        resources = Path(self.parent.path).parent / "Resources"
        terms = resources / "SegmentationCategoryTypeModifier-LungPNet.term.json"
        slicer.modules.terminologies.logic().LoadTerminologyFromFile(str(terms))
        registerSampleData(resources / "Icons" / "LungPNetMadeUpPatient.png")


class LungPNetWidget(ScriptedLoadableModuleWidget):
    """Loads the panel's .ui file; what it does is in LungPNetLib."""

    def __init__(self, parent=None):
        self.panel = None
        super().__init__(parent)

    def setup(self):
        """Build the panel."""
        super().setup()
        from LungPNetLib.slicer_bridge.dependencies import DependencyInstaller
        from LungPNetLib.slicer_bridge.panels.lungpnet_panel import LungPNetPanel

        uiWidget = slicer.util.loadUI(self.resourcePath("UI/LungPNet.ui"))
        self.layout.addWidget(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        requirements = Path(self.resourcePath("LungPNet-requirements.txt"))
        self.panel = LungPNetPanel(
            slicer.util.childWidgetVariables(uiWidget),
            LungPNetLogic(),
            DependencyInstaller.ofSlicer(requirements),
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


class LungPNetLogic(ScriptedLoadableModuleLogic):
    """What can be done without the panel."""

    def getParameterNode(self):
        """The choices that are kept with the scene, as a LungPNetParameters."""
        from LungPNetLib.slicer_bridge.parameters import LungPNetParameters

        return LungPNetParameters(super().getParameterNode())


class LungPNetTest(ScriptedLoadableModuleTest):
    """What Slicer's test button and ctest run."""

    def setUp(self):
        """Begin with an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self):
        """Run every test."""
        for test in (self.test_sample, self.test_sceneClose):
            self.setUp()
            test()

    def test_sample(self):
        """The made-up patient is a CT of a whole chest."""
        from LungPNetLib.slicer_bridge.sample_data import loadMadeUpPatient

        self.delayDisplay("Make the sample CT")
        bounds = [0.0] * 6
        loadMadeUpPatient().GetRASBounds(bounds)
        self.assertGreater(bounds[1] - bounds[0], 300)
        self.assertGreater(bounds[5] - bounds[4], 250)

    def test_sceneClose(self):
        """What is chosen goes with the scene."""
        volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
        LungPNetLogic().getParameterNode().inputVolume = volume
        self.assertEqual(LungPNetLogic().getParameterNode().inputVolume, volume)
        slicer.mrmlScene.Clear()
        self.assertIsNone(LungPNetLogic().getParameterNode().inputVolume)
