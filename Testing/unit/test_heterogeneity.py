"""The heterogeneity image, its legend, its numbers and maps, and the two verbs that write them."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from dicom_factory import write_series
from LungPNetLib.cli import main
from LungPNetLib.errors import InputError
from LungPNetLib.nodules.colours import (
    COLOUR_RANGE_HU,
    OUTSIDE_HU,
    TICKS_HU,
    ColourMap,
    colour_table,
    colours_of,
    heterogeneity_image,
    hu_inside,
    legend_strip,
    write_colour_table,
)
from LungPNetLib.nodules.heterogeneity import BIN_WIDTH_HU, OUTSIDE, measure_heterogeneity
from LungPNetLib.nodules.page import Page
from LungPNetLib.nodules.pictures import (
    coloured_section,
    nodule_sheet,
    numbers_in_words,
    scale_in_words,
)
from LungPNetLib.nodules.rated import gallery_entry, median_rating, read_rated
from LungPNetLib.radiomics.features import features
from LungPNetLib.radiomics.settings import RadiomicsSettings
from LungPNetLib.reading import read_study
from LungPNetLib.report import planes
from LungPNetLib.report.language import Words
from LungPNetLib.report.planes import Plane
from LungPNetLib.volume import Volume, read_image, write_image

SPACING_MM = (0.8, 0.7, 2.5)


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("LUNGPNET_HOME", str(tmp_path / "home"))


def nodule(seed: int = 1, shape: tuple[int, int, int] = (7, 24, 22)) -> tuple[Volume, Volume]:
    """A CT of noise and an ellipsoid in it, whose HU run from -900 to 300 from left to right."""
    z, y, x = np.indices(shape)
    centre = [(n - 1) / 2 for n in shape]
    inside = sum(
        ((i - c) / r) ** 2 for i, c, r in zip((z, y, x), centre, (2.4, 7, 8), strict=True)
    ) <= 1  # fmt: skip
    rng = np.random.default_rng(seed)
    ramp = -900 + 1200 * (x - 3) / (shape[2] - 7) + rng.normal(0, 60, shape)
    hu = np.where(inside, ramp, rng.normal(-850, 40, shape)).round().astype(np.int16)
    ct = Volume(hu, SPACING_MM, (-30.0, 20.0, -100.0))
    return ct, ct.with_array(inside.astype(np.uint8))


def is_coloured(pixels: np.ndarray) -> np.ndarray:
    return pixels.max(axis=-1) != pixels.min(axis=-1)


# Colours


@pytest.mark.parametrize("colours", ColourMap)
def test_colours_lie_on_one_fixed_scale(colours):
    low, high = COLOUR_RANGE_HU
    table = colour_table(colours)
    assert table.shape == (256, 3)
    assert colours_of([-3000, low, high, 3000], colours).tolist() == [
        table[0].tolist(), table[0].tolist(), table[255].tolist(), table[255].tolist(),
    ]  # fmt: skip
    index = [255 * step // (high - low) for step in range(high - low + 1)]
    assert (colours_of(np.arange(low, high + 1), colours) == table[index]).all()


def test_low_is_blue_and_high_is_red():
    air, fat, calcium = colours_of([-1000, -300, 400], ColourMap.JET).astype(int)
    assert air[2] > 100 > air[0] + air[1]
    assert calcium[0] > 100 > calcium[1] + calcium[2]
    assert fat[1] == fat.max()
    violet, yellow = colours_of([-1000, 400], ColourMap.VIRIDIS).astype(int)
    assert violet[2] > violet[1]
    assert min(yellow[:2]) > 200 > yellow[2]


def test_unknown_colours_are_an_error_of_the_command_line(tmp_path):
    with pytest.raises(SystemExit):
        main(["heterogeneity", "ct", "mask", "--out", str(tmp_path / "o"), "--colours", "hot"])


def test_image_is_grey_ct_outside_and_a_colour_of_the_table_inside():
    ct, mask = nodule()
    image = heterogeneity_image(ct, mask)
    inside = mask.array != 0
    assert image.shape == (*ct.shape, 3)
    assert not is_coloured(image[~inside]).any()
    assert (image[inside] == colours_of(ct.array[inside], ColourMap.JET)).all()
    # The grey window has nothing to do with the colours.
    other = heterogeneity_image(ct, mask, window_hu=(-160.0, 240.0))
    assert (other[inside] == image[inside]).all()
    assert (other[~inside] != image[~inside]).any()


def test_two_crops_of_a_nodule_have_the_same_colours():
    ct, mask = nodule()
    whole = heterogeneity_image(ct, mask)
    start, size = (2, 3, 1), (18, 19, 5)
    part = heterogeneity_image(ct.cropped(start, size), mask.cropped(start, size))
    assert (part == whole[1:6, 3:22, 2:20]).all()
    # The nodule's densest and thinnest voxels left out: the others keep their colours.
    trimmed = np.where((ct.array > -700) & (ct.array < 0), mask.array, 0).astype(np.uint8)
    kept = trimmed != 0
    assert 0 < kept.sum() < np.count_nonzero(mask.array)
    again = heterogeneity_image(ct, mask.with_array(trimmed))
    assert (again[kept] == whole[kept]).all()


def test_two_scanners_give_the_same_colours_for_the_same_hu(tmp_path):
    """One stores HU + 1024, the other 4 (HU + 2000); around the nodule they see other things."""
    ct, mask = nodule()
    inside = mask.array != 0
    metal = np.where(inside, ct.array, np.int16(1500))
    padded = np.where(inside, ct.array, np.int16(-1900))
    images = []
    for name, hu, slope, intercept in (("a", metal, 1, -1024), ("b", padded, 0.25, -2000)):
        write_series(tmp_path / name, hu, slope=slope, intercept=intercept)
        read = read_study(tmp_path / name).ct
        images.append(heterogeneity_image(read, read.with_array(mask.array)))
    assert (images[0][inside] == images[1][inside]).all()
    assert (images[0][inside] == colours_of(ct.array[inside], ColourMap.JET)).all()
    assert (images[0][~inside] != images[1][~inside]).all()


def test_volume_for_slicer_gives_the_same_colours_through_its_table(tmp_path):
    ct, mask = nodule()
    hu, inside = hu_inside(ct, mask).array, mask.array != 0
    assert (hu[~inside] == OUTSIDE_HU).all()
    assert (hu[inside] == ct.array[inside]).all()
    write_colour_table(tmp_path / "t.ctbl", ColourMap.JET)
    lines = (tmp_path / "t.ctbl").read_text("utf-8").splitlines()[1:]
    table = np.array([[int(part) for part in line.split()[2:5]] for line in lines])
    # Window and level of Slicer bring HU to 0..255 and cut the rest off.
    low, high = COLOUR_RANGE_HU
    index = np.clip((hu[inside].astype(float) - low) * 255 / (high - low), 0, 255).astype(int)
    assert (table[index] == heterogeneity_image(ct, mask)[inside]).all()
    # Each colour is named by the lowest HU that it shows.
    assert [line.split()[1] for line in (lines[0], lines[1], lines[255])] == [
        "-1000_HU", "-994_HU", "400_HU",
    ]  # fmt: skip


def test_a_mask_on_another_grid_is_refused():
    ct, mask = nodule()
    moved = Volume(mask.array, (0.8, 0.7, 2.0), mask.origin_mm)
    for function in (heterogeneity_image, hu_inside):
        with pytest.raises(InputError, match="does not lie on the grid"):
            function(ct, moved)


# Numbers and maps


def brute_force(ct: Volume, mask: Volume, radius_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Local SD and entropy by their definitions, with loops."""
    sd, entropy = np.full(ct.shape, OUTSIDE), np.full(ct.shape, OUTSIDE)
    voxels = np.argwhere(mask.array != 0)
    steps_mm = np.array(ct.spacing_mm[::-1])
    for voxel in voxels:
        far = np.sqrt((((voxels - voxel) * steps_mm) ** 2).sum(axis=1))
        near = voxels[far <= radius_mm + 1e-9]
        values = ct.array[tuple(near.T)].astype(float)
        _, counts = np.unique(np.floor(values / BIN_WIDTH_HU), return_counts=True)
        sd[tuple(voxel)] = values.std()
        entropy[tuple(voxel)] = -sum(n / len(near) * math.log2(n / len(near)) for n in counts)
    return sd, entropy


