"""The made-up patient as an entry of Slicer's Sample Data module; made here, never downloaded."""

from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

NODE_NAME = "MadeUpPatient"
_SEED = 7
_SIZE = (256, 256, 120)
"""Columns, rows, slices: a whole chest, made within a few seconds."""
_SPACING_MM = (1.4, 1.4, 2.5)


def registerSampleData(thumbnail: Path) -> None:
    """Offer the made-up patient in Sample Data; ``thumbnail`` is its picture there."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="LungPNet",
        sampleName="Made-up chest CT",
        thumbnailFileName=str(thumbnail),
        # Required, and never opened where customDownloader is.
        uris="lungpnet:made-up-patient",
        fileNames="MadeUpPatient.nrrd",
        nodeNames=NODE_NAME,
        customDownloader=loadMadeUpPatient,
    )


def loadMadeUpPatient(_source: Any = None) -> Any:
    """Make the CT of a patient who does not exist, show it, and return its volume node.

    The argument is what Sample Data gives; it is not used.
    """
    from LungPNetLib.cohort.phantom.patient import make_patient
    from LungPNetLib.slicer_bridge.volumes import updateNodeFromVolume

    with slicer.util.tryWithErrorDisplay(_("The sample CT cannot be made."), waitCursor=True):
        patient = make_patient(_SEED, size=_SIZE, spacing_mm=_SPACING_MM)
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", NODE_NAME)
        updateNodeFromVolume(node, patient.ct)
        node.CreateDefaultDisplayNodes()
        slicer.util.setSliceViewerLayers(background=node, fit=True)
        return node
