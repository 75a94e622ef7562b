"""Measurements, a segment as a nodule, and the Brock model, as a person clicks through them."""

import math
from pathlib import Path

import numpy as np
import pytest
import slicer
from bridge_scene import add_ct, add_study
from nodule_clicks import BALLS, click_in_view, click_row, made_ct, shown
from panel_clicks import opened, type_into

from LungPNetLib.dicom.export import LUNG_SEGMENTS
from LungPNetLib.nodules.finding import Origin
from LungPNetLib.slicer_bridge.clinical_store import keepForm, keptForm
from LungPNetLib.slicer_bridge.nodule_nodes import nodulesOf
from LungPNetLib.slicer_bridge.nodule_outlines import NODULE, noduleSegmentation
from LungPNetLib.slicer_bridge.results import SEGMENTATION, roleNode
from LungPNetLib.slicer_bridge.segmentations import updateSegmentation
from LungPNetLib.survival.categories import Sex
from LungPNetLib.survival.clinical import ClinicalForm

ROOT = Path(__file__).parents[2]
BOX_MM = (12, 8, 6)
"""Of the nodule that is outlined by hand: along x, y, z."""


def boxes_ct(hu=-500):
    """Lung with a box of ``hu``; its voxels of 1 x 1 x 2 mm fill it exactly."""
    ct = made_ct()
    voxels = np.full(ct.shape, -850, np.int16)
    labels = np.zeros(ct.shape, np.uint8)
    labels[20:23, 50:58, 30:42] = 1
    voxels[labels > 0] = hu
    return ct.with_array(voxels), ct.with_array(labels)


def lungs_of(ct):
    """The right lung is all with at most 4 mm of wall before the box; there is no left one."""
    labels = np.zeros(ct.shape, np.uint8)
    labels[5:35, 5:115, 26:60] = 1
    return ct.with_array(labels)


@pytest.fixture
def volume(host):
    return add_ct(boxes_ct()[0])


@pytest.fixture
def widget(host, volume):
    lungs = roleNode(volume, "vtkMRMLSegmentationNode", SEGMENTATION, "lungs")
    updateSegmentation(lungs, lungs_of(made_ct()), LUNG_SEGMENTS, volume)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "By hand")
    updateSegmentation(node, boxes_ct()[1], (NODULE,), volume)
    host.load(ROOT / "NoduleGrade" / "NoduleGrade.py")
    return host.open("NoduleGrade")


@pytest.fixture
def panel(widget):
    return widget.panel


def add_segment(host, panel, name="By hand"):
    opened(host, panel.ui.segmentButton)
    panel.ui.segmentSelector.setCurrentNode(slicer.util.getNode(name))
    host.process_events()
    host.click(panel.ui.addSegmentButton)


def details(panel):
    table = panel.ui.detailsTable
    rows = range(table.rowCount)
    return {table.item(row, 0).text(): table.item(row, 1).text() for row in rows}


def answer(host, panel, age="65", sex="Male", confirm=True):
    """Everything that the image does not tell, with 'No' wherever there is a choice."""
    ui = panel.ui
    opened(host, ui.brockButton)
    type_into(host, ui.age_yearsEdit, age)
    host.choose(ui.sexComboBox, sex)
    if confirm:
        host.click(ui.confirmedCheckBox)
    for name in ("family_history", "emphysema", "upper_lobe", "spiculation"):
        host.choose(getattr(ui, f"{name}ComboBox"), "No")
    type_into(host, ui.nodule_countEdit, "1")


def percent_of(age, diameter_mm, kind=0.0, count=1):
    """The full model as Eur Radiol 2019;29:5367-5377 writes it, of a man with 'No' throughout."""
    size = -5.3854 * (diameter_mm / 10) ** -0.5
    log_odds = 0.2761 + 0.0287 * age + size - 0.0824 * count + kind
    return 100 / (1 + math.exp(-log_odds))


