"""Volumes from and to the scene: where each voxel lies, which transforms are followed."""

import itertools

import numpy as np
import pytest
import slicer
import vtk
from bridge_scene import OBLIQUE, add_ct, made_ct
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from LungPNetLib.errors import InputError
from LungPNetLib.slicer_bridge.volumes import (
    ctFromNode,
    lpsPoint,
    onSameGrid,
    rasPoint,
    transformOfResults,
    updateNodeFromVolume,
    volumeFromNode,
)
from LungPNetLib.volume import Volume

pytestmark = pytest.mark.usefixtures("host")
in_one_scene = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def rotation(axis, angle_deg):
    transform = vtk.vtkTransform()
    transform.RotateWXYZ(angle_deg, axis)
    return slicer.util.arrayFromVTKMatrix(transform.GetMatrix())[:3, :3]


signed_axes = st.builds(
    lambda order, signs: np.eye(3)[:, order] * signs,
    st.sampled_from(list(itertools.permutations(range(3)))),
    st.tuples(*[st.sampled_from((-1.0, 1.0))] * 3),
)
directions = st.builds(
    lambda axes, axis, angle: rotation(axis, angle) @ axes,
    signed_axes,
    st.sampled_from([(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 2, 3)]),
    st.sampled_from([0.0, 12.5, 30.0, -40.0]),
)


@given(directions, st.tuples(*[st.integers(0, 2), st.integers(0, 3), st.integers(0, 4)]))
@in_one_scene
def test_a_marker_stays_where_it_is_in_the_patient(direction, marker):
    """The node is made by VTK alone, so that RAS and LPS are compared from two sides."""
    k, j, i = marker
    to_ras = np.eye(4)
    to_ras[:3, :3] = direction * (0.7, 0.8, 2.5)
    to_ras[:3, 3] = (11.0, -22.0, 33.0)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    image = vtk.vtkImageData()
    image.SetDimensions(5, 4, 3)
    image.AllocateScalars(vtk.VTK_SHORT, 1)
    image.GetPointData().GetScalars().Fill(-1000)
    image.SetScalarComponentFromDouble(i, j, k, 0, 300)
    node.SetAndObserveImageData(image)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(to_ras))

    volume = volumeFromNode(node)

    assert volume.shape == (3, 4, 5)
    assert np.argwhere(volume.array == 300).tolist() == [[k, j, i]]
    ras = (to_ras @ (i, j, k, 1.0))[:3]
    np.testing.assert_allclose(volume.index_to_world([i, j, k]), ras * (-1, -1, 1), atol=1e-9)

    back = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    updateNodeFromVolume(back, volume)
    matrix = vtk.vtkMatrix4x4()
    back.GetIJKToRASMatrix(matrix)
    np.testing.assert_allclose(slicer.util.arrayFromVTKMatrix(matrix), to_ras, atol=1e-9)
    assert back.GetImageData().GetScalarComponentAsDouble(i, j, k, 0) == 300
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(back), volume.array)


def test_points_change_sides_only():
    assert rasPoint([10.0, 20.0, 30.0]).tolist() == [-10.0, -20.0, 30.0]
    assert lpsPoint([[-10.0, -20.0, 30.0]]).tolist() == [[10.0, 20.0, 30.0]]


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_voxels_are_not_copied(dtype):
    ct = made_ct()
    node = add_ct(ct.with_array(ct.array.astype(dtype) + dtype(0.5)))
    volume = ctFromNode(node)
    assert volume.array.dtype == dtype
    if dtype == np.int16:
        assert np.shares_memory(volume.array, slicer.util.arrayFromVolume(node))
    assert np.shares_memory(volumeFromNode(node).array, slicer.util.arrayFromVolume(node))


def test_nobody_writes_into_the_node_by_accident():
    volume = volumeFromNode(add_ct(made_ct()))
    with pytest.raises(ValueError, match="read-only"):
        volume.array[0, 0, 0] = 1


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (7.0, np.float64, np.int16),
        (7.5, np.float64, np.float32),
        (7, np.uint16, np.int16),
        (40000, np.int32, np.float32),
    ],
)
def test_hu_are_int16_where_nothing_is_lost(value, dtype, expected):
    ct = ctFromNode(add_ct(Volume(np.full((3, 4, 5), value, dtype))))
    assert ct.array.dtype == expected
    assert (ct.array == value).all()


