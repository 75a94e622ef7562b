"""A tiny scripted module that the host's own tests drive: threshold a volume into a segment."""

from typing import Annotated

import numpy as np
import qt
import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class HostExample(ScriptedLoadableModule):
    """Describes the module."""

    def __init__(self, parent):
        super().__init__(parent)
        self.parent.title = _("Host example")
        self.parent.categories = ["Testing"]
        self.parent.contributors = ["The LungPNet developers"]
        self.parent.helpText = _("Marks what is brighter than a threshold.")
        self.parent.acknowledgementText = ""


@parameterNodeWrapper
class HostExampleParameterNode:
    """What the panel keeps in the scene."""

    inputVolume: vtkMRMLScalarVolumeNode
    output: vtkMRMLSegmentationNode
    threshold: Annotated[float, WithinRange(-1000, 1000)] = 100.0
    inverted: bool = False


class HostExampleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._guiTag = None

    def setup(self):
        """Build the panel."""
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/HostExample.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = HostExampleLogic()
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEnd)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEnd)
        self.ui.applyButton.connect("clicked(bool)", self.onApplyButton)
        self.ui.restartButton.connect("clicked()", self.onRestartButton)
        self.initializeParameterNode()

    def cleanup(self):
        """Called when the module is unloaded."""
        self.removeObservers()

    def enter(self):
        """Called when the panel is opened."""
        self.initializeParameterNode()

    def exit(self):
        """Called when the panel is left."""
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event):
        """Let go of the parameter node."""
        self.setParameterNode(None)

    def onSceneEnd(self, caller, event):
        """Take the scene's parameter node when the scene was closed or read.

        While it is read, the parameter node is changed before the nodes that it refers to exist.
        """
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        """Bind the panel to the scene's parameter node; the first volume is the default."""
        self.setParameterNode(HostExampleParameterNode(self.logic.getParameterNode()))
        if not self._parameterNode.inputVolume:
            first = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
            if first:
                self._parameterNode.inputVolume = first

    def setParameterNode(self, parameterNode):
        """Bind the panel to a parameter node, or to none."""
        event = vtk.vtkCommand.ModifiedEvent
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self._parameterNode, event, self._checkCanApply)
        self._parameterNode = parameterNode
        if self._parameterNode:
            self._guiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, event, self._checkCanApply)
            self._checkCanApply()

    def _checkCanApply(self, caller=None, event=None):
        ready = bool(self._parameterNode and self._parameterNode.inputVolume)
        self.ui.applyButton.enabled = ready
        self.ui.applyButton.toolTip = _("Mark the voxels") if ready else _("Choose a volume")

    def onApplyButton(self):
        """Threshold, and say how many voxels it were."""
        with slicer.util.tryWithErrorDisplay(_("The volume was not segmented."), waitCursor=True):
            parameters = self._parameterNode
            if not parameters.output:
                parameters.output = self.logic.addOutput(parameters.inputVolume)
            count = self.logic.process(
                parameters.inputVolume,
                parameters.output,
                parameters.threshold,
                parameters.inverted,
            )
            self.ui.resultLabel.text = _("{count} voxels").format(count=count)

    def onRestartButton(self):
        """Ask, then clear the scene."""
        if slicer.util.confirmOkCancelDisplay(_("Close the scene?")):
            slicer.mrmlScene.Clear()


class HostExampleLogic(ScriptedLoadableModuleLogic):
    """The work without the panel."""

    def getParameterNode(self):
        """The wrapped node's MRML node."""
        return super().getParameterNode()

    def addOutput(self, volume):
        """A segmentation in the volume's geometry."""
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Bright")
        node.CreateDefaultDisplayNodes()
        node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        node.GetSegmentation().AddEmptySegment("bright", "Bright", (1.0, 0.0, 0.0))
        return node

    def process(self, volume, segmentation, threshold, inverted=False):
        """Fill the segment with the voxels above (inverted: not above) the threshold."""
        array = slicer.util.arrayFromVolume(volume)
        marked = array <= threshold if inverted else array > threshold
        if not marked.any():
            raise ValueError(f"No voxel beyond {threshold:g}")
        slicer.util.updateSegmentBinaryLabelmapFromArray(
            marked.astype(np.uint8), segmentation, "bright", volume
        )
        return int(marked.sum())


class HostExampleTest(ScriptedLoadableModuleTest):
    """What Slicer's own test button runs."""

    def setUp(self):
        """Start with an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self):
        """Run every test."""
        self.setUp()
        self.delayDisplay("Threshold")
        volume = slicer.util.addVolumeFromArray(np.arange(8, dtype=np.int16).reshape(2, 2, 2))
        logic = HostExampleLogic()
        self.assertEqual(logic.process(volume, logic.addOutput(volume), 5), 2)
        self.assertIsInstance(qt.QSettings().fileName(), str)
