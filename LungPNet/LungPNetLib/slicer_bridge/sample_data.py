"""The made-up patient as an entry of Slicer's Sample Data module; made here, never downloaded."""

import os
import time
from collections import deque
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from LungPNetLib.errors import InputError, LungPNetError
from LungPNetLib.slicer_bridge.complaints import endOfWorker
from LungPNetLib.slicer_bridge.worker_process import WorkerProcess, findPython, pythonCommand
from LungPNetLib.volume import Volume, read_image

NODE_NAME = "MadeUpPatient"
_LOOK_SECONDS = 0.02
_CODE = (
    "from pathlib import Path; from LungPNetLib.cohort.phantom.sample import write_sample; "
    "write_sample(Path(sys.argv[2]))"
)


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
    """Show the CT of a patient who does not exist, and return its volume node.

    It is made by a process of its own, which takes some seconds, and kept for the next time.
    Meanwhile a dialog shows how far it is; the result is None if the person cancels there.

    The argument is what Sample Data gives; it is not used.
    """
    from LungPNetLib.slicer_bridge.display import showLungWindow
    from LungPNetLib.slicer_bridge.volumes import updateNodeFromVolume

    with slicer.util.tryWithErrorDisplay(_("The sample CT cannot be made.")):
        ct = _kept()
        if ct is None:
            ct = _made()
        if ct is None:
            return None
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", NODE_NAME)
        updateNodeFromVolume(node, ct)
        showLungWindow(node)
        slicer.util.setSliceViewerLayers(background=node, fit=True)
        return node


def _file() -> Path:
    """Where Sample Data keeps what it has downloaded."""
    from LungPNetLib.cohort.phantom.patient import GENERATOR_VERSION

    folder = Path(slicer.mrmlScene.GetCacheManager().GetRemoteCacheDirectory())
    return folder / f"{NODE_NAME}-{GENERATOR_VERSION}.nrrd"


def _kept() -> Volume | None:
    """The CT as it was made before; None if it was not, or if its file is damaged."""
    try:
        return read_image(_file())
    except InputError:
        return None


def _made() -> Volume | None:
    """Have the CT made, while Slicer goes on; None if that was cancelled."""
    path = _file()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"partial-{os.getpid()}-{path.name}")
    dialog = slicer.util.createProgressDialog(
        labelText=_("Making the sample CT..."), windowTitle="LungPNet", autoReset=False
    )
    cancelled: list[bool] = []
    dialog.connect("canceled()", lambda: cancelled.append(True))
    process = WorkerProcess(pythonCommand(findPython(), _CODE, str(partial)))
    log: deque[str] = deque(maxlen=200)
    try:
        while process.exitCode is None and not cancelled:
            _follow(process, dialog, log)
            slicer.app.processEvents()
            time.sleep(_LOOK_SECONDS)
        process.end()
        if cancelled:
            return None
        _follow(process, dialog, log)
        if process.exitCode != 0:
            raise LungPNetError(endOfWorker(process.exitCode, log))
        partial.replace(path)
        return read_image(path)
    finally:
        process.end()
        partial.unlink(missing_ok=True)
        dialog.close()
        dialog.deleteLater()


def _follow(process: WorkerProcess, dialog: Any, log: deque[str]) -> None:
    """Show the progress that the process has told; ``log`` takes everything else."""
    while (line := process.nextLine()) is not None:
        source, text = line
        if source == "out":
            dialog.value = round(100 * float(text))
        else:
            log.append(text)
