"""HU of DICOM files: transfer syntaxes, stored bits, rescaling, multi-frame files, damage."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    JPEGLosslessSV1,
    JPEGLSLossless,
    LegacyConvertedEnhancedCTImageStorage,
    RLELossless,
)

from dicom_factory import (
    COMPRESSED_SYNTAXES,
    CORONAL,
    SYNTAXES,
    cut,
    item,
    numbered_hu,
    refusal,
    stack_positions,
    world_by_value,
    world_of,
    write_multiframe,
    write_series,
)
from LungPNetLib.errors import DependencyError, LungPNetError
from LungPNetLib.reading import read_study

SHUFFLED = [7, 2, 11, 0, 5, 9, 1, 10, 3, 8, 4, 6]


@pytest.mark.parametrize(
    ("signed", "bits", "intercept"),
    [(True, 16, -1024), (False, 16, -1024), (True, 12, 768), (False, 12, -1024)],
)
@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES.keys())
def test_every_transfer_syntax_gives_the_same_voxels(
    tmp_path, syntax, signed, bits, intercept
) -> None:
    hu = numbered_hu()
    paths = write_series(
        tmp_path, hu, syntax=syntax, signed=signed, bits_stored=bits, intercept=intercept
    )
    assert pydicom.dcmread(paths[0]).file_meta.TransferSyntaxUID == syntax
    ct = read_study(tmp_path).ct
    assert np.array_equal(ct.array, hu)
    assert ct.array.dtype == np.int16


@pytest.mark.parametrize("fraction", [0.2, 0.5, 0.8, 0.97])
@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES.keys())
def test_a_file_cut_off_anywhere_is_named(tmp_path, syntax, fraction) -> None:
    paths = write_series(tmp_path, numbered_hu(), syntax=syntax)
    cut(paths[6], fraction)
    message = refusal(tmp_path)
    assert "'0007.dcm'" in message
    assert "Copy or export the series again" in message


def test_the_last_slice_cut_inside_its_header_is_not_just_left_out(tmp_path: Path) -> None:
    paths = write_series(tmp_path, numbered_hu())
    for percent in range(10, 100, 3):
        whole = paths[-1].read_bytes()
        cut(paths[-1], percent / 100)
        assert "'0012.dcm'" in refusal(tmp_path)
        paths[-1].write_bytes(whole)


@pytest.mark.parametrize("syntax", [*COMPRESSED_SYNTAXES.values()])
@pytest.mark.parametrize("rest", [b"", b"\0" * 200], ids=["cut", "zeroed"])
def test_a_compressed_stream_without_an_end_is_refused(tmp_path, syntax, rest) -> None:
    """The file itself is whole; some decoders would fill the missing rows without a word."""
    paths = write_series(tmp_path, numbered_hu(), syntax=syntax)
    dataset = pydicom.dcmread(paths[4])
    stream = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate([stream[: len(stream) // 4 * 2] + rest])
    dataset.save_as(paths[4])
    assert "'0005.dcm' is damaged or cut off" in refusal(tmp_path)


def test_each_slice_has_its_own_slope_and_intercept(tmp_path: Path) -> None:
    hu = 2 * numbered_hu()
    slopes, intercepts = np.tile([1, 2, -1], 4), np.arange(12) * 10 - 1024
    write_series(tmp_path, hu, slope=slopes, intercept=intercepts)
    study = read_study(tmp_path)
    assert np.array_equal(study.ct.array, hu)
    assert study.ct.array.dtype == np.int16


def test_a_fractional_slope_gives_float32(tmp_path: Path) -> None:
    hu = numbered_hu() * 0.25
    slopes = np.where(np.arange(12) == 3, 0.25, 0.125)
    write_series(tmp_path, hu, slope=slopes, intercept=-100.5)
    array = read_study(tmp_path).ct.array
    assert array.dtype == np.float32
    assert np.array_equal(array, hu)


def test_one_fractional_slice_makes_the_volume_float32(tmp_path: Path) -> None:
    hu = numbered_hu().astype(float)
    hu[3] += 0.5
    write_series(tmp_path, hu, slope=np.where(np.arange(12) == 3, 0.5, 1))
    array = read_study(tmp_path).ct.array
    assert array.dtype == np.float32
    assert np.array_equal(array, hu)


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_overlays_in_the_high_bits_are_cleared(tmp_path: Path, signed: bool) -> None:
    hu = numbered_hu() - 900 if signed else numbered_hu()
    intercept = 0 if signed else -1024
    write_series(tmp_path, hu, signed=signed, bits_stored=12, high_bits=0b1010, intercept=intercept)
    assert np.array_equal(read_study(tmp_path).ct.array, hu)


def test_pixels_at_the_upper_end_of_their_word_are_shifted(tmp_path: Path) -> None:
    """Old files keep 12 bits in the upper part of 16 (HighBit 15)."""

    def left_align(dataset, _k):
        words = np.frombuffer(dataset.PixelData, "<u2")
        dataset.PixelData = (words << 4 | 0b0110).astype("<u2").tobytes()
        dataset.HighBit = 15

    hu = numbered_hu()
    write_series(tmp_path, hu, signed=False, bits_stored=12, change=left_align)
    assert np.array_equal(read_study(tmp_path).ct.array, hu)


@pytest.mark.parametrize("padding_hu", [-2000, -3024])
def test_padding_stays_as_it_is(tmp_path: Path, padding_hu: int) -> None:
    def name_padding(dataset, _k):
        dataset.PixelPaddingValue = padding_hu + 1024

    hu = numbered_hu()
    hu[:, :2, :3] = padding_hu
    write_series(tmp_path, hu, change=name_padding)
    array = read_study(tmp_path).ct.array
    assert np.array_equal(array, hu)
    assert array.dtype == np.int16


def test_hu_beyond_int16_are_clipped(tmp_path: Path) -> None:
    hu = numbered_hu().astype(int)
    hu[4, 5, 6] = 60000
    write_series(tmp_path, hu, signed=False)
    array = read_study(tmp_path).ct.array
    assert array[4, 5, 6] == 32767
    assert array.min() == -1024


@pytest.mark.parametrize(("slope", "intercept"), [("", ""), ("1e30", "0"), ("1", "-1e25")])
def test_odd_rescale_values_do_not_crash(tmp_path: Path, slope: str, intercept: str) -> None:
    def odd(dataset, k):
        if k == 2:
            dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept

    write_series(tmp_path, numbered_hu(), intercept=0, change=odd)
    array = read_study(tmp_path).ct.array
    assert np.array_equal(np.delete(array, 2, axis=0), np.delete(numbered_hu(), 2, axis=0))
    if not slope:
        assert np.array_equal(array, numbered_hu())


def test_colour_pixels_are_refused(tmp_path: Path) -> None:
    def colour(dataset, _k):
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
        dataset.PlanarConfiguration = 0
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit = 7
        dataset.PixelData = b"\1" * (16 * 20 * 3)

    write_series(tmp_path, numbered_hu(), change=colour)
    message = refusal(tmp_path)
    assert "'0001.dcm' holds 3 value(s) of 8 bits a pixel" in message
    assert "original series" in message


def test_an_unknown_compression_is_not_called_damage(tmp_path: Path) -> None:
    for path in write_series(tmp_path, numbered_hu(), syntax=RLELossless):
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"
        dataset.save_as(path)
    message = refusal(tmp_path)
    assert "MPEG2" in message
    assert "damaged" not in message


def test_a_missing_decoder_says_what_to_install(tmp_path: Path, monkeypatch) -> None:
    write_series(tmp_path, numbered_hu(), syntax=JPEGLosslessSV1)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    assert "pip install imagecodecs" in refusal(tmp_path, DependencyError)


def test_a_jpeg_header_of_another_image_is_damage(tmp_path: Path) -> None:
    # Some of these headers make other decoders end the process.
    path = write_series(tmp_path, numbered_hu(), syntax=JPEGLosslessSV1)[3]
    content = path.read_bytes()
    header = content.index(b"\xff\xc3")
    for offset, value in ((4, 255), (5, 9), (7, 9), (9, 3)):
        spoilt = bytearray(content)
        spoilt[header + offset] = value
        path.write_bytes(spoilt)
        assert "JPEG header does not fit" in refusal(tmp_path)


def multiframe(folder: Path, **options) -> tuple[np.ndarray, np.ndarray, Path]:
    hu, positions = 2 * numbered_hu(), stack_positions(12)
    return hu, positions, write_multiframe(folder / "multi.dcm", hu, positions, **options)


@pytest.mark.parametrize(
    "sop_class", [EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage]
)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEGLSLossless])
def test_enhanced_ct_in_shuffled_frames(tmp_path: Path, sop_class: str, syntax: str) -> None:
    hu, positions, path = multiframe(
        tmp_path / "deep" / "er",
        order=SHUFFLED,
        slopes=np.tile([1, 2], 6),
        intercepts=np.arange(12) * 2 - 1024,
        sop_class=sop_class,
        syntax=syntax,
    )
    by_folder, by_file = read_study(tmp_path), read_study(path)
    for study in (by_folder, by_file):
        assert np.array_equal(study.ct.array, hu)
        assert np.allclose(world_by_value(study.ct), world_of(positions, hu.shape).reshape(-1, 3))
        assert [s.frame_number for s in study.source] == [SHUFFLED.index(k) + 1 for k in range(12)]
        assert {s.path for s in study.source} == {path}


def test_enhanced_ct_equals_the_classic_series(tmp_path: Path) -> None:
    hu, positions = numbered_hu(), stack_positions(12, (0, -2.5, 0))
    write_multiframe(tmp_path / "new" / "multi.dcm", hu, positions, orientation=CORONAL)
    write_series(tmp_path / "old", hu, positions=positions, orientation=CORONAL)
    new, old = read_study(tmp_path / "new").ct, read_study(tmp_path / "old").ct
    assert new.same_grid_as(old)
    assert np.array_equal(new.array, old.array)


def test_enhanced_ct_with_two_phases_names_the_frames(tmp_path: Path) -> None:
    positions = stack_positions(12)
    positions[6:] = positions[:6]
    write_multiframe(tmp_path / "multi.dcm", numbered_hu(), positions)
    assert "frames 1 and 7 of 'multi.dcm'" in refusal(tmp_path)


def test_enhanced_ct_with_another_plane_inside_is_refused(tmp_path: Path) -> None:
    def turn_last(dataset):
        group = dataset.PerFrameFunctionalGroupsSequence[11]
        group.PlaneOrientationSequence = [item(ImageOrientationPatient=list(CORONAL))]

    multiframe(tmp_path, change=turn_last)
    assert "frames 1 and 12 of 'multi.dcm'" in refusal(tmp_path)


def test_enhanced_ct_with_too_few_descriptions_is_refused(tmp_path: Path) -> None:
    def forget_one(dataset):
        del dataset.PerFrameFunctionalGroupsSequence[3]

    multiframe(tmp_path, change=forget_one)
    assert "describes 11 frames and holds 12" in refusal(tmp_path)


def test_one_image_split_over_several_files(tmp_path: Path) -> None:
    def part_of_one(dataset):
        dataset.ConcatenationUID = "1.2.3"

    hu, positions = numbered_hu(), stack_positions(12)
    for name, part in (("a", slice(0, 5)), ("b", slice(5, 12))):
        write_multiframe(tmp_path / f"{name}.dcm", hu[part], positions[part], change=part_of_one)
    assert np.array_equal(read_study(tmp_path).ct.array, hu)


@settings(max_examples=60, deadline=None)
@given(
    syntax=st.sampled_from([ExplicitVRLittleEndian, *COMPRESSED_SYNTAXES.values()]),
    places=st.lists(st.floats(0, 0.999), min_size=1, max_size=6),
    value=st.integers(0, 255),
)
def test_damaged_bytes_never_escape_as_another_error(syntax, places, value) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = write_series(Path(folder), numbered_hu((3, 16, 20)), syntax=syntax)
        content = bytearray(paths[1].read_bytes())
        for place in places:
            content[int(place * len(content))] = value
        paths[1].write_bytes(content)
        try:
            outcome = str(read_study(Path(folder)).ct.shape)
        except LungPNetError as error:
            outcome = str(error)
        assert "Muster" not in outcome
