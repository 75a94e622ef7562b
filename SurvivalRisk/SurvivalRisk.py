"""The Slicer module SurvivalRisk: the clinical data of a patient with lung cancer."""

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


class SurvivalRisk(ScriptedLoadableModule):
    """Tells Slicer what the module is."""

    def __init__(self, parent):
        super().__init__(parent)
        self.parent.title = _("SurvivalRisk")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Chest Imaging Platform")]
        self.parent.dependencies = ["LungPNet"]
        self.parent.contributors = ["The LungPNet developers"]
        self.parent.helpText = _(
            "Keeps the clinical data of a patient with lung cancer with the CT, and checks them; "
            "tells T and stage by TNM, and measures uptake in a PET. No survival model is "
            "installed yet. Nothing leaves this computer. Research use only, not for diagnosis."
        )
        page = "https://github.com/ORGANIZATION/SlicerLungPNet/blob/main/docs/SurvivalRisk.md"
        self.parent.helpText += f'<p><a href="{page}">{page}</a></p>'
        self.parent.acknowledgementText = _(
            "After the published ideas of MM-DLS, with code of its own; its authors have no "
            "part in it."
        )


class SurvivalRiskWidget(ScriptedLoadableModuleWidget):
    """Loads the panel's .ui file; what it does is in LungPNetLib."""

    def __init__(self, parent=None):
        self.panel = None
        super().__init__(parent)

    def setup(self):
        """Build the panel."""
        super().setup()
        from LungPNetLib.slicer_bridge.panels.survivalrisk_panel import SurvivalRiskPanel

        uiWidget = slicer.util.loadUI(self.resourcePath("UI/SurvivalRisk.ui"))
        self.layout.addWidget(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.panel = SurvivalRiskPanel(
            slicer.util.childWidgetVariables(uiWidget), SurvivalRiskLogic()
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


class SurvivalRiskLogic(ScriptedLoadableModuleLogic):
    """What can be done without the panel."""

    def getParameterNode(self):
        """The choices that are kept with the scene, as a SurvivalRiskParameters."""
        from LungPNetLib.slicer_bridge.parameters import SurvivalRiskParameters

        return SurvivalRiskParameters(super().getParameterNode())


class SurvivalRiskTest(ScriptedLoadableModuleTest):
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
        SurvivalRiskLogic().getParameterNode().inputVolume = volume
        self.assertEqual(SurvivalRiskLogic().getParameterNode().inputVolume, volume)
        slicer.mrmlScene.Clear()
        self.assertIsNone(SurvivalRiskLogic().getParameterNode().inputVolume)