def test_a_segment_is_measured_as_it_is(host, panel, volume):
    add_segment(host, panel)
    (finding,) = nodulesOf(volume)
    assert finding.origin is Origin.OUTLINED
    assert len(shown(panel)) == 1
    found = details(panel)
    long_mm, short_mm = (float(one) for one in found["Long × short axis"].rstrip(" m").split(" × "))
    assert long_mm == pytest.approx(math.hypot(12, 8), abs=1.0)
    assert short_mm <= long_mm
    mean_mm = (long_mm + short_mm) / 2
    assert found["Mean diameter"].startswith(f"{math.floor(mean_mm + 0.5)} mm (")
    assert found["Volume"] == "0.576 mL"  # 12 x 8 x 6 mm
    assert found["Mean density"] == "-500 HU"
    assert found["Solid share"] == "0 %"
    assert found["Solid diameter"] == "0.0 mm"
    assert found["Type (suggested)"] == "non-solid"
    assert found["Distance to the pleura"] == "4.0 mm"
    assert found["Place"].startswith("Right lung, ")
    assert found["Slice"] == "21"


def test_the_type_says_by_which_rule_and_what_it_cannot_tell(host, panel):
    add_segment(host, panel)
    table = panel.ui.detailsTable
    row = list(details(panel)).index("Type (suggested)")
    words = table.item(row, 1).toolTip()
    assert "median of the core -500 HU, below -340 HU" in words
    assert "cannot tell part-solid from solid" in words
    assert "cannot tell part-solid from solid" in panel.ui.typeLabel.text


def test_a_segment_outside_or_in_the_list_is_refused(host, panel, volume):
    add_segment(host, panel)
    host.click(panel.ui.addSegmentButton)
    assert "in the list already, as Nodule 1" in panel.ui.messageLabel.text
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Empty")
    empty.GetSegmentation().AddEmptySegment("nothing")
    add_segment(host, panel, "Empty")
    assert "no voxel in this CT" in panel.ui.messageLabel.text
    assert len(nodulesOf(volume)) == 1


def test_without_a_segment_there_is_nothing_to_press(host):
    add_ct(made_ct())
    host.load(ROOT / "NoduleGrade" / "NoduleGrade.py")
    panel = host.open("NoduleGrade").panel
    assert not panel.ui.addSegmentButton.enabled
    assert not panel.ui.brockForm.enabled


def test_nothing_is_assumed_at_first(host, panel):
    add_segment(host, panel)
    opened(host, panel.ui.brockButton)
    assert panel.ui.brockLabel.text == (
        "Brock cannot be computed without: Age (years), Sex, Lung cancer in the family, Emphysema, "
        "In an upper lobe, Nodules on this CT, Spiculated."
    )
    for name in ("family_history", "emphysema", "upper_lobe", "spiculation", "sex"):
        assert getattr(panel.ui, f"{name}ComboBox").currentText == "(not known)"


def test_the_probability_follows_from_the_answers(host, panel, volume):
    add_segment(host, panel)
    answer(host, panel)
    long_mm = nodulesOf(volume)[0].measurements.long_axis_mm
    expected = percent_of(65, long_mm, kind=-0.1276)
    words = f"Brock: probability of cancer {expected:.1f} %."
    assert panel.ui.brockLabel.text == words
    host.choose(panel.ui.nodule_typeComboBox, "part-solid")
    assert f"{percent_of(65, long_mm, kind=0.3770):.1f} %" in panel.ui.brockLabel.text
    assert "N Engl J Med 2013;369:910-919" in panel.ui.brockSourceLabel.text


def test_age_and_sex_count_once_they_are_confirmed(host, panel, volume):
    add_segment(host, panel)
    answer(host, panel, confirm=False)
    assert "without: Age (years), Sex. Age and sex count once" in panel.ui.brockLabel.text
    assert keptForm(volume) is None
    host.click(panel.ui.confirmedCheckBox)
    assert keptForm(volume) == ClinicalForm(age_years=65, sex=Sex.MALE)
    type_into(host, panel.ui.age_yearsEdit, "70")
    assert not panel.ui.confirmedCheckBox.checked
    assert keptForm(volume).age_years == 65
    type_into(host, panel.ui.age_yearsEdit, "7")
    host.click(panel.ui.confirmedCheckBox)
    assert "'Age (years)' is 7; accepted: 18 to 120" in panel.ui.brockLabel.text
    assert not panel.ui.confirmedCheckBox.checked


