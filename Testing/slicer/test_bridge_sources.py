"""Where the worker gets a CT from, and that Slicer and this package read DICOM alike."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import slicer
from bridge_scene import OBLIQUE, SERIES_UID, STUDY_UID, add_ct, add_study, made_ct

from LungPNetLib.cohort.dicom_writer import write_ct_series
from LungPNetLib.errors import InputError
from LungPNetLib.reading import read_study
from LungPNetLib.slicer_bridge.hierarchy import (
    acquisitionOf,
    itemOf,
    patientOf,
    placeBeside,
    placeInStudy,
)
from LungPNetLib.slicer_bridge.sources import sourceOf
from LungPNetLib.slicer_bridge.volumes import onSameGrid, volumeFromNode
from LungPNetLib.study import Acquisition, Patient
from LungPNetLib.volume import Volume

pytestmark = pytest.mark.usefixtures("host")


class Database:
    """What ctkDICOMDatabase answers: paths by SOP instance UID."""

    def __init__(self, paths):
        self.paths = {f"1.2.{index}": str(path) for index, path in enumerate(paths)}

    def fileForInstance(self, uid):
        return self.paths.get(uid, "")

    def instanceValue(self, uid, tag):
        assert tag.lower() == "0020,000e"
        return "1.9"

    def node(self):
        """A volume that was loaded from the files."""
        node = add_ct(made_ct())
        node.SetAttribute("DICOM.instanceUIDs", " ".join(self.paths))
        return node


def touched(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def test_a_ct_that_the_worker_read_is_read_there_again(tmp_path):
    node = add_ct(made_ct())
    (place,) = touched(tmp_path / "ct" / "scan.nrrd")
    node.SetAttribute("LungPNet.SourcePath", str(place))
    assert sourceOf(node, None).fields == {"input": place}
    assert sourceOf(node, None).options == {}
    node.SetAttribute("LungPNet.SourcePath", str(place.parent))
    node.SetAttribute("LungPNet.SourceSeries", SERIES_UID)
    assert sourceOf(node, None).options == {"series": SERIES_UID}
    place.unlink()
    place.parent.rmdir()
    assert not sourceOf(node, None).isFromFiles


def test_a_ct_from_dicom_is_read_from_its_files(tmp_path):
    database = Database(touched(tmp_path / "ct/1", tmp_path / "ct/2"))
    node = database.node()
    source = sourceOf(node, database)
    assert source.isFromFiles
    assert source.fields == {"input": tmp_path / "ct"}
    assert source.options == {"series": "1.9"}
    assert source.notice == ""
    add_study(node)
    assert sourceOf(node, database).options == {"series": SERIES_UID}


def test_files_in_folders_of_one_disc_are_read_together(tmp_path):
    database = Database(touched(tmp_path / "cd/A/1", tmp_path / "cd/B/C/2"))
    assert sourceOf(database.node(), database).fields == {"input": tmp_path / "cd"}


def test_an_enhanced_ct_is_its_one_file(tmp_path):
    database = Database(touched(tmp_path / "ct/enhanced.dcm"))
    assert sourceOf(database.node(), database).fields == {"input": tmp_path / "ct/enhanced.dcm"}


def test_scattered_missing_and_unknown_files_leave_the_voxels(tmp_path):
    scattered = Database(touched(tmp_path / "a/1", tmp_path / "b/c/d/e/2"))
    deleted = Database([*touched(tmp_path / "f/1"), tmp_path / "f/2"])
    unknown = Database(touched(tmp_path / "g/1"))
    node = unknown.node()
    node.SetAttribute("DICOM.instanceUIDs", "1.2.0 1.2.77")
    for database, one in (
        (scattered, scattered.node()),
        (deleted, deleted.node()),
        (unknown, node),
        (None, unknown.node()),
    ):
        source = sourceOf(one, database)
        assert not source.isFromFiles
        assert source.fields["input_format"] == "dicom"
        np.testing.assert_array_equal(source.fields["volume"].array, made_ct().array)
        assert "no DICOM SEG and SR" in source.notice


def test_without_files_the_patient_comes_from_the_hierarchy():
    node = add_ct(made_ct())
    assert patientOf(node) == Patient()
    assert acquisitionOf(node) == Acquisition()
    add_study(node)
    fields = sourceOf(node, None).fields
    assert Patient(**fields["patient"]) == Patient("Doe^Jane", "17", "19500102", "F")
    acquisition = Acquisition(**fields["acquisition"])
    assert acquisition.study_uid == STUDY_UID
    assert acquisition.series_uid == SERIES_UID
    assert acquisition.study_date == "20200304"
    assert acquisition.study_description == "Thorax"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("ct.nii.gz", "nifti"), ("ct.mha", "metaimage"), ("ct.nrrd", "nrrd")],
)
def test_a_file_of_another_kind_keeps_its_format(tmp_path, name, expected):
    from LungPNetLib.volume import write_image

    write_image(made_ct(), tmp_path / name)
    node = slicer.util.loadVolume(str(tmp_path / name))
    source = sourceOf(node, None)
    assert source.fields["input_format"] == expected
    assert source.notice == ""
    assert source.fields["volume"].same_grid_as(made_ct())
    np.testing.assert_array_equal(source.fields["volume"].array, made_ct().array)


def test_a_node_that_holds_no_ct_is_refused():
    with pytest.raises(InputError, match="holds no voxels"):
        sourceOf(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode"), None)


def test_a_ct_from_dicom_is_put_under_its_patient_and_study():
    patient = Patient("Doe^Jane", "17", "19500102", "F")
    first = Acquisition(STUDY_UID, SERIES_UID, study_date="20200304", study_description="Thorax")
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    nodes = [add_ct(made_ct(), name) for name in ("thin", "thick", "later")]
    placeInStudy(nodes[0], patient, first)
    placeInStudy(nodes[1], patient, dataclasses.replace(first, series_uid="1.3"))
    placeInStudy(nodes[2], patient, dataclasses.replace(first, study_uid="1.4", series_uid="1.5"))

    assert patientOf(nodes[0]) == patientOf(nodes[2]) == patient
    assert acquisitionOf(nodes[0]) == first
    assert acquisitionOf(nodes[1]).series_uid == "1.3"
    thin, thick, later = (hierarchy.GetItemParent(itemOf(node)) for node in nodes)
    assert thin == thick != later
    assert hierarchy.GetItemParent(thin) == hierarchy.GetItemParent(later)
    assert hierarchy.GetItemName(thin) == "Thorax (2020-03-04)"
    assert hierarchy.GetItemName(hierarchy.GetItemParent(thin)) == "Doe, Jane"


def test_patients_without_an_id_are_not_taken_for_one():
    one, two = add_ct(made_ct(), "one"), add_ct(made_ct(), "two")
    placeInStudy(one, Patient("A"), Acquisition("1.1", "1.2"))
    placeInStudy(two, Patient("B"), Acquisition("1.3", "1.4"))
    assert (patientOf(one).name, patientOf(two).name) == ("A", "B")


def test_a_ct_of_no_study_stays_where_it_is():
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    node = add_ct(made_ct())
    placeInStudy(node, Patient(), Acquisition())
    assert hierarchy.GetItemParent(itemOf(node)) == hierarchy.GetSceneItemID()


def test_results_are_put_where_the_ct_is():
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    one, two = add_ct(made_ct(), "one"), add_ct(made_ct(), "two")
    study = add_study(one)
    for ct, parent in ((one, study), (two, hierarchy.GetSceneItemID())):
        result = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
        placeBeside(result, ct)
        placeBeside(result, ct)
        assert hierarchy.GetItemParent(itemOf(result)) == parent


@pytest.mark.parametrize("direction", [np.eye(3), OBLIQUE, np.diag([1.0, -1.0, -1.0])])
def test_slicer_and_this_package_read_the_same_dicom_alike(tmp_path, direction):
    """Slicer's own reader (ITK) makes the node; ours reads what the node's source names."""
    made = Volume(made_ct((8, 7, 6)).array, (0.7, 0.8, 2.5), (-10.0, 20.0, -30.0), direction)
    write_ct_series(made, tmp_path / "ct")
    files = sorted((tmp_path / "ct").iterdir())
    node = slicer.util.loadVolume(str(files[0]))
    database = Database(files)
    node.SetAttribute("DICOM.instanceUIDs", " ".join(database.paths))
    source = sourceOf(node, database)
    assert_read_alike(node, source.fields["input"])


def test_real_ct_is_read_alike(real_data):
    folder = next(path.parent for path in sorted((real_data / "lidc-0001").rglob("*.dcm")))
    assert_read_alike(slicer.util.loadVolume(str(min(folder.glob("*.dcm")))), folder)


def assert_read_alike(node, folder: Path):
    ours, theirs = read_study(folder).ct, volumeFromNode(node)
    assert onSameGrid(ours, theirs)
    ours, theirs = (volume.axis_order_to().apply(volume) for volume in (ours, theirs))
    np.testing.assert_array_equal(ours.array, theirs.array)


@pytest.fixture(scope="session")
def real_data():
    """Folder of real CT studies; what needs it is skipped where it is absent."""
    import os

    repository = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("LUNGPNET_TEST_DATA", repository.parent / "shared" / "data"))
    if not (folder / "README.md").is_file():
        pytest.skip(f"no real data at {folder} (set LUNGPNET_TEST_DATA)")
    return folder