@pytest.mark.parametrize("radius_mm", [1.0, 2.5, 3.0, 40.0])
@pytest.mark.parametrize("spacing_mm", [SPACING_MM, (1.0, 1.0, 1.0), (0.6, 1.3, 0.9)])
def test_maps_are_those_of_their_definitions(spacing_mm, radius_mm):
    rng = np.random.default_rng(4)
    ct = Volume(rng.normal(-300, 300, (5, 6, 7)).round().astype(np.int16), spacing_mm)
    mask = ct.with_array((rng.random((5, 6, 7)) < 0.6).astype(np.uint8))
    sd, entropy = brute_force(ct, mask, radius_mm)
    found = measure_heterogeneity(ct, mask, radius_mm=radius_mm)
    for volume, expected in ((found.local_sd_hu, sd), (found.local_entropy_bits, entropy)):
        start = np.rint(ct.world_to_index(volume.origin_mm)).astype(int).tolist()
        box = ct.with_array(expected).cropped(start, volume.shape[::-1]).array
        np.testing.assert_allclose(volume.array, box, atol=2e-5)
    inside = mask.array != 0
    assert found.numbers.mean_local_sd_hu == pytest.approx(sd[inside].mean())
    assert found.numbers.mean_local_entropy_bits == pytest.approx(entropy[inside].mean())