@pytest.mark.parametrize("source", ["dicom", "form"])
def test_what_is_known_of_the_patient_is_shown_for_confirmation(host, panel, volume, source):
    if source == "dicom":  # born on 1950-01-02, seen on 2020-03-04
        add_study(volume)
    else:
        keepForm(volume, ClinicalForm(age_years=70, sex=Sex.FEMALE, pack_years=20))
    add_segment(host, panel)
    assert panel.ui.age_yearsEdit.text == "70"
    assert panel.ui.sexComboBox.currentText == "Female"
    assert not panel.ui.confirmedCheckBox.checked
    opened(host, panel.ui.brockButton)
    host.click(panel.ui.confirmedCheckBox)
    assert "without: Lung cancer in the family" in panel.ui.brockLabel.text
    assert keptForm(volume).sex is Sex.FEMALE
    assert keptForm(volume).pack_years == (20 if source == "form" else None)


def test_ages_beyond_the_study_are_pointed_out_and_wrong_numbers_refused(host, panel):
    add_segment(host, panel)
    answer(host, panel, age="80")
    assert "enrolled people of 50 to 75 years; at 80 years" in panel.ui.brockLabel.text
    type_into(host, panel.ui.nodule_countEdit, "0")
    assert "'Nodules on this CT' is 0; accepted: a whole number" in panel.ui.brockLabel.text
    type_into(host, panel.ui.nodule_countEdit, "two")
    assert "'Nodules on this CT' is 'two'" in panel.ui.brockLabel.text


def test_answers_are_those_of_each_nodule_and_come_back_with_the_scene(host, widget, tmp_path):
    panel = widget.panel
    volume = panel.parameters.inputVolume
    add_segment(host, panel)
    answer(host, panel)
    words = panel.ui.brockLabel.text
    host.save_scene(tmp_path / "scene.mrb")
    host.close_scene()
    assert panel.ui.detailsTable.rowCount == 0
    host.open_scene(tmp_path / "scene.mrb")
    click_row(host, panel, 0)
    assert panel.ui.brockLabel.text == words
    assert panel.ui.confirmedCheckBox.checked
    assert details(panel)["Volume"] == "0.576 mL"
    volume = panel.parameters.inputVolume
    assert noduleSegmentation(volume).GetSegmentation().GetNumberOfSegments() == 1
    click_row(host, panel, 0)
    host.click(panel.ui.deleteButton)
    assert panel.ui.brockLabel.text == "Choose a nodule in the list."


def test_two_nodules_have_two_answers(host):
    add_ct(made_ct())
    host.load(ROOT / "NoduleGrade" / "NoduleGrade.py")
    panel = host.open("NoduleGrade").panel
    for centre, _radius in BALLS:
        click_in_view(host, panel, centre)
    opened(host, panel.ui.brockButton)
    host.choose(panel.ui.spiculationComboBox, "Yes")
    host.choose(panel.ui.emphysemaComboBox, "Yes")
    click_row(host, panel, 0)
    assert panel.ui.spiculationComboBox.currentText == "(not known)"
    assert panel.ui.emphysemaComboBox.currentText == "Yes"
    assert details(panel)["Place"] == "lungs not found"
    click_row(host, panel, 1)
    assert panel.ui.spiculationComboBox.currentText == "Yes"


def test_a_new_nodule_does_not_inherit_the_answers_of_a_deleted_one(host, panel):
    add_segment(host, panel)
    opened(host, panel.ui.brockButton)
    host.choose(panel.ui.spiculationComboBox, "Yes")
    host.click(panel.ui.deleteButton)
    add_segment(host, panel)
    assert shown(panel)[0][0] == "1"
    assert panel.ui.spiculationComboBox.currentText == "(not known)"


def test_nothing_is_cut_off(host, widget):
    add_segment(host, widget.panel)
    answer(host, widget.panel, age="80")
    assert host.cut_off(widget) == []
    assert widget.panel.ui.detailsTable.horizontalScrollBar().maximum == 0
    assert widget.panel.ui.detailsTable.verticalScrollBar().maximum == 0
