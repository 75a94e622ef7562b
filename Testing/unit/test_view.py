"""The viewer: every slice there, the right way up, and a page that runs only its own script."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from LungPNetLib import view
from LungPNetLib.errors import DependencyError, InputError
from LungPNetLib.report.planes import Plane
from LungPNetLib.volume import AxisOrder, Volume
from report_samples import a_thorax

WINDOW = (0.0, 255.0)


def corner_marked() -> Volume:
    """Eight voxels cubed of black, white only at the patient's right, front and head."""
    array = np.zeros((8, 8, 8), np.int16)
    array[4:, :4, :4] = 255
    return Volume(array, spacing_mm=(10.0, 10.0, 10.0))


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def embedded(text: str, kind: str) -> list[np.ndarray]:
    """The pictures of one kind in a page, as RGBA."""
    found = re.findall(rf"data:image/{kind};base64,([A-Za-z0-9+/=]+)", text)
    images = (Image.open(io.BytesIO(base64.b64decode(data))) for data in found)
    return [np.asarray(image.convert("RGBA")).astype(int) for image in images]


@pytest.fixture
def page(tmp_path):
    def write(volume: Volume, **options) -> str:
        view.write_html(volume, tmp_path / "page.html", **options)
        return (tmp_path / "page.html").read_text("utf-8")

    return write


# ------------------------------------------------------------------ PNG


@pytest.mark.parametrize(
    "order",
    [
        AxisOrder((0, 1, 2), (False, False, False)),
        AxisOrder((2, 0, 1), (True, False, True)),
        AxisOrder((1, 2, 0), (False, True, True)),
    ],
)
def test_the_three_views_show_the_marker_where_it_is(order, tmp_path):
    volume = order.apply(corner_marked())
    view.write_png(volume, tmp_path / "p.png", window_hu=WINDOW)
    picture = pixels(tmp_path / "p.png")[:700].reshape(700, 3, 700, 3).mean(axis=3)
    # The middle slices are index 4: axial above the feet, coronal behind, sagittal on the left.
    quarter = [slice(200, 300), slice(400, 500)]
    seen = [
        [
            [bool(picture[rows, part, columns].mean() > 128) for columns in quarter]
            for rows in quarter
        ]
        for part in range(3)
    ]
    assert seen[0] == [[True, False], [False, False]]
    assert seen[1] == [[False, False], [False, False]]
    assert seen[2] == [[False, False], [False, False]]


def test_the_views_go_through_the_mask(tmp_path):
    volume = corner_marked()
    mask = volume.with_array((volume.array > 0).astype(np.uint8))
    view.write_png(volume, tmp_path / "p.png", mask=mask, window_hu=WINDOW)
    picture = pixels(tmp_path / "p.png")
    for part in range(3):
        corner = picture[150:250, 700 * part + 150 : 700 * part + 250]
        assert corner.mean() > 200, "each plane shows the marker at its top left"
    orange = picture[:, :, 0] - picture[:, :, 2] > 60
    assert orange[345:355, 100:300].any()
    assert not orange[400:690, 400:690].any()


def test_odd_labels_are_solid_and_even_ones_dashed(tmp_path):
    volume = Volume(np.zeros((1, 20, 20), np.int16), spacing_mm=(10.0, 10.0, 10.0))
    share = []
    for label in (3, 4):
        mask = np.zeros((1, 20, 20), np.uint8)
        mask[0, 5:15, 5:15] = label
        view.write_png(volume, tmp_path / "p.png", mask=volume.with_array(mask), window_hu=WINDOW)
        # The left side of the square in the axial view, 35 px a voxel.
        share.append((pixels(tmp_path / "p.png")[190:510, 172:178].max(axis=(1, 2)) > 150).mean())
    assert share[0] == 1.0
    assert 0.3 < share[1] < 0.9


def test_a_montage_shows_the_slices_from_head_to_feet(tmp_path):
    array = np.zeros((4, 10, 10), np.int16) + np.array([0, 80, 160, 240], np.int16)[:, None, None]
    volume = Volume(array, spacing_mm=(10.0, 10.0, 5.0))
    path = tmp_path / "p.png"
    view.write_png(volume, path, window_hu=WINDOW, layout=view.Layout.MONTAGE)
    picture = pixels(path)
    assert picture.shape[1] == 4 * 450
    centres = [picture[200, 450 * part + 120, 0] for part in range(4)]
    assert centres == pytest.approx([240, 160, 80, 0], abs=3)


def test_a_montage_of_many_slices_takes_twenty_of_them(tmp_path):
    volume = Volume(np.zeros((200, 4, 4), np.int16), spacing_mm=(10.0, 10.0, 1.0))
    view.write_png(volume, tmp_path / "p.png", layout=view.Layout.MONTAGE)
    height, width, _ = pixels(tmp_path / "p.png").shape
    assert width == 5 * 450
    assert 4 * 450 < height < 5 * 450