def test_what_lies_outside_the_mask_has_no_influence():
    ct, mask = nodule()
    inside = mask.array != 0
    other = ct.with_array(np.where(inside, ct.array, np.int16(3000)))
    first, second = (measure_heterogeneity(one, mask) for one in (ct, other))
    assert first.numbers == second.numbers
    assert (first.local_sd_hu.array == second.local_sd_hu.array).all()
    assert (first.local_entropy_bits.array == second.local_entropy_bits.array).all()


def test_numbers_of_a_nodule_that_one_can_count():
    """Eight voxels: four of -600, two of 0, two of 24 HU, the last four in one bin."""
    hu = np.array([[[-600, -600], [-600, -600]], [[0, 0], [24, 24]]], np.int16)
    ct = Volume(hu)
    numbers = measure_heterogeneity(ct, ct.with_array(np.ones_like(hu, np.uint8))).numbers
    assert numbers.n_voxels == 8
    assert numbers.mean_hu == -294
    assert numbers.sd_hu == pytest.approx(hu.std())
    assert numbers.skewness == pytest.approx(((hu + 294.0) ** 3).mean() / hu.std() ** 3)
    assert numbers.solid_fraction == 0.5
    assert (numbers.entropy_bits, numbers.bin_width_hu) == (1.0, 25)
    assert numbers.mean_local_entropy_bits == pytest.approx(1.0)  # 3 mm reach all of it


def test_entropy_and_moments_are_those_of_radiomics():
    ct, mask = nodule()
    ct, mask = Volume(ct.array.clip(-1000, 400)), Volume(mask.array)
    numbers = measure_heterogeneity(ct, mask).numbers
    found = features(ct, mask, RadiomicsSettings())
    assert numbers.entropy_bits == pytest.approx(found["ih_entropy"])
    assert numbers.mean_hu == pytest.approx(found["stat_mean"])
    assert numbers.sd_hu**2 == pytest.approx(found["stat_var"])
    assert numbers.skewness == pytest.approx(found["stat_skew"])


def test_an_even_nodule_has_no_heterogeneity():
    ct, mask = nodule()
    found = measure_heterogeneity(ct.with_array(np.full(ct.shape, -613, np.int16)), mask)
    numbers = found.numbers
    assert (numbers.sd_hu, numbers.skewness, numbers.entropy_bits) == (0, 0, 0)
    assert set(np.unique(found.local_sd_hu.array)) == {OUTSIDE, 0}
    entropy = found.local_entropy_bits.array
    assert entropy[entropy != OUTSIDE] == pytest.approx(0, abs=1e-12)


def test_odd_masks_and_radii_are_refused():
    ct, mask = nodule()
    with pytest.raises(InputError, match="empty"):
        measure_heterogeneity(ct, mask.with_array(np.zeros(ct.shape, np.uint8)))
    for radius_mm in (0.0, 0.5, -3.0, math.nan, math.inf):
        with pytest.raises(InputError, match="no neighbourhood"):
            measure_heterogeneity(ct, mask, radius_mm=radius_mm)
    broken = ct.array.astype(np.float32)
    broken[3, 12, 11] = np.nan
    with pytest.raises(InputError, match="finite"):
        measure_heterogeneity(ct.with_array(broken), mask)
    with pytest.raises(InputError, match="empty"):
        read = measure_heterogeneity(ct, mask).numbers
        nodule_sheet(ct, mask.with_array(np.zeros(ct.shape, np.uint8)), read, "Nodule 1")


# Pictures


