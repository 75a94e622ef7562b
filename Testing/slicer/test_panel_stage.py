"""TNM in the panel SurvivalRisk: T from a measured nodule and ticks, the stage from the form."""

from pathlib import Path

import pytest
import qt
from bridge_scene import add_ct
from nodule_clicks import BALLS, click_in_view, made_ct
from panel_clicks import opened, type_into
from PySide6 import QtCore, QtTest

from LungPNetLib.slicer_bridge.nodule_nodes import nodulesOf

ROOT = Path(__file__).parents[2]


@pytest.fixture
def volume(host):
    return add_ct(made_ct())


@pytest.fixture
def widget(host, volume):
    host.load(ROOT / "SurvivalRisk" / "SurvivalRisk.py")
    widget = host.open("SurvivalRisk")
    opened(host, widget.panel.ui.stageButton)
    return widget


@pytest.fixture
def panel(widget):
    return widget.panel


def tick(host, panel, words):
    """Click the box of an invasion."""
    view = panel.ui.invasionList
    (item,) = view.findItems(words, qt.Qt.MatchExactly)
    view.scrollToItem(item)
    host.process_events()
    place = view.visualItemRect(item)
    QtTest.QTest.mouseClick(
        view.viewport(),
        QtCore.Qt.MouseButton.LeftButton,
        pos=QtCore.QPoint(place.left() + 8, place.center().y()),
    )
    host.process_events()


def describe(host, panel, kind="solid", total="15", solid="", nodules="none", looked=True):
    ui = panel.ui
    host.choose(ui.tumour_typeComboBox, kind)
    type_into(host, ui.total_mmEdit, total)
    if solid:
        type_into(host, ui.solid_mmEdit, solid)
    host.choose(ui.separate_nodulesComboBox, nodules)
    if looked:
        host.click(ui.invasionsCheckBox)


def enter_n_and_m(host, panel, n="N0", m="M0"):
    host.choose(panel.ui.n_categoryComboBox, n)
    host.choose(panel.ui.m_categoryComboBox, m)


def test_without_a_ct_nothing_can_be_entered(host):
    host.load(ROOT / "SurvivalRisk" / "SurvivalRisk.py")
    assert not host.open("SurvivalRisk").panel.ui.stageForm.enabled


def test_all_that_is_missing_is_named(host, panel):
    ui = panel.ui
    assert ui.tLabel.text == (
        "T cannot be told without: Tumour type, Total size (mm), Invasion was looked for, "
        "Other tumour nodules."
    )
    assert ui.stageResultLabel.text == (
        "Cannot be staged without: T category, N category, M category."
    )
    assert not ui.useTButton.enabled
    host.choose(ui.tumour_typeComboBox, "part-solid")
    assert "Solid size (mm)" in ui.tLabel.text
    host.choose(ui.t_categoryComboBox, "T1b")
    assert ui.stageResultLabel.text == "Cannot be staged without: N category, M category."


def test_a_staged_example_quotes_its_rules_and_publications(host, panel):
    describe(host, panel)
    assert panel.ui.tLabel.text == (
        "T1b: greatest dimension of 15 mm, above 1 to 2 cm. Source: TNM 9th edition (Rami-Porta et "
        "al., J Thorac Oncol 2024;19:1007-1027)."
    )
    host.click(panel.ui.useTButton)
    assert panel.ui.t_categoryComboBox.currentText == "T1b"
    assert panel.ui.messageLabel.text == "Not kept yet."
    enter_n_and_m(host, panel)
    assert panel.ui.stageResultLabel.text == (
        "T1b N0 M0: stage IA2. Source: TNM 9th edition (Rami-Porta et al., J Thorac Oncol 2024;19:"
        "1007-1027)."
    )
    host.choose(panel.ui.n_categoryComboBox, "N2a")
    assert panel.ui.stageResultLabel.text.startswith("T1b N2a M0: stage IIB.")
    host.choose(panel.ui.editionComboBox, "8th edition (2016)")
    assert panel.ui.stageResultLabel.text.startswith("T1b N2 M0: stage IIIA. Source: TNM 8th")
    host.choose(panel.ui.m_categoryComboBox, "M1c2")
    assert panel.ui.stageResultLabel.text.startswith("any T, any N, M1c: stage IVB.")


