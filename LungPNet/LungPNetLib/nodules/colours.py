"""HU as colours on one fixed scale: blue is low, red is high, the same in every image.

The published heterogeneity image stretches its colours from the lowest to the highest value of each
slice, so that its colours mean something else on every slice. Here a colour is an interval of HU,
whatever else lies in the image. The scale ends where the radiomics settings end: from air at -1000
to 400 HU, so that calcium (above about 200 HU) stays apart from soft tissue.
"""

from __future__ import annotations

import math
from enum import Enum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from LungPNetLib import lazy
from LungPNetLib.errors import InputError, OutputError
from LungPNetLib.report.pictures import LUNG_WINDOW_HU
from LungPNetLib.volume import Volume

COLOUR_RANGE_HU = (-1000, 400)
"""HU of the first and the last colour; what lies beyond gets these colours as well."""
TICKS_HU = tuple(range(COLOUR_RANGE_HU[0], COLOUR_RANGE_HU[1] + 1, 200))
"""Where a legend has its ticks."""
OUTSIDE_HU = -32768
"""Outside the nodules, in a volume of HU: no CT means anything by it, as it may by -1024."""
_N_COLOURS = 256

Colours = npt.NDArray[np.uint8]


class ColourMap(str, Enum):
    """The colours from low to high: jet as published, or viridis, which is even and safe for the
    colour-blind.
    """

    JET = "jet"
    VIRIDIS = "viridis"


def colour_table(colours: ColourMap) -> Colours:
    """All colours from low to high, shape (256, 3), as red, green, blue.

    Raises
    ------
    DependencyError
        matplotlib is not installed.
    """
    maps = lazy.require("matplotlib", feature="Colouring nodules", extra="report").colormaps
    table: Colours = maps[colours.value](np.arange(_N_COLOURS), bytes=True)[:, :3]
    return table


def colours_of(hu: npt.ArrayLike, colours: ColourMap) -> Colours:
    """The colours of ``hu`` (any shape), as red, green, blue along a new last axis.

    HU are rounded to whole numbers first. The interval of a colour is the one that Slicer's window
    and level give it with the table of :func:`write_colour_table`.

    Examples
    --------
    >>> colours_of([-1000.0, 400.0, 3000.0], ColourMap.JET).tolist()
    [[0, 0, 127], [127, 0, 0], [127, 0, 0]]
    """
    low, high = COLOUR_RANGE_HU
    steps = (np.rint(np.asarray(hu, np.float64)) - low) * (_N_COLOURS - 1) / (high - low)
    index = np.clip(np.floor(steps), 0, _N_COLOURS - 1).astype(np.uint8)
    found: Colours = colour_table(colours)[index]
    return found


def greys_of(hu: npt.NDArray[np.generic], window_hu: tuple[float, float]) -> Colours:
    """Black to white in the window, with three equal parts along a new last axis."""
    low, high = window_hu
    grey = np.clip((hu.astype(np.float32) - low) * (255.0 / (high - low)), 0, 255)
    return np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, axis=-1)


def heterogeneity_image(
    ct: Volume,
    mask: Volume,
    colours: ColourMap = ColourMap.JET,
    window_hu: tuple[float, float] = LUNG_WINDOW_HU,
) -> Colours:
    """The CT in greys with the nodules in colours.

    Parameters
    ----------
    ct : Volume
        HU, any axis order.
    mask : Volume
        On the grid of the CT; every voxel that is not 0 is coloured.
    colours : ColourMap
        Their scale is always ``COLOUR_RANGE_HU``.
    window_hu : tuple of float
        HU shown as black and as white outside the mask; no colour depends on it.

    Returns
    -------
    ndarray of uint8, shape (z, y, x, 3)
        Red, green, blue of every voxel of the CT.

    Raises
    ------
    InputError
        The mask lies on another grid.
    DependencyError
        matplotlib is not installed.
    """
    require_same_grid(ct, mask)
    image = np.empty((*ct.shape, 3), np.uint8)
    # Slice by slice, for the greys of a whole CT as floats would take a gigabyte.
    for hu, inside, out in zip(ct.array, mask.array != 0, image, strict=True):
        out[:] = greys_of(hu, window_hu)
        if inside.any():
            out[inside] = colours_of(hu[inside], colours)
    return image