def test_the_picture_says_what_it_is_not_for(tmp_path):
    view.write_png(corner_marked(), tmp_path / "p.png", window_hu=WINDOW)
    strip = pixels(tmp_path / "p.png")[705:]
    assert (strip > 200).any()


# ------------------------------------------------------------------ HTML


def test_the_page_holds_every_slice_with_its_position(page):
    text = page(corner_marked(), window_hu=WINDOW)
    assert re.findall(r'data-position="([^"]+)"', text) == [f"z {10 * k}.0 mm" for k in range(8)]
    assert 'max="7"' in text
    grey = [image[:, :, 0] for image in embedded(text, "jpeg")]
    assert [image.shape for image in grey] == [(8, 8)] * 8
    assert [bool(image.max() > 128) for image in grey] == [False] * 4 + [True] * 4
    assert grey[7][:3, :3].min() > 200
    assert grey[7][5:].max() < 60


@pytest.mark.parametrize(
    ("plane", "shape", "letters"),
    [
        (Plane.AXIAL, (10, 20), "RLAP"),
        (Plane.CORONAL, (30, 20), "RLHF"),
        (Plane.SAGITTAL, (30, 10), "APHF"),
    ],
)
def test_every_plane_has_square_pixels_and_its_letters(page, plane, shape, letters):
    volume = Volume(np.zeros((6, 10, 20), np.int16), spacing_mm=(1.0, 1.0, 5.0))
    text = page(volume, plane=plane)
    assert embedded(text, "jpeg")[0].shape[:2] == shape
    assert re.findall(r"<text[^>]*>([A-Z])</text>", text) == list(letters)


def test_all_48_axis_orders_give_the_same_page(page):
    ct, lungs = a_thorax()
    small, mask = (volume.cropped((4, 8, 2), (30, 20, 4)) for volume in (ct, lungs))
    expected = page(small, mask=mask)
    for axes in itertools.permutations(range(3)):
        for flips in itertools.product((False, True), repeat=3):
            order = AxisOrder(axes, flips)  # type: ignore[arg-type]
            assert page(order.apply(small), mask=order.apply(mask)) == expected


def test_contours_are_the_border_of_each_label_and_clear_elsewhere(page):
    volume = Volume(np.zeros((1, 6, 9), np.int16))
    labels = np.zeros((1, 6, 9), np.uint8)
    labels[0, 1:5, 1:5] = 1
    labels[0, 1:5, 5:8] = 7
    (contours,) = embedded(page(volume, mask=volume.with_array(labels)), "png")
    first, second = [255, 179, 71, 255], [111, 211, 255, 255]
    assert contours[1, 1].tolist() == contours[2, 4].tolist() == first
    assert contours[2, 5].tolist() == contours[4, 7].tolist() == second
    assert contours[2, 2, 3] == contours[0, 0, 3] == 0
    assert (contours[:, :, 3] > 0).sum() == 12 + 10


def test_the_page_starts_in_the_middle_of_the_mask(page):
    ct, lungs = a_thorax()
    text = page(ct, mask=lungs)
    shown = re.findall(r'class="slice" data-position="([^"]+)">', text)
    assert shown == ["z −210.0 mm"]
    assert 'value="9"' in text
    assert text.count('class="contours"') == 12


def test_the_page_runs_its_own_script_and_nothing_else(page):
    ct, lungs = a_thorax()
    text = page(ct, mask=lungs)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    directives = policy[1].replace("&#39;", "'").split("; ")
    for tag in ("style", "script"):
        (inline,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in directives
    assert directives[0] == "default-src 'none'"
    assert not re.findall(r'\s(?:style|on[a-z]+)="', text)
    assert not re.findall(r'(?:src|href)="(?!data:image/)', text)
    assert "Research use only, not for diagnosis" in text


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize("write", [view.write_png, view.write_html])
def test_an_upside_down_window_is_refused(write, tmp_path):
    with pytest.raises(InputError, match="150 to -1350"):
        write(corner_marked(), tmp_path / "x", window_hu=(150.0, -1350.0))


@pytest.mark.parametrize("write", [view.write_png, view.write_html])
def test_a_mask_of_another_grid_is_refused(write, tmp_path):
    volume = corner_marked()
    moved = replace(volume, origin_mm=(1.0, 0.0, 0.0))
    with pytest.raises(InputError, match="does not lie on the grid"):
        write(volume, tmp_path / "x", mask=moved)


@pytest.mark.parametrize(
    ("write", "module"),
    [(view.write_png, "matplotlib.figure"), (view.write_html, "jinja2")],
)
def test_missing_packages_are_named_with_their_remedy(write, module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DependencyError, match=r"lungpnet\[report\]"):
        write(corner_marked(), tmp_path / "x")