def test_invasion_decides_what_size_does_not(host, panel):
    describe(host, panel)
    tick(host, panel, "chest wall")
    assert panel.ui.tLabel.text.startswith("T3: involves: chest wall. ")
    tick(host, panel, "thymus")
    assert panel.ui.tLabel.text.startswith("T4: involves: thymus. ")
    host.choose(panel.ui.editionComboBox, "8th edition (2016)")
    assert "8th edition does not name: thymus" in panel.ui.tLabel.text
    assert not panel.ui.useTButton.enabled
    tick(host, panel, "thymus")
    assert panel.ui.tLabel.text.startswith("T3: involves: chest wall. Source: TNM 8th edition")


def test_the_solid_part_counts_where_there_is_ground_glass(host, panel):
    describe(host, panel, kind="part-solid", total="25", solid="5")
    assert panel.ui.tLabel.text.startswith("T1mi: solid component of 5 mm, at most 5 mm, in 25 mm.")
    assert "Travis" in panel.ui.tLabel.text
    type_into(host, panel.ui.solid_mmEdit, "30")
    assert "Solid size (mm) is 30" in panel.ui.tLabel.text
    type_into(host, panel.ui.total_mmEdit, "big")
    assert "Total size (mm) is 'big'; accepted: a number of mm" in panel.ui.tLabel.text


def test_combinations_without_a_published_row_are_refused(host, panel):
    host.choose(panel.ui.t_categoryComboBox, "TX")
    enter_n_and_m(host, panel, n="N1")
    assert "has no stage group for TX N1 M0" in panel.ui.stageResultLabel.text
    host.choose(panel.ui.n_categoryComboBox, "N0")
    assert panel.ui.stageResultLabel.text.startswith("TX N0 M0: occult carcinoma.")


def test_a_measured_nodule_fills_in_what_was_measured(host, widget, volume):
    host.load(ROOT / "NoduleGrade" / "NoduleGrade.py")
    click_in_view(host, host.open("NoduleGrade").panel, BALLS[0][0])
    (finding,) = nodulesOf(volume)
    ui = host.open("SurvivalRisk").panel.ui
    host.choose(ui.lesionComboBox, "Nodule 1")
    assert ui.tumour_typeComboBox.currentText == "solid"
    assert ui.total_mmEdit.text == f"{finding.measurements.max_diameter_mm:.1f}"
    assert float(ui.total_mmEdit.text) == pytest.approx(10.0, abs=1.5)
    assert ui.solid_mmEdit.text == ""
    assert "without: Invasion was looked for, Other tumour nodules." in ui.tLabel.text


def test_a_saved_scene_brings_the_answers_back(host, panel, tmp_path):
    describe(host, panel, kind="part-solid", total="25", solid="12", nodules="same lobe")
    tick(host, panel, "heart")
    host.choose(panel.ui.editionComboBox, "8th edition (2016)")
    host.click(panel.ui.useTButton)
    enter_n_and_m(host, panel, n="N1")
    host.click(panel.ui.keepButton)
    told, staged = panel.ui.tLabel.text, panel.ui.stageResultLabel.text
    assert told.startswith("T4: involves: heart.")
    assert staged.startswith("T4 N1 M0: stage IIIA.")
    host.save_scene(tmp_path / "scene.mrb")
    host.close_scene()
    assert panel.ui.total_mmEdit.text == ""
    host.open_scene(tmp_path / "scene.mrb")
    assert (panel.ui.tLabel.text, panel.ui.stageResultLabel.text) == (told, staged)
    assert panel.ui.solid_mmEdit.text == "12"


def test_nothing_is_cut_off(host, widget):
    describe(host, widget.panel, kind="part-solid", total="25", solid="12")
    tick(host, widget.panel, "atelectasis or obstructive pneumonitis to the hilum")
    enter_n_and_m(host, widget.panel)
    assert host.cut_off(widget) == []
    assert widget.panel.ui.invasionList.horizontalScrollBar().maximum == 0