def hu_inside(ct: Volume, mask: Volume) -> Volume:
    """Whole HU of the nodules as int16, and ``OUTSIDE_HU`` elsewhere, on the grid of the CT.

    With the table of :func:`write_colour_table`, the window ``COLOUR_RANGE_HU`` and a lower
    threshold above ``OUTSIDE_HU`` Slicer shows it in the colours of :func:`heterogeneity_image`.

    Raises
    ------
    InputError
        The mask lies on another grid.
    """
    require_same_grid(ct, mask)
    inside = mask.array != 0
    hu = np.full(ct.shape, OUTSIDE_HU, np.int16)
    hu[inside] = np.rint(np.clip(ct.array[inside], OUTSIDE_HU + 1, -OUTSIDE_HU - 1))
    return ct.with_array(hu)


def legend_strip(size_px: tuple[int, int], colours: ColourMap) -> Colours:
    """The scale from high (top) to low, shape (height, width, 3); ``size_px`` is (width, height).

    The centre of the first row of pixels is the highest HU, that of the last row the lowest.
    """
    width, height = size_px
    low, high = COLOUR_RANGE_HU
    column = colours_of(np.linspace(high, low, height), colours)
    return np.repeat(column[:, None], width, axis=1)


def write_rgb(image: Colours, grid: Volume, path: Path) -> None:
    """Write colours (z, y, x, 3) as an image file of three components, and read them back.

    Parameters
    ----------
    image : ndarray of uint8, shape (z, y, x, 3)
        Red, green, blue.
    grid : Volume
        Where the voxels lie; its own voxels are not used.
    path : Path
        Ends as the format does (.nrrd, .nii.gz, .mha).

    Raises
    ------
    OutputError
        The file cannot be written, or does not hold what was written.
    """
    import SimpleITK as sitk

    stored = sitk.GetImageFromArray(image, isVector=True)
    stored.SetSpacing(grid.spacing_mm)
    stored.SetOrigin(grid.origin_mm)
    stored.SetDirection(grid.direction.ravel().tolist())
    try:
        sitk.WriteImage(stored, str(path), useCompression=True)
        same = np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), image)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise OutputError(f"Cannot write the image file '{path.name}': {reason}") from error
    if not same:
        raise OutputError(
            f"'{path.name}' could not be written completely; the disk is probably full. Free some "
            "space or choose another --out."
        )


def write_colour_table(path: Path, colours: ColourMap) -> None:
    """Write the colours as a table of 3D Slicer (.ctbl), each under the lowest HU that it shows.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    low, high = COLOUR_RANGE_HU
    lines = [f"# {colours.value}, {low} to {high} HU: index, name, red, green, blue, opacity"]
    for index, (red, green, blue) in enumerate(colour_table(colours).tolist()):
        from_hu = low + math.ceil(index * (high - low) / (_N_COLOURS - 1))
        lines.append(f"{index} {from_hu}_HU {red} {green} {blue} 255")
    path.write_text("\n".join(lines) + "\n", "utf-8", newline="\n")


def require_same_grid(ct: Volume, mask: Volume) -> None:
    """Raise InputError where the mask does not lie on the grid of the CT."""
    if not ct.same_grid_as(mask):
        raise InputError(
            f"The mask (size {mask.shape[::-1]}, spacing {mask.spacing_mm} mm) does not lie on the "
            f"grid of the CT (size {ct.shape[::-1]}, spacing {ct.spacing_mm} mm). Resample the "
            "mask onto the CT first."
        )
