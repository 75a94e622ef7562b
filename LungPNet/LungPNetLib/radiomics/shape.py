"""Morphological features (IBSI family HCUG): always 3-D, of the mesh around the region."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from LungPNetLib.lazy import require
from LungPNetLib.radiomics.autocorrelation import autocorrelation_features
from LungPNetLib.radiomics.ratio import ratio
from LungPNetLib.radiomics.region import Region
from LungPNetLib.volume import Triplet

_SERIES_DEGREE = 20
"""Where the manual stops the series of an ellipsoid's surface."""
_FLAT = 1e-9
"""Share of the largest variance below which a variance is rounding."""


@dataclass(frozen=True, eq=False)
class _Mesh:
    """Marching cubes half way between the voxels' centres."""

    vertices_mm: npt.NDArray[np.float64]
    volume_mm3: float
    area_mm2: float


def shape_features(region: Region) -> dict[str, float]:
    """Size and form of a region, and how its intensities lie in it.

    Densities of an ellipsoid without extent (of a region of one slice) are undefined (NaN), and so
    are centre of mass shift at a mean intensity of 0 and autocorrelation of equal intensities.
    """
    mesh = _mesh(region.morphological, region.spacing_mm)
    values = region.intensities[region.inside]
    return (
        _size(region, mesh)
        | {"morph_com": _centre_of_mass_shift_mm(region, values)}
        | _extent(region, mesh)
        | {"morph_integ_int": mesh.volume_mm3 * float(values.mean())}
        | autocorrelation_features(region.intensities, region.inside, region.spacing_mm)
    )


def _mesh(mask: npt.NDArray[np.bool_], spacing_mm: Triplet) -> _Mesh:
    measure = require("skimage.measure", feature="Radiomics")
    vertices, faces, _, _ = measure.marching_cubes(
        np.pad(mask, 1).astype(np.float32), 0.5, spacing=spacing_mm
    )
    corners = vertices.astype(np.float64)[faces]
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2.0
    return _Mesh(vertices.astype(np.float64), abs(float(volume)), float(area))


def _size(region: Region, mesh: _Mesh) -> dict[str, float]:
    volume, area = mesh.volume_mm3, mesh.area_mm2
    voxel_mm3 = math.prod(region.spacing_mm)
    sphere_area = (36.0 * math.pi * volume**2) ** (1.0 / 3.0)
    return {
        "morph_volume": volume,
        "morph_vol_approx": int(region.morphological.sum()) * voxel_mm3,
        "morph_area_mesh": area,
        "morph_av": area / volume,
        "morph_comp_1": volume / (math.sqrt(math.pi) * area**1.5),
        "morph_comp_2": 36.0 * math.pi * volume**2 / area**3,
        "morph_sph_dispr": area / sphere_area,
        "morph_sphericity": sphere_area / area,
        "morph_asphericity": area / sphere_area - 1.0,
    }


def _centre_of_mass_shift_mm(region: Region, values: npt.NDArray[np.float64]) -> float:
    total = float(values.sum())
    if total == 0:
        return math.nan
    geometric = np.argwhere(region.morphological).mean(axis=0)
    weighted = values @ np.argwhere(region.inside) / total
    return float(np.linalg.norm((geometric - weighted) * region.spacing_mm))


def _extent(region: Region, mesh: _Mesh) -> dict[str, float]:
    """Diameter, axes, and the densities of box, ellipsoid and convex hull."""
    volume, area = mesh.volume_mm3, mesh.area_mm2
    hull = ConvexHull(mesh.vertices_mm)
    x, y, z = np.ptp(mesh.vertices_mm, axis=0)
    centres_mm = np.argwhere(region.morphological) * np.asarray(region.spacing_mm)
    spread = np.linalg.eigvalsh(np.cov(centres_mm, rowvar=False))
    spread[spread < _FLAT * spread.max()] = 0.0
    c, b, a = (2.0 * math.sqrt(value) for value in spread)
    return {
        "morph_diam": float(pdist(mesh.vertices_mm[hull.vertices]).max()),
        "morph_pca_maj_axis": 2.0 * a,
        "morph_pca_min_axis": 2.0 * b,
        "morph_pca_least_axis": 2.0 * c,
        "morph_pca_elongation": ratio(b, a),
        "morph_pca_flatness": ratio(c, a),
        "morph_vol_dens_aabb": volume / float(x * y * z),
        "morph_area_dens_aabb": area / float(2.0 * (x * y + x * z + y * z)),
        "morph_vol_dens_aee": ratio(3.0 * volume, 4.0 * math.pi * a * b * c),
        "morph_area_dens_aee": ratio(area, _ellipsoid_area(a, b, c)),
        "morph_vol_dens_conv_hull": volume / hull.volume,
        "morph_area_dens_conv_hull": area / hull.area,
    }


def _ellipsoid_area(a: float, b: float, c: float) -> float:
    """Surface of the ellipsoid with the semi-axes a >= b >= c, by the series of the manual.

    Both eccentricities of the manual refer to ``a``, so its sum is not quite the true surface (4 %
    off for the digital phantom); the reference values were made with it. The Legendre polynomials
    are taken by their recurrence, times a power of ``alpha * beta``, because their argument is
    infinite where an eccentricity is 0.
    """
    if a == 0:
        return 0.0
    alpha2, beta2 = 1.0 - (b / a) ** 2, 1.0 - (c / a) ** 2
    previous, term, total = 0.0, 1.0, 0.0
    for degree in range(_SERIES_DEGREE + 1):
        total += term / (1 - 4 * degree**2)
        rising = (2 * degree + 1) * (alpha2 + beta2) / 2.0 * term
        previous, term = term, (rising - degree * alpha2 * beta2 * previous) / (degree + 1)
    return 4.0 * math.pi * a * b * total
