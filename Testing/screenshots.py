"""Draws docs/pictures: every panel beside the views, with a made-up patient: `make screenshots`.

    python Testing/screenshots.py [STORY ...]

A story is a walk through one panel that leaves several pictures. What goes wrong on the way, or
does not fit into the panel, ends the program, as it would end a test.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import slicerhost

REPOSITORY = Path(__file__).resolve().parents[1]
PICTURES = REPOSITORY / "docs" / "pictures"
WIDTH_PX, LEAST_HEIGHT_PX = 1240, 700
WAIT_S = 300.0
COLOURS = 128
"""Of the palette: a page of pictures stays light to load."""
RESULTS = "Documents/LungPNet"
"""As the panel proposes it, below the folder that the pictures are taken in."""
SEED, SIZE, SPACING_MM = 7, (256, 256, 120), (1.4, 1.4, 2.5)
"""Of the patient that Sample Data makes, so that the DICOM files show the same chest."""


class Studio:
    """A host with one panel open, and what a person does with it.

    Paths are relative to the current folder, which is a temporary one: they stand in the pictures.
    """

    def __init__(self, host: Any) -> None:
        self.host = host
        self.widget: Any = None

    def open(self, module: str) -> Any:
        """Show a module's panel; returns what its widgets hang on."""
        if not hasattr(sys.modules.get("slicer.modules"), module.lower()):
            self.host.load(REPOSITORY / module / f"{module}.py")
        self.widget = self.host.open(module)
        return self.widget.panel

    def sample(self) -> Any:
        """The CT that Sample Data offers."""
        from LungPNetLib.slicer_bridge.sample_data import loadMadeUpPatient

        return loadMadeUpPatient()

    def click_and_wait(self, panel: Any, button: Any) -> None:
        """Start a computation and wait until it has ended."""
        self.host.click(button)
        self.host.wait_until(lambda: not panel.runArea.isBusy, "the worker", WAIT_S)

    def sections(self, panel: Any, **opened: bool) -> None:
        """Open and close sections of the panel, by the names of their buttons."""
        for name, is_open in opened.items():
            getattr(panel.ui, name).collapsed = not is_open
        self.host.process_events()

    def look_at(self, point_lps_mm: tuple[float, float, float]) -> None:
        """Move all slice views to a point."""
        import slicer

        from LungPNetLib.slicer_bridge.volumes import rasPoint

        slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *rasPoint(point_lps_mm).tolist())

    def take(self, name: str) -> None:
        """Save the panel beside the views."""
        image = self.host.panel_image(self.widget)
        cut_off = self.host.cut_off(self.widget)
        assert not cut_off, f"{name}: {cut_off}"
        height_px = max(LEAST_HEIGHT_PX, image.height())
        image = self.host.window_image(self.widget, WIDTH_PX, height_px)
        self.host.failures.check()
        raw = Path(f"{name}.png")
        image.save(str(raw))
        save_small(raw)


def save_small(raw: Path) -> None:
    """Save a picture with a palette, which makes it half as large."""
    from PIL import Image

    with Image.open(raw) as image:
        # The other methods lose colours that few pixels have, as those of the messages.
        few = image.convert("RGB").quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE)
    few.save(PICTURES / raw.name, optimize=True)
    sys.stdout.write(f"{raw.name}\n")


def made_up_patient() -> Any:
    """The patient of Sample Data with the truth about it."""
    from LungPNetLib.cohort.phantom.patient import make_patient

    return make_patient(SEED, size=SIZE, spacing_mm=SPACING_MM)


# The stories


