"""The panel SurvivalRisk as a person fills in the clinical form."""

from pathlib import Path

import pytest
import slicer
from bridge_scene import add_ct, add_study, made_ct
from panel_clicks import type_into

from LungPNetLib.slicer_bridge.clinical_store import keptForm
from LungPNetLib.survival.categories import NCategory, Sex, SmokingStatus
from LungPNetLib.survival.clinical import ClinicalForm

ROOT = Path(__file__).parents[2]


@pytest.fixture
def volume(host):
    return add_ct(made_ct())


@pytest.fixture
def widget(host, volume):
    host.load(ROOT / "SurvivalRisk" / "SurvivalRisk.py")
    return host.open("SurvivalRisk")


@pytest.fixture
def panel(widget):
    return widget.panel


def fill(host, panel, age="64"):
    type_into(host, panel.ui.age_yearsEdit, age)
    host.choose(panel.ui.sexComboBox, "Female")
    host.choose(panel.ui.smoking_statusComboBox, "Never")
    host.choose(panel.ui.ecogComboBox, "1: light work only")
    host.choose(panel.ui.n_categoryComboBox, "N2a")


FILLED = ClinicalForm(
    age_years=64,
    sex=Sex.FEMALE,
    smoking_status=SmokingStatus.NEVER,
    ecog=1,
    n_category=NCategory.N2A,
)


def test_without_a_ct_the_button_says_what_to_do(host):
    host.load(ROOT / "SurvivalRisk" / "SurvivalRisk.py")
    panel = host.open("SurvivalRisk").panel
    assert not panel.ui.keepButton.enabled
    assert panel.ui.keepButton.toolTip == "Choose a chest CT first"
    assert "not for diagnosis" in panel.ui.disclaimerLabel.text
    assert panel.ui.resultLabel.text == "No survival model is installed."


def test_what_is_entered_is_kept_and_what_is_missing_is_listed(host, panel, volume):
    fill(host, panel)
    assert panel.ui.messageLabel.text == "Not kept yet."
    assert keptForm(volume) is None
    assert panel.ui.missingLabel.text == "Not known yet: T category, M category, Histology."
    host.click(panel.ui.keepButton)
    assert panel.ui.messageLabel.text.startswith("Kept.")
    assert keptForm(volume) == FILLED


def test_an_error_names_the_field_and_what_is_accepted(host, panel, volume):
    type_into(host, panel.ui.age_yearsEdit, "12")
    assert "'Age (years)' is 12; accepted: 18 to 120 years" in panel.ui.messageLabel.text
    assert "color" in panel.ui.age_yearsLabel.styleSheet
    host.click(panel.ui.keepButton)
    assert keptForm(volume) is None
    type_into(host, panel.ui.age_yearsEdit, "72")
    assert panel.ui.age_yearsLabel.styleSheet == ""
    host.click(panel.ui.keepButton)
    assert keptForm(volume) == ClinicalForm(age_years=72)


def test_a_contradiction_is_refused(host, panel, volume):
    host.choose(panel.ui.smoking_statusComboBox, "Never")
    type_into(host, panel.ui.pack_yearsEdit, "20")
    host.click(panel.ui.keepButton)
    assert "'Smoked (pack-years)' is 20" in panel.ui.messageLabel.text
    assert keptForm(volume) is None


def test_two_cts_have_two_forms_and_nothing_typed_is_lost(host, panel, volume):
    other = add_ct(made_ct(seed=1), "Other")
    fill(host, panel)
    host.choose(panel.ui.inputVolumeSelector, other)
    assert panel.ui.age_yearsEdit.text == ""
    type_into(host, panel.ui.age_yearsEdit, "50")
    host.click(panel.ui.keepButton)
    host.choose(panel.ui.inputVolumeSelector, volume)
    assert panel.ui.age_yearsEdit.text == "64"
    assert panel.ui.messageLabel.text == "Not kept yet."
    host.click(panel.ui.keepButton)
    assert keptForm(volume) == FILLED
    assert keptForm(other) == ClinicalForm(age_years=50)


def test_series_of_one_study_share_the_form(host, panel, volume):
    study = add_study(volume)
    other = add_ct(made_ct(seed=1), "Thin slices")
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(other), study)
    fill(host, panel)
    host.click(panel.ui.keepButton)
    assert keptForm(other) == FILLED


@pytest.mark.parametrize("in_study", [False, True])
def test_a_saved_scene_brings_the_form_back(host, panel, volume, tmp_path, in_study):
    if in_study:
        add_study(volume)
    fill(host, panel)
    host.click(panel.ui.keepButton)
    host.save_scene(tmp_path / "scene.mrb")
    host.close_scene()
    assert panel.ui.age_yearsEdit.text == ""
    assert not panel.ui.keepButton.enabled
    host.open_scene(tmp_path / "scene.mrb")
    assert panel.ui.age_yearsEdit.text == "64"
    assert panel.ui.sexComboBox.currentText == "Female"
    assert keptForm(panel.parameters.inputVolume) == FILLED


@pytest.mark.parametrize("name", ["form.json", "table.csv"])
def test_files_are_written_and_read_back(host, panel, tmp_path, name):
    path = tmp_path / name
    panel.ui.tableFilePath.currentPath = str(path)
    type_into(host, panel.ui.pseudonymEdit, "patient-017")
    fill(host, panel)
    host.click(panel.ui.saveButton)
    assert panel.ui.messageLabel.text == f"Written to {name}."
    type_into(host, panel.ui.age_yearsEdit, "30")
    host.click(panel.ui.saveButton)
    assert "exists already" in panel.ui.messageLabel.text
    host.click(panel.ui.loadButton)
    assert panel.ui.age_yearsEdit.text == "64"
    assert panel.ui.n_categoryComboBox.currentText == "N2a"


def test_a_row_of_a_table_is_found_by_its_pseudonym(host, panel, volume, tmp_path):
    path = tmp_path / "Tabelle ä.csv"
    path.write_text("patient_id,age_years,sex\np1,50,male\np2,200,male\n", encoding="utf-8")
    panel.ui.tableFilePath.currentPath = str(path)
    type_into(host, panel.ui.pseudonymEdit, "p1")
    host.click(panel.ui.loadButton)
    assert panel.ui.age_yearsEdit.text == "50"
    assert keptForm(volume) is None
    type_into(host, panel.ui.pseudonymEdit, "p2")
    host.click(panel.ui.loadButton)
    assert "'age_years' is 200; accepted: 18 to 120" in panel.ui.messageLabel.text
    assert panel.ui.age_yearsEdit.text == "50"
    type_into(host, panel.ui.pseudonymEdit, "p3")
    host.click(panel.ui.loadButton)
    assert "0 rows with this pseudonym" in panel.ui.messageLabel.text


def test_without_a_main_window(host, volume):
    with host.without_main_window():
        host.load(ROOT / "SurvivalRisk" / "SurvivalRisk.py")
        panel = host.open("SurvivalRisk").panel
        fill(host, panel)
        host.click(panel.ui.keepButton)
        assert keptForm(volume) == FILLED
        host.leave()


def test_nothing_is_cut_off(host, widget):
    fill(host, widget.panel, age="12")
    assert host.cut_off(widget) == []