def test_legend_has_the_colours_of_the_image():
    strip = legend_strip((5, 1401), ColourMap.JET)  # a row for each HU
    assert strip.shape == (1401, 5, 3)
    assert (strip[:, 0] == colours_of(np.arange(400, -1001, -1), ColourMap.JET)).all()
    assert (strip == strip[:, :1]).all()
    assert (TICKS_HU[0], TICKS_HU[-1]) == COLOUR_RANGE_HU


def test_ticks_of_a_drawn_legend_stand_at_their_colours():
    page = Page(200, 400)
    page.legend(10, 0, 400, ColourMap.JET)
    pixels = np.asarray(page.drawn())
    # A tick is white for 6 pixels right of the strip, which is 28 wide.
    rows = np.flatnonzero((pixels[:, 38:44] == 255).all(axis=(1, 2)))
    assert len(rows) == len(TICKS_HU)
    for row, hu in zip(rows, TICKS_HU[::-1], strict=True):
        around = colours_of(np.arange(hu - 2, hu + 3), ColourMap.JET)  # a row is 3.9 HU
        assert (pixels[row, 24] == around).all(axis=1).any()


@pytest.mark.parametrize("colours", ColourMap)
def test_pictures_hold_no_colour_that_the_legend_does_not_have(colours):
    ct, mask = nodule()
    numbers = measure_heterogeneity(ct, mask).numbers
    pixels = np.asarray(nodule_sheet(ct, mask, numbers, "Nodule 1", colours))
    found = {tuple(colour) for colour in np.unique(pixels[is_coloured(pixels)], axis=0)}
    table = {tuple(colour) for colour in colour_table(colours)}
    assert found <= table
    assert found >= {tuple(c) for c in colours_of([-1000, -300, 400], colours)}


def test_sections_are_drawn_in_true_proportions_and_the_right_way_round():
    """A flat CT with a bright nodule of 16 x 8 mm at the patient's right front."""
    hu = np.full((5, 40, 60), -800, np.int16)
    ct = Volume(hu, (0.5, 1.0, 2.5))
    labels = np.zeros(ct.shape, np.uint8)
    labels[1:4, 8:16, 10:42] = 1
    hu[labels != 0] = 40
    hu[1:4, 8:16, 10:14] = -400  # the first 2 mm from the patient's right
    numbers = measure_heterogeneity(ct, ct.with_array(labels)).numbers
    for flipped in (False, True):
        image, mask = ct, ct.with_array(labels)
        if flipped:
            mirror = np.diag([-1.0, 1.0, 1.0])
            origin = tuple(ct.index_to_world((59, 0, 0)))
            image, mask = (
                Volume(array[:, :, ::-1], ct.spacing_mm, origin, mirror) for array in (hu, labels)
            )
        pixels = np.asarray(nodule_sheet(image, mask, numbers, "Nodule 1"))
        (dense,), (thin,) = (colours_of([value], ColourMap.JET) for value in (40, -400))
        places = [np.argwhere((pixels[:, :350] == colour).all(axis=-1)) for colour in (dense, thin)]
        (top, left), (bottom, right) = places[0].min(axis=0), places[0].max(axis=0)
        assert (right - left + 1) / (bottom - top + 1) == pytest.approx(14 / 8, rel=0.05)
        assert places[1][:, 1].max() < left


def test_section_for_the_report_is_lossless_and_has_the_colours_of_the_legend():
    ct, mask = nodule()
    cut = planes.cut(ct, mask, Plane.AXIAL, planes.fullest(planes.marked(mask), Plane.AXIAL))
    picture = coloured_section(cut, 4.0, "Nodule 1")
    assert (picture.media_type, picture.alt) == ("image/png", "Nodule 1")
    pixels = np.asarray(Image.open(io.BytesIO(picture.data)).convert("RGB"))
    assert pixels.shape == (picture.height_px, picture.width_px, 3)
    found = {tuple(colour) for colour in np.unique(pixels[is_coloured(pixels)], axis=0)}
    assert found <= {tuple(colour) for colour in colour_table(ColourMap.JET)}
    inside = np.unique(cut.pixels[cut.labels != 0])
    assert found >= {tuple(colour) for colour in colours_of(inside, ColourMap.JET)}


def test_words_for_the_report_have_scale_units_and_bins():
    numbers = measure_heterogeneity(*nodule()).numbers
    said = f"{scale_in_words(ColourMap.JET, Words())} {numbers_in_words(numbers, Words())}"
    for words in ("−1000 (blue)", "400 HU (red)", "bins of 25 HU", "within 3 mm", "solid"):
        assert words in said


# Ratings