def lungpnet(studio: Studio) -> None:
    """From the sample to the report."""
    (nodule,) = made_up_patient().nodule_table
    studio.sample()
    panel = studio.open("LungPNet")
    ui = panel.ui
    studio.look_at(nodule.centre_mm)
    ui.outputFolderPath.currentPath = RESULTS
    studio.sections(panel, optionsButton=True, findingsButton=False, qualityButton=False)
    studio.take("lungpnet_sample")
    studio.sections(panel, optionsButton=False)
    studio.host.click(ui.analyzeButton)
    studio.host.wait_until(
        lambda: ui.stageLabel.text == "Finding the lungs" and ui.progressBar.value > 20,
        "some progress",
        WAIT_S,
    )
    studio.take("lungpnet_running")
    studio.host.wait_until(lambda: not panel.runArea.isBusy, "the worker", WAIT_S)
    studio.sections(panel, inputsButton=False, findingsButton=True, qualityButton=True)
    studio.take("lungpnet_result")
    save_report(max(Path(RESULTS).glob("*/report.pdf")))
    studio.sections(panel, findingsButton=False, qualityButton=False, setupButton=True)
    studio.take("lungpnet_models")


def dicom(studio: Studio) -> None:
    """The same patient from DICOM files: a wrong folder, then import, result and acceptance."""
    from LungPNetLib.cohort.dicom_writer import write_patient

    patient = made_up_patient()
    (nodule,) = patient.nodule_table
    write_patient(patient, Path("Patient"))
    Path("Empty folder").mkdir()
    panel = studio.open("LungPNet")
    ui = panel.ui
    studio.sections(panel, optionsButton=False, findingsButton=False, qualityButton=False)
    ui.dicomFolderPath.currentPath = "Empty folder"
    studio.click_and_wait(panel, ui.importButton)
    studio.take("lungpnet_error")
    ui.dicomFolderPath.currentPath = "Patient/ct"
    studio.click_and_wait(panel, ui.importButton)
    studio.look_at(nodule.centre_mm)
    ui.outputFolderPath.currentPath = RESULTS
    studio.click_and_wait(panel, ui.analyzeButton)
    studio.sections(panel, findingsButton=True)
    ui.observerEdit.text, ui.organizationEdit.text = "Reader^Rita", "Example Hospital"
    studio.host.click(ui.acceptButton)
    studio.take("lungpnet_accepted")


