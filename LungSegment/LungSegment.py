"""The Slicer module LungSegment: find the lungs in a chest CT, measure and correct them."""

from pathlib import Path

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


class LungSegment(ScriptedLoadableModule):
    """Tells Slicer what the module is."""

    def __init__(self, parent):
        super().__init__(parent)
        self.parent.title = _("LungSegment")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Chest Imaging Platform")]
        self.parent.dependencies = ["LungPNet"]
        self.parent.contributors = ["The LungPNet developers"]
        self.parent.helpText = _(
            "Finds the right and the left lung in a chest CT, measures them, compares two "
            "segmentations, and saves corrected ones for training. Nothing leaves this "
            "computer. Research use only, not for diagnosis."
        )
        page = "https://github.com/ORGANIZATION/SlicerLungPNet/blob/main/docs/LungSegment.md"
        self.parent.helpText += f'<p><a href="{page}">{page}</a></p>'
        self.parent.acknowledgementText = _(
            "After the published ideas of a 2-D lung U-Net on LIDC-IDRI and of LNHG, with "
            "code of its own; their authors have no part in it."
        )


class LungSegmentWidget(ScriptedLoadableModuleWidget):
    """Loads the panel's .ui file; what it does is in LungPNetLib."""

    def __init__(self, parent=None):
        self.panel = None
        super().__init__(parent)

    def setup(self):
        """Build the panel."""
        super().setup()
        import LungPNetLib
        from LungPNetLib.slicer_bridge.dependencies import REQUIREMENTS_FILE, DependencyInstaller
        from LungPNetLib.slicer_bridge.panels.lungsegment_panel import LungSegmentPanel

        uiWidget = slicer.util.loadUI(self.resourcePath("UI/LungSegment.ui"))
        self.layout.addWidget(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        # The file belongs to the module LungPNet, in whose folder the package lies as well.
        requirements = Path(LungPNetLib.__file__).parents[1] / "Resources" / REQUIREMENTS_FILE
        self.panel = LungSegmentPanel(
            slicer.util.childWidgetVariables(uiWidget),
            LungSegmentLogic(),
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


class LungSegmentLogic(ScriptedLoadableModuleLogic):
    """What can be done without the panel."""

    def getParameterNode(self):
        """The choices that are kept with the scene, as a LungSegmentParameters."""
        from LungPNetLib.slicer_bridge.parameters import LungSegmentParameters

        return LungSegmentParameters(super().getParameterNode())


class LungSegmentTest(ScriptedLoadableModuleTest):
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
        LungSegmentLogic().getParameterNode().inputVolume = volume
        self.assertEqual(LungSegmentLogic().getParameterNode().inputVolume, volume)
        slicer.mrmlScene.Clear()
        self.assertIsNone(LungSegmentLogic().getParameterNode().inputVolume)
