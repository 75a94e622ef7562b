"""SUV in the panel SurvivalRisk: a PET of known numbers, read and measured by the real worker."""

from pathlib import Path

import numpy as np
import pytest
import slicer
from bridge_scene import add_ct, made_ct
from lungsegment_clicks import cells
from panel_clicks import opened, settled

from dicom_factory import stack_positions, write_series
from LungPNetLib.pet_reading import read_pet
from LungPNetLib.reading import read_study
from LungPNetLib.slicer_bridge.importing import SOURCE_PATH
from LungPNetLib.slicer_bridge.nodule_outlines import NODULE
from LungPNetLib.slicer_bridge.segmentations import updateSegmentation
from LungPNetLib.slicer_bridge.volumes import rasPoint, volumeFromNode
from pet_kit import dose, pet_header, write_pet

ROOT = Path(__file__).parents[2]
SHAPE, SPACING_MM = (12, 14, 16), (4.0, 4.0, 4.0)
HOT = np.s_[4:8, 5:9, 6:10]
RIM = np.s_[3:9, 4:10, 5:11]


def stored():
    """10000 * 0.5 Bq/mL * 4e-4 = 2 g/mL, and 10 g/mL in 4 x 4 x 4 voxels of 0.064 mL.

    Beside these, 8 voxels have 3 g/mL and one has 4.05, below 41 % of 10 and above 4.
    """
    values = np.full(SHAPE, 10000, np.int64)
    values[HOT] = 50000
    values[3, 4:6, 5:9] = 15000
    values[3, 6, 5] = 20250
    return values


@pytest.fixture
def pet_folder(tmp_path):
    return write_pet(tmp_path / "pet", pet_header(), stored=stored(), spacing_mm=SPACING_MM)


def write_ct(folder, change=None):
    """A CT on the same places as the PET, of the same patient: 40 HU throughout."""
    write_series(
        folder,
        np.full(SHAPE, 40),
        positions=stack_positions(SHAPE[0], step_mm=(0, 0, SPACING_MM[2])),
        pixel_mm=SPACING_MM[:2],
        series="ct",
        change=change,
    )
    return folder


def add_ct_of(folder):
    """The CT in the scene, as the panel LungPNet imports it."""
    node = add_ct(read_study(folder).ct)
    node.SetAttribute(SOURCE_PATH, str(folder))
    return node


@pytest.fixture
def widget(host):
    host.load(ROOT / "SurvivalRisk" / "SurvivalRisk.py")
    widget = host.open("SurvivalRisk")
    widget.panel.runArea = widget.panel.uptakeSection.runArea
    opened(host, widget.panel.ui.petButton)
    return widget


@pytest.fixture
def panel(widget):
    return widget.panel


def read(host, panel, folder):
    """Read a PET; returns what the section says."""
    panel.ui.petFolderPath.currentPath = str(folder)
    host.click(panel.ui.readPetButton)
    settled(host, panel)
    return panel.ui.petMessageLabel.text