def installation(studio: Studio) -> None:
    """What a person sees before anything is installed."""
    import slicer.packaging

    from LungPNetLib.slicer_bridge.dependencies import DependencyInstaller, Machine

    def not_there(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    def bare(requirements_file: Path) -> DependencyInstaller:
        machine = Machine("Linux", "x86_64")
        return DependencyInstaller(
            requirements_file, slicer.packaging, mock.Mock(), machine, not_there
        )

    with (
        mock.patch.object(DependencyInstaller, "ofSlicer", bare),
        mock.patch.object(slicer.packaging, "pip_check", return_value=False),
    ):
        studio.sample()
        panel = studio.open("LungPNet")
        closed = dict.fromkeys(("optionsButton", "qualityButton", "findingsButton"), False)
        studio.sections(panel, **closed, setupButton=True)
        studio.take("lungpnet_installation")


def lungsegment(studio: Studio) -> None:
    """Lungs by two methods, measurements, histogram, comparison."""
    import slicer

    (nodule,) = made_up_patient().nodule_table
    studio.sample()
    panel = studio.open("LungSegment")
    ui = panel.ui
    studio.look_at(nodule.centre_mm)
    for method in ("Thresholds and morphology", "Neural network"):
        studio.host.choose(ui.methodComboBox, method)
        studio.click_and_wait(panel, ui.segmentButton)
    studio.take("lungsegment_lungs")
    studio.host.click(ui.histogramButton)
    studio.take("lungsegment_histogram")
    studio.sections(panel, inputsButton=False, compareButton=True)
    first, second = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    studio.host.choose(ui.firstSelector, first)
    studio.host.choose(ui.secondSelector, second)
    studio.click_and_wait(panel, ui.compareNowButton)
    studio.take("lungsegment_comparison")


def nodules(studio: Studio) -> None:
    """The list of what the search found, and its density in colours."""
    (nodule,) = made_up_patient().nodule_table
    studio.sample()
    panel = studio.open("LungSegment")
    ui = panel.ui
    studio.click_and_wait(panel, ui.segmentButton)
    studio.click_and_wait(panel, ui.findNodulesButton)
    studio.sections(panel, inputsButton=False, lungsButton=False)
    assert ui.noduleTable.rowCount, ui.messageLabel.text
    studio.look_at(nodule.centre_mm)
    studio.take("lungsegment_nodules")
    ui.rateSlider.value = ui.rateSlider.maximum
    studio.host.click(ui.heterogeneityCheckBox)
    studio.take("lungsegment_colours")


def nodulegrade(studio: Studio) -> None:
    """A click into the nodule of the made-up patient."""
    import slicer

    from LungPNetLib.slicer_bridge.volumes import rasPoint

    (nodule,) = made_up_patient().nodule_table
    studio.sample()
    lungs = studio.open("LungSegment")
    studio.click_and_wait(lungs, lungs.ui.segmentButton)
    panel = studio.open("NoduleGrade")
    ui = panel.ui
    studio.host.click(ui.clickButton)
    (points,) = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    studio.host.place_point(points, rasPoint(nodule.centre_mm).tolist())
    studio.host.wait_until(lambda: ui.messageLabel.text, "the outline", WAIT_S)
    assert ui.noduleTable.rowCount == 1, ui.messageLabel.text
    studio.take("nodulegrade_nodule")
    studio.sections(panel, inputsButton=False, brockButton=True)
    for name in ("family_history", "emphysema", "upper_lobe", "spiculation"):
        studio.host.choose(getattr(ui, f"{name}ComboBox"), "No")
    studio.host.choose(ui.sexComboBox, "Female")
    for edit, text in ((ui.age_yearsEdit, "64"), (ui.nodule_countEdit, "1")):
        edit.text = text
        edit.textEdited.emit(text)
    studio.host.click(ui.confirmedCheckBox)
    assert "probability" in ui.brockLabel.text, ui.brockLabel.text
    studio.take("nodulegrade_brock")


def survivalrisk(studio: Studio) -> None:
    """The clinical form, the stage, and the uptake in a made-up PET of the same chest."""
    from survivalrisk_story import tell

    tell(studio, made_up_patient())


STORIES: tuple[Callable[[Studio], None], ...] = (
    lungpnet, dicom, installation, lungsegment, nodules, nodulegrade, survivalrisk,
)  # fmt: skip


def save_report(pdf: Path) -> None:
    """The first two pages of a report, side by side."""
    import pypdfium2
    from PIL import Image

    with pypdfium2.PdfDocument(pdf) as document:
        pages = [document[number].render(scale=1.15).to_pil() for number in range(2)]
    both = Image.new("RGB", (sum(page.width for page in pages) + 8, pages[0].height), "gray")
    both.paste(pages[0], (0, 0))
    both.paste(pages[1], (pages[0].width + 8, 0))
    both.save("report.png")
    save_small(Path("report.png"))


def main() -> None:
    """Draw the stories that are named, all by default."""
    parser = argparse.ArgumentParser(description="Draw the pictures of the documentation.")
    names = {story.__name__: story for story in STORIES}
    parser.add_argument("story", nargs="*", help=f"of {', '.join(names)}")
    wanted = parser.parse_args().story or list(names)
    PICTURES.mkdir(parents=True, exist_ok=True)
    host = slicerhost.start()
    with tempfile.TemporaryDirectory(prefix="screenshots-") as folder:
        # Before the worker starts: it stays in its folder.
        os.chdir(folder)
        for name in wanted:
            host.reset()
            names[name](Studio(host))
            host.dialogs.check()
            host.failures.check()
        host.stop()
        os.chdir(REPOSITORY)


if __name__ == "__main__":
    main()
