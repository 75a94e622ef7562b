"""The stand-ins of CTK and Slicer widgets behave as their namesakes where modules rely on it."""

import ctk
import numpy as np
import pytest
import qt
import slicer


@pytest.fixture
def selector(host):
    widget = slicer.qMRMLNodeComboBox()
    widget.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    widget.setMRMLScene(slicer.mrmlScene)
    return widget


def add(name, class_name="vtkMRMLScalarVolumeNode"):
    return slicer.mrmlScene.AddNewNodeByClass(class_name, name)


class TestNodeSelector:
    def test_without_a_scene_it_is_disabled(self, host):
        assert not slicer.qMRMLNodeComboBox().enabled

    def test_a_new_node_is_listed_but_not_chosen(self, selector):
        add("CT")
        assert selector.nodeCount() == 1
        assert selector.currentNode() is None

    def test_a_removed_node_is_no_longer_chosen(self, selector):
        node = add("CT")
        selector.setCurrentNode(node)
        slicer.mrmlScene.RemoveNode(node)
        assert selector.currentNode() is None
        assert selector.currentNodeID == ""

    def test_a_node_of_another_type_cannot_be_chosen(self, selector):
        selector.setCurrentNode(add("Table", "vtkMRMLTableNode"))
        assert selector.currentNode() is None

    def test_label_maps_are_volumes_unless_hidden(self, selector):
        add("Labels", "vtkMRMLLabelMapVolumeNode")
        assert selector.nodeCount() == 1
        selector.showChildNodeTypes = False
        assert selector.nodeCount() == 0

    def test_nodes_hidden_from_editors_are_not_listed(self, selector):
        node = slicer.vtkMRMLScalarVolumeNode()
        node.SetHideFromEditors(True)
        slicer.mrmlScene.AddNode(node)
        assert selector.nodeCount() == 0

    def test_an_attribute_filters(self, selector):
        add("PET").SetAttribute("Modality", "PT")
        add("CT").SetAttribute("Modality", "CT")
        selector.addAttribute("vtkMRMLScalarVolumeNode", "Modality", "CT")
        assert selector.nodeFromIndex(0).GetName() == "CT"
        assert selector.nodeCount() == 1

    def test_a_person_makes_a_node(self, host, selector):
        made = []
        selector.connect("nodeAddedByUser(vtkMRMLNode*)", made.append)
        selector.baseName = "Result"
        host.choose(selector, "Create new ScalarVolume")
        assert selector.currentNode().GetName() == "Result"
        assert made == [selector.currentNode()]

    def test_none_can_be_chosen_where_it_is_enabled(self, host, selector):
        selector.setCurrentNode(add("CT"))
        with pytest.raises(AssertionError, match="has no None"):
            host.choose(selector, None)
        selector.noneEnabled = True
        host.choose(selector, None)
        assert selector.currentNode() is None