def test_a_node_without_voxels_is_refused():
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    with pytest.raises(InputError, match="holds no voxels"):
        volumeFromNode(node)


def test_a_colour_image_is_refused():
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode")
    image = vtk.vtkImageData()
    image.SetDimensions(5, 4, 3)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    node.SetAndObserveImageData(image)
    with pytest.raises(InputError, match="3 values a voxel"):
        volumeFromNode(node)


def test_a_sheared_grid_is_refused():
    node = add_ct(made_ct())
    node.SetIJKToRASDirections(1, 0, 0, 0, 1, 0.3, 0, 0, 0.95)
    with pytest.raises(InputError, match="not at right angles"):
        volumeFromNode(node)


def moved_by(class_name="vtkMRMLLinearTransformNode"):
    node = slicer.mrmlScene.AddNewNodeByClass(class_name)
    if class_name == "vtkMRMLLinearTransformNode":
        matrix = vtk.vtkMatrix4x4()
        matrix.SetElement(0, 3, 50.0)
        node.SetMatrixTransformToParent(matrix)
    else:
        # Shears the slices against each other, as the correction of a tilted gantry does.
        spline = vtk.vtkThinPlateSplineTransform()
        spline.SetBasisToR()
        source, target = vtk.vtkPoints(), vtk.vtkPoints()
        for x, y, z in itertools.product((-100.0, 100.0), repeat=3):
            source.InsertNextPoint(x, y, z)
            target.InsertNextPoint(x, y + 0.2 * z + 1e-4 * z * x, z)
        spline.SetSourceLandmarks(source)
        spline.SetTargetLandmarks(target)
        node.SetAndObserveTransformToParent(spline)
    return node


def test_a_registration_changes_no_measurement_and_carries_the_results_along():
    ct = made_ct()
    node = add_ct(ct)
    registration = moved_by()
    node.SetAndObserveTransformNodeID(registration.GetID())
    assert volumeFromNode(node).same_grid_as(ct)
    assert ctFromNode(node).same_grid_as(ct)
    assert transformOfResults(node, ct) is registration


def test_without_a_transform_results_have_none():
    assert transformOfResults(add_ct(made_ct()), made_ct()) is None


def test_a_warped_ct_is_refused():
    node = add_ct(made_ct())
    node.SetAndObserveTransformNodeID(moved_by("vtkMRMLTransformNode").GetID())
    with pytest.raises(InputError, match=r"non-linear.*harden"):
        ctFromNode(node)


def test_a_corrected_tilt_is_not_applied_to_upright_results():
    registration, correction = moved_by(), moved_by("vtkMRMLTransformNode")
    ct = made_ct()
    node = add_ct(ct)
    correction.SetAndObserveTransformNodeID(registration.GetID())
    node.SetAndObserveTransformNodeID(correction.GetID())
    upright = Volume(np.zeros((6, 7, 8), np.uint8), (1.0, 1.0, 1.0))
    assert transformOfResults(node, upright) is registration
    assert transformOfResults(node, ct) is correction


def test_the_same_voxels_in_another_order_are_the_same_grid():
    ct = made_ct()
    step = np.asarray(ct.index_to_world((0, 0, 2)))
    upside_down = Volume(
        ct.array[::-1], ct.spacing_mm, tuple(step), ct.direction * (1.0, 1.0, -1.0)
    )
    assert onSameGrid(ct, upside_down)


@pytest.mark.parametrize(
    "other",
    [
        Volume(np.zeros((3, 4, 5), np.uint8), (0.7, 0.8, 2.5), (-10.0, 20.0, -28.0), OBLIQUE),
        Volume(np.zeros((3, 4, 6), np.uint8), (0.7, 0.8, 2.5), (-10.0, 20.0, -30.0), OBLIQUE),
        Volume(np.zeros((3, 4, 5), np.uint8), (0.7, 0.8, 2.5), (-10.0, 20.0, -30.0)),
    ],
    ids=["elsewhere", "wider", "turned"],
)
def test_other_grids_are_told_apart(other):
    assert not onSameGrid(made_ct(), other)