@pytest.mark.parametrize(("cell", "median"), [("3", 3), ("1 2 5", 2), ("4 3", 4), ("5 5 4 4", 5)])
def test_ratings_are_summed_up_by_the_higher_median(cell, median):
    assert median_rating(cell) == median


@pytest.mark.parametrize("cell", ["", "0", "6", "4.5", "four", "4;5"])
def test_other_ratings_are_refused(cell):
    with pytest.raises(InputError, match="1 to 5"):
        median_rating(cell)


def write_patches(folder: Path, ratings: list[int]) -> Path:
    folder.mkdir()
    cases = [nodule(seed, (21, 21, 21)) for seed in range(len(ratings))]
    np.savez(
        folder / "patches.npz",
        image_hu=np.stack([ct.array for ct, _ in cases]),
        mask=np.packbits(np.stack([mask.array.ravel() for _, mask in cases]), axis=1),
    )
    rows = "".join(f"Doe-{number},{rating}\n" for number, rating in enumerate(ratings))
    (folder / "labels.csv").write_text(f"patient_id,malignancy\n{rows}", "utf-8")
    return folder


def test_patches_are_read_as_they_were_stored(tmp_path):
    for seed, read in enumerate(read_rated(write_patches(tmp_path / "p", [1, 3, 5]))):
        ct, mask = nodule(seed, (21, 21, 21))
        assert (read.ct.array == ct.array).all()
        assert (read.mask.array == mask.array).all()
        assert (read.place, read.rating) == (f"row {seed + 1}", (1, 3, 5)[seed])