@pytest.fixture
def segmentation(host):
    node = add("Lungs", "vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    node.GetSegmentation().AddEmptySegment("r", "Right", (1.0, 0.0, 0.0))
    node.GetSegmentation().AddEmptySegment("l", "Left", (0.0, 1.0, 0.0))
    return node


class TestSegments:
    def test_the_table_follows_the_segmentation(self, segmentation):
        table = slicer.qMRMLSegmentsTableView()
        table.setSegmentationNode(segmentation)
        assert table.segmentCount == 2
        segmentation.GetSegmentation().AddEmptySegment("n", "Nodule")
        assert table.segmentCount == 3
        segmentation.GetSegmentation().RemoveSegment("r")
        assert table.segmentCount == 2

    def test_rows_are_selected_by_segment(self, segmentation):
        table = slicer.qMRMLSegmentsTableView()
        table.setSegmentationNode(segmentation)
        heard = []
        table.connect(
            "selectionChanged(QItemSelection,QItemSelection)",
            lambda *_: heard.append(table.selectedSegmentIDs()),
        )
        table.setSelectedSegmentIDs(["l"])
        assert table.selectedSegmentIDs() == ("l",)
        assert heard[-1] == ("l",)

    def test_unchecking_hides_the_segment(self, segmentation):
        table = slicer.qMRMLSegmentsTableView()
        table.setSegmentationNode(segmentation)
        table.tableWidget().item(0, 0).setCheckState(qt.Qt.Unchecked)
        assert not segmentation.GetDisplayNode().GetSegmentVisibility("r")
        assert segmentation.GetDisplayNode().GetSegmentVisibility("l")

    def test_a_segment_is_chosen(self, segmentation):
        widget = slicer.qMRMLSegmentSelectorWidget()
        widget.setMRMLScene(slicer.mrmlScene)
        heard = []
        widget.connect("currentSegmentChanged(QString)", heard.append)
        widget.setCurrentNode(segmentation)
        widget.setCurrentSegmentID("l")
        assert widget.currentSegmentID() == "l"
        assert heard == ["r", "l"]


def test_a_table_node_is_shown_and_followed(host):
    node = add("Results", "vtkMRMLTableNode")
    view = slicer.qMRMLTableView()
    view.setMRMLScene(slicer.mrmlScene)
    view.setMRMLTableNode(node)
    slicer.util.updateTableFromArray(node, (np.array([1, 2, 3]),), ["Volume"])
    assert view.model().rowCount() == 3
    assert view.model().index(2, 0).data() == "3"
    assert view.model().headerData(0, qt.Qt.Horizontal) == "Volume"


def test_place_mode_is_slicers_own(host):
    points = add("Centres", "vtkMRMLMarkupsFiducialNode")
    widget = slicer.qSlicerMarkupsPlaceWidget()
    widget.setMRMLScene(slicer.mrmlScene)
    widget.setCurrentNode(points)
    heard = []
    widget.connect("activeMarkupsPlaceModeChanged(bool)", heard.append)
    host.click(widget.placeButton())
    interaction = slicer.app.applicationLogic().GetInteractionNode()
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    host.place_point(points, (1.0, 2.0, 3.0))
    assert points.GetNumberOfControlPoints() == 1
    assert widget.placeModeEnabled is False
    assert heard == [True, False]
    host.click(widget.deleteButton())
    assert points.GetNumberOfControlPoints() == 0


class TestCtk:
    def test_a_section_hides_and_shows_its_contents(self, host):
        section, inner = ctk.ctkCollapsibleButton("Options"), qt.QLabel("inside")
        qt.QVBoxLayout(section).addWidget(inner)
        heard = []
        section.connect("contentsCollapsed(bool)", heard.append)
        host.click(section)
        assert section.collapsed
        assert not inner.isVisibleTo(section)
        section.collapsed = False
        assert inner.isVisibleTo(section)
        assert heard == [True, False]

    def test_what_was_hidden_on_purpose_stays_hidden(self, host):
        section = ctk.ctkCollapsibleButton("Options")
        rows = qt.QVBoxLayout(section)
        labels = [qt.QLabel(text) for text in ("shown", "hidden", "hidden later", "shown later")]
        for label in labels:
            rows.addWidget(label)
        labels[1].hide()
        labels[3].hide()
        section.collapsed = True
        labels[2].hide()
        labels[3].show()
        assert [one.isVisibleTo(section) for one in labels] == [False] * 4
        section.collapsed = False
        assert [one.isVisibleTo(section) for one in labels] == [True, False, False, True]

    def test_a_slider_and_its_box_are_one_value(self, host):
        slider = ctk.ctkSliderWidget()
        slider.minimum, slider.maximum = -1.0, 1.0
        heard = []
        slider.connect("valueChanged(double)", heard.append)
        slider.value = 0.5
        slider.value = 7.0
        assert slider.value == 1.0
        assert heard == [0.5, 1.0]

    def test_a_path_says_whether_it_exists(self, host, tmp_path):
        edit = ctk.ctkPathLineEdit()
        valid, paths = [], []
        edit.connect("validInputChanged(bool)", valid.append)
        edit.connect("currentPathChanged(QString)", paths.append)
        edit.currentPath = str(tmp_path)
        edit.currentPath = str(tmp_path / "missing")
        assert valid == [True, False]
        assert paths == [str(tmp_path), str(tmp_path / "missing")]

    def test_a_folder_is_chosen_by_a_dialog(self, host, tmp_path):
        button = ctk.ctkDirectoryButton()
        host.dialogs.answer(str(tmp_path), "")
        assert button.browse() == str(tmp_path)
        assert button.directory == str(tmp_path)
        assert button.browse() == ""
        assert button.directory == str(tmp_path)

    def test_a_range_has_two_values(self, host):
        widget = ctk.ctkDoubleRangeSlider()
        widget.setRange(-1000.0, 400.0)
        widget.setValues(-950.0, -500.0)
        assert (widget.minimumValue, widget.maximumValue) == (-950.0, -500.0)