def outline(host, panel, pet, box=RIM):
    """Choose a segment that is a box of the PET's voxels."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[box] = 1
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Lesion")
    updateSegmentation(node, volumeFromNode(pet).with_array(labels), (NODULE,), pet)
    panel.ui.uptakeSelector.setCurrentNode(node)
    host.process_events()
    return node


def measure(host, panel, threshold="41 % of SUVmax"):
    host.choose(panel.ui.thresholdComboBox, threshold)
    host.click(panel.ui.uptakeButton)
    settled(host, panel)
    return dict(cells(panel.ui.uptakeTable)[1:])


def test_at_first_there_is_nothing_to_measure(host, panel):
    assert not panel.ui.uptakeButton.enabled
    assert panel.ui.uptakeButton.toolTip == "Read or choose a PET and choose a segment first"
    assert cells(panel.ui.uptakeTable) == []
    host.click(panel.ui.readPetButton)
    assert panel.ui.petMessageLabel.text.startswith("Choose an existing folder")


def test_the_pet_comes_as_suv_with_its_unit(host, panel, pet_folder):
    assert read(host, panel, pet_folder) == "The PET is loaded as SUV."
    pet = panel.parameters.petVolume
    array = slicer.util.arrayFromVolume(pet)
    assert array[5, 6, 7] == pytest.approx(10.0)
    assert array[0, 0, 0] == pytest.approx(2.0)
    assert pet.GetVoxelValueUnits().GetCodeValue() == "{SUVbw}g/ml"
    assert pet.GetVoxelValueQuantity().GetCodeValue() == "126400"
    first = read_pet(pet_folder).suv.origin_mm
    assert pet.GetOrigin() == pytest.approx(rasPoint(first).tolist())
    assert "Units are Bq/mL; " in panel.ui.suvLabel.text
    assert "decayed for 6586 s" in panel.ui.suvLabel.text
    assert panel.ui.alignmentLabel.text.startswith("Not compared with this CT")


@pytest.mark.parametrize(
    ("threshold", "limit", "voxels", "total"),
    [
        ("41 % of SUVmax", "41 % of SUVmax = 4.10 g/mL", 64, 640.0),
        ("SUV 2.5", "SUV 2.5 = 2.50 g/mL", 73, 640.0 + 4.05 + 24.0),
        ("SUV 4.0", "SUV 4 = 4.00 g/mL", 65, 640.0 + 4.05),
    ],
)
def test_figures_are_those_calculated_by_hand(
    host, panel, pet_folder, threshold, limit, voxels, total
):
    read(host, panel, pet_folder)
    outline(host, panel, panel.parameters.petVolume)
    # 216 voxels: 64 of 10, 1 of 4.05, 8 of 3, and 143 of 2 g/mL.
    assert measure(host, panel, threshold) == {
        "SUVmax": "10.00 g/mL",
        "SUVmean": f"{(640.0 + 4.05 + 24.0 + 286.0) / 216:.2f} g/mL",
        "SUVpeak (1 mL)": "10.00 g/mL",
        "Volume": "13.82 mL",
        "Threshold": limit,
        "MTV": f"{voxels * 0.064:.2f} mL",
        "SUVmean in MTV": f"{total / voxels:.2f} g/mL",
        "TLG": f"{total * 0.064:.1f} g",
    }


def test_nothing_above_the_threshold_and_a_peak_beside_the_segment(host, panel, pet_folder):
    read(host, panel, pet_folder)
    outline(host, panel, panel.parameters.petVolume, np.s_[3:4, 7:9, 6:10])
    found = measure(host, panel, "SUV 4.0")
    assert (found["MTV"], found["TLG"]) == ("0.00 mL", "0.0 g")
    assert found["SUVmean in MTV"] == "not possible"
    assert "hotter tissue beyond the region" in panel.ui.petMessageLabel.text


def test_figures_go_when_the_choice_or_the_outline_changes(host, panel, pet_folder):
    read(host, panel, pet_folder)
    node = outline(host, panel, panel.parameters.petVolume)
    measure(host, panel)
    host.choose(panel.ui.thresholdComboBox, "SUV 4.0")
    assert cells(panel.ui.uptakeTable) == []
    host.choose(panel.ui.thresholdComboBox, "41 % of SUVmax")
    assert len(cells(panel.ui.uptakeTable)) == 9
    (segment,) = node.GetSegmentation().GetSegmentIDs()
    empty = np.zeros(SHAPE, np.uint8)
    empty[HOT] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        empty, node, segment, panel.parameters.petVolume
    )
    host.leave()
    host.open("SurvivalRisk")
    assert cells(panel.ui.uptakeTable) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"PatientWeight": None}, "PatientWeight (0010,1030)"),
        ({"DecayCorrection": "NONE"}, "DecayCorrection (0054,1102) is 'NONE'"),
        ({"Units": "PROPCPS"}, "Units (0054,1001) is 'PROPCPS'"),
        (
            {"RadiopharmaceuticalInformationSequence": [dose(RadionuclideTotalDose=None)]},
            "RadionuclideTotalDose (0018,1074)",
        ),
    ],
)
def test_what_the_headers_do_not_say_is_refused(host, panel, tmp_path, changes, words):
    folder = write_pet(tmp_path / "pet", pet_header(**changes), stored=stored())
    assert words in read(host, panel, folder)
    assert panel.parameters.petVolume is None


def test_pet_and_ct_of_one_examination(host, panel, pet_folder, tmp_path):
    ct = add_ct_of(write_ct(tmp_path / "ct"))
    host.choose(panel.ui.inputVolumeSelector, ct)
    assert read(host, panel, pet_folder) == "The PET is loaded as SUV."
    # 40 HU and 2 g/mL throughout: there is no lung that could show a shift.
    assert panel.ui.alignmentLabel.text == (
        "PET and CT: look closely. Both show too little lung to measure a shift; their bodies "
        "overlap with a Dice of 1.00."
    )
    host.choose(panel.ui.inputVolumeSelector, add_ct(made_ct(), "Other"))
    assert panel.ui.alignmentLabel.text.startswith("Not compared with this CT")


def test_a_ct_elsewhere_does_not_fit_and_one_of_another_patient_is_refused(
    host, panel, pet_folder, tmp_path
):
    def other_frame(dataset, _k):
        dataset.FrameOfReferenceUID = "1.2.3.4"

    def other_patient(dataset, _k):
        dataset.PatientID = "somebody else"

    ct = add_ct_of(write_ct(tmp_path / "frame", other_frame))
    host.choose(panel.ui.inputVolumeSelector, ct)
    read(host, panel, pet_folder)
    assert panel.ui.alignmentLabel.text.startswith("PET and CT do not fit. PET and CT name diff")
    kept = panel.parameters.petVolume
    other = add_ct_of(write_ct(tmp_path / "patient", other_patient))
    host.choose(panel.ui.inputVolumeSelector, other)
    assert "name different patients" in read(host, panel, pet_folder)
    assert panel.parameters.petVolume is kept


def test_a_saved_scene_brings_pet_and_figures_back(host, panel, pet_folder, tmp_path):
    read(host, panel, pet_folder)
    outline(host, panel, panel.parameters.petVolume)
    found = measure(host, panel, "SUV 4.0")
    host.save_scene(tmp_path / "scene.mrb")
    host.close_scene()
    assert cells(panel.ui.uptakeTable) == []
    host.open_scene(tmp_path / "scene.mrb")
    assert dict(cells(panel.ui.uptakeTable)[1:]) == found
    assert panel.ui.thresholdComboBox.currentText == "SUV 4.0"
    assert "decayed for 6586 s" in panel.ui.suvLabel.text


def test_nothing_is_cut_off(host, widget, pet_folder):
    read(host, widget.panel, pet_folder)
    outline(host, widget.panel, widget.panel.parameters.petVolume)
    measure(host, widget.panel)
    assert host.cut_off(widget) == []
    assert widget.panel.ui.uptakeTable.horizontalScrollBar().maximum == 0
    assert widget.panel.ui.uptakeTable.verticalScrollBar().maximum == 0