def test_gallery_of_patches(tmp_path, capsys):
    source = write_patches(tmp_path / "p", [4, 1, 3, 5, 2])
    out = tmp_path / "out"
    assert main(["nodule-gallery", str(source), "--out", str(out), "--progress", "none"]) == 0
    words = capsys.readouterr().out
    assert "opinion" in words
    assert "Research use only" in words
    with (out / "gallery.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    shown = [(row["number"], row["place"], row["median_rating"], row["group"]) for row in rows]
    assert shown == [
        ("1", "row 1", "4", "Rated malignant (4-5)"), ("2", "row 2", "1", "Rated benign (1-2)"),
        ("3", "row 4", "5", "Rated malignant (4-5)"), ("4", "row 5", "2", "Rated benign (1-2)"),
    ]  # fmt: skip
    summary = json.loads((out / "gallery.json").read_text("utf-8"))
    assert summary["left_out"] == 1
    assert {name: g["nodules"] for name, g in summary["groups"].items()} == {
        "Rated benign (1-2)": 2, "Rated malignant (4-5)": 2,
    }  # fmt: skip
    assert "not pathology" in summary["ratings"]
    pixels = np.asarray(Image.open(out / "gallery.png"))
    found = {tuple(colour) for colour in np.unique(pixels[is_coloured(pixels)], axis=0)}
    assert found <= {tuple(colour) for colour in colour_table(ColourMap.JET)}
    for path in out.iterdir():
        assert "Doe" not in path.name
        assert b"Doe" not in path.read_bytes()


def test_gallery_of_a_manifest(tmp_path):
    ct, mask = nodule()
    labels = mask.array.copy()
    labels[:, :, 11:] *= 2
    write_image(ct, tmp_path / "Doe-ct.nrrd")
    write_image(mask.with_array(labels), tmp_path / "Doe-nodules.nrrd")
    table = "patient_id,ct,nodules,malignancy\nDoe,Doe-ct.nrrd,Doe-nodules.nrrd,{}\n"
    path = tmp_path / "manifest.csv"
    path.write_text(table.format("1 2 2; 5 4"), "utf-8")
    out = tmp_path / "out"
    assert main(["nodule-gallery", str(path), "--out", str(out), "--progress", "none"]) == 0
    with (out / "gallery.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["place"], r["median_rating"]) for r in rows] == [
        ("row 1, label 1", "2"), ("row 1, label 2", "5"),
    ]  # fmt: skip
    assert float(rows[0]["mean_hu"]) == pytest.approx(ct.array[labels == 1].mean())
    for file in out.iterdir():
        assert b"Doe" not in file.read_bytes()
    path.write_text(table.format("2"), "utf-8")
    with pytest.raises(InputError, match="1 ratings"):
        list(read_rated(path))


def test_gallery_without_a_rated_nodule_is_refused(tmp_path, capsys):
    source = write_patches(tmp_path / "p", [3, 3])
    assert main(["nodule-gallery", str(source), "--out", str(tmp_path / "o")]) == 2
    assert "nothing to show" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
    with pytest.raises(InputError, match="no folder of rated patches"):
        list(read_rated(tmp_path))


# The verb


@pytest.fixture
def case(tmp_path) -> Path:
    """Folder "Doe" with a CT and a mask of two nodules."""
    folder = tmp_path / "Doe"
    folder.mkdir()
    ct, mask = nodule()
    labels = mask.array * np.where(np.arange(22) < 11, 1, 3).astype(np.uint8)
    write_image(ct, folder / "Doe-ct.nii.gz")
    write_image(mask.with_array(labels), folder / "Doe-mask.nii.gz")
    return folder


def run(case: Path, out: Path, *words: str) -> int:
    files = (str(case / "Doe-ct.nii.gz"), str(case / "Doe-mask.nii.gz"), "--out", str(out))
    return main(["heterogeneity", *files, "--progress", "none", *words])


def test_verb_writes_every_nodule_on_the_grid_of_the_ct(case, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(case, out) == 0
    assert "Research use only" in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {
        "nodule-1.png", "nodule-3.png", "heterogeneity.json", "heterogeneity.nrrd",
        "heterogeneity.ctbl", "overlay.nrrd", "local-sd.nrrd", "local-entropy.nrrd",
    }  # fmt: skip
    ct, labels = (read_image(case / f"Doe-{name}.nii.gz") for name in ("ct", "mask"))
    overlay = sitk.ReadImage(str(out / "overlay.nrrd"))
    assert (sitk.GetArrayFromImage(overlay) == heterogeneity_image(ct, labels)).all()
    np.testing.assert_allclose(overlay.GetOrigin(), ct.origin_mm)
    np.testing.assert_allclose(overlay.GetSpacing(), ct.spacing_mm)
    for name in ("heterogeneity", "local-sd", "local-entropy"):
        assert read_image(out / f"{name}.nrrd").same_grid_as(ct)
    record = json.loads((out / "heterogeneity.json").read_text("utf-8"))
    assert "Research use only" in record["notice"]
    assert record["colour_range_hu"] == [-1000, 400]
    sd = read_image(out / "local-sd.nrrd").array
    assert ((sd == OUTSIDE) == (labels.array == 0)).all()
    for label in (1, 3):
        inside = labels.array == label
        numbers = record["nodules"][str(label)]
        assert numbers["mean_hu"] == pytest.approx(ct.array[inside].mean())
        assert numbers["mean_local_sd_hu"] == pytest.approx(sd[inside].mean(), rel=1e-5)
    for path in out.iterdir():
        assert b"Doe" not in path.read_bytes()


def test_one_label_and_other_colours(case, tmp_path):
    out = tmp_path / "out"
    assert run(case, out, "--label", "3", "--colours", "viridis", "--radius", "2") == 0
    assert [path.name for path in out.glob("*.png")] == ["nodule-3.png"]
    record = json.loads((out / "heterogeneity.json").read_text("utf-8"))
    assert (record["colours"], list(record["nodules"])) == ("viridis", ["3"])
    assert record["nodules"]["3"]["radius_mm"] == 2
    pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(out / "overlay.nrrd")))
    labels = read_image(case / "Doe-mask.nii.gz").array
    assert not is_coloured(pixels[labels != 3]).any()
    table = {tuple(colour) for colour in colour_table(ColourMap.VIRIDIS)}
    assert {tuple(colour) for colour in pixels[labels == 3]} <= table


@pytest.mark.parametrize(
    ("words", "message"), [(("--label", "2"), "labels are: 1, 3"), (("--radius", "0"), "neighbour")]
)
def test_refusals_leave_nothing_behind(case, tmp_path, capsys, words, message):
    assert run(case, tmp_path / "out", *words) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# Real nodules


def test_real_patches_keep_their_colours_when_cropped(real_data):
    folder = real_data / "lidc-nodule-patches"
    for read in itertools.islice(read_rated(folder), 0, 67, 11):
        whole = heterogeneity_image(read.ct, read.mask)
        part = (6, 6, 6), (31, 31, 31)
        crop = heterogeneity_image(read.ct.cropped(*part), read.mask.cropped(*part))
        assert (crop == whole[6:37, 6:37, 6:37]).all()
        entry = gallery_entry(read, 1)
        assert 0 <= entry.numbers.mean_local_entropy_bits <= math.log2(entry.numbers.n_voxels)
