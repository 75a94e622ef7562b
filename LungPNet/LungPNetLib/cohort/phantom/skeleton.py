"""Body wall and bones of a made-up patient, painted on one section in the atlas frame."""

from __future__ import annotations

import numpy as np

from LungPNetLib.cohort.phantom.anatomy import (
    Build,
    WallField,
    WallProfile,
    body_distance,
    spine_y_mm,
)
from LungPNetLib.cohort.phantom.shapes import (
    Capsule,
    Ellipsoid,
    Plane,
    Section,
    Solid,
    Window,
    ellipse_distance,
    tube,
)

SKIN_HU = 15.0
FAT_HU = -105.0
MUSCLE_HU = 52.0
CARTILAGE_HU = 95.0
DISC_HU = 80.0
CORD_HU = 30.0
GLAND_HU = 25.0
CORTEX_HU = 620.0
MARROW_HU = 170.0

_SKIN_MM = 1.8
_GLAND_MM, _GLAND_SPREAD = 4.0, 2.5
_CORTEX_MM = 1.6
_VERTEBRA_PITCH_MM = 23.0
_DISC_MM = 5.0
_RIB_FROM_PLEURA_MM = 6.5
_STERNUM_TOP_MM, _MANUBRIUM_END_MM, _STERNUM_END_MM = 58.0, 26.0, -84.0

_ALL: Window = (slice(None), slice(None))


def paint_bone(section: Section, distance: Plane, window: Window = _ALL) -> None:
    """Paint a cortical shell filled with marrow."""
    section.paint(distance, CORTEX_HU, window)
    section.paint(distance + _CORTEX_MM, MARROW_HU, window)


def paint_body_wall(section: Section, build: Build, wall: WallField, texture: Plane) -> None:
    """Paint skin, breasts, subcutaneous fat, muscle and the fat planes between muscles.

    ``texture`` is a field of mean 0 and standard deviation 1 that says where the breasts hold
    gland and how the fat planes swing.
    """
    trunk = body_distance(build, section.x, section.y, section.z_mm)
    breasts = _breast_distance(build, section)
    skin = np.minimum(trunk, breasts)
    section.paint(skin, SKIN_HU)
    section.paint(skin + _SKIN_MM, FAT_HU)
    if build.breast_mm and breasts.min() < 0.0:
        threshold = _GLAND_SPREAD * (0.5 - build.gland_share)
        gland = np.maximum(breasts + 9.0, (threshold - texture) * _GLAND_MM)
        section.paint(np.maximum(gland, 4.0 - trunk - build.fat_mm), GLAND_HU)
    flank = np.abs(section.x) / 150.0
    shoulder = min(max((section.z_mm + 20.0) / 70.0, 0.0), 1.0)
    fat_mm = build.fat_mm * (0.55 + 0.55 * flank * flank)
    muscle_mm = 13.0 + 26.0 * shoulder + 14.0 * np.maximum(wall.backward, 0.0) ** 2
    muscle = np.maximum(trunk + fat_mm + _SKIN_MM, wall.distance - muscle_mm - 1.5 * texture)
    section.paint(muscle, MUSCLE_HU)
    waves = 2.5 * np.sin(7.0 * wall.backward + 0.03 * section.z_mm) + 1.2 * texture
    for depth_mm in (14.5, 25.0):
        thickness = 1.2 + 1.2 * np.sin(5.0 * wall.backward + 0.05 * section.z_mm + depth_mm)
        thickness = thickness + 1.1 * texture
        layer = np.abs(wall.distance - depth_mm - waves) - thickness / 2.0
        away_from_spine = 26.0 - np.abs(section.x)
        section.paint(np.maximum(np.maximum(layer, muscle + 2.0), away_from_spine), FAT_HU)


def _breast_distance(build: Build, section: Section) -> Plane:
    """Signed distance to both breasts, which on the back sink to the sides."""
    far = np.full(section.hu.shape, 99.0, np.float32)
    if not build.breast_mm:
        return far
    for side in (-1.0, 1.0):
        half = (62.0, 34.0 + build.breast_mm, 58.0)
        found = section.distance_to(Ellipsoid((side * 88.0, -68.0, -52.0), half), 99.0)
        if found is not None:
            np.minimum(far[found[0]], found[1], out=far[found[0]])
    return far


def paint_ribs(section: Section, wall: WallField) -> None:
    """Paint twelve pairs of ribs that run round the chest and down, and their cartilages.

    A rib is an ellipse in (height, depth) around a line at a fixed depth; its height falls from
    the back to the front, so one section cuts several ribs at a slant.
    """
    height = section.z_mm
    fall = (35.0 + 0.2 * min(max(95.0 - height, 0.0), 230.0)) * 0.5 * (1.0 - wall.backward)
    step = (94.0 - fall - height) / _VERTEBRA_PITCH_MM
    number = np.clip(np.rint(step), 0.0, 11.0)
    up = (step - number) * _VERTEBRA_PITCH_MM / 6.0
    out = (wall.distance - _RIB_FROM_PLEURA_MM) / 3.8
    rib = (np.sqrt(up * up + out * out) - 1.0) * 3.8
    # Backs end at the vertebrae; fronts turn into cartilage, those of the last ribs end freely.
    last_front = np.where(number >= 10.0, 0.1, np.where(number >= 7.0, -0.55, -2.0))
    present = (wall.outward > -0.66) & (wall.backward > last_front)
    rib = np.where(present, rib, np.float32(99.0))
    cartilage = (wall.backward < -0.6) & (wall.outward < 0.25 + 0.05 * number)
    section.paint(np.where(cartilage, rib, np.float32(99.0)), CARTILAGE_HU)
    paint_bone(section, np.where(cartilage, np.float32(99.0), rib))


def paint_spine(section: Section) -> None:
    """Paint vertebral bodies with discs between them, the arch round the canal, and the cord."""
    z = section.z_mm
    middle = spine_y_mm(z)
    rows, columns = window = section.window((-26.0, 26.0, middle - 20.0, middle + 42.0))
    x, y = section.x[:, columns], section.y[rows]
    arch = ellipse_distance(x, y - np.float32(middle + 20.0), 16.0, 14.0)
    section.paint(arch, CORTEX_HU * 0.75, window)
    body = ellipse_distance(x, y - np.float32(middle), 17.0, 13.5)
    into_disc = _VERTEBRA_PITCH_MM / 2 - abs(
        (z - 5.0) % _VERTEBRA_PITCH_MM - _VERTEBRA_PITCH_MM / 2
    )
    to_bone = into_disc - _DISC_MM / 2
    section.paint(body - 0.8, DISC_HU, window)
    paint_bone(section, np.maximum(body, np.float32(-to_bone)), window)
    canal = ellipse_distance(x, y - np.float32(middle + 20.0), 9.5, 8.0)
    section.paint(canal, FAT_HU * 0.3, window)
    section.paint(ellipse_distance(x, y - np.float32(middle + 20.0), 6.5, 5.5), CORD_HU, window)


def spine_distance(x: Plane, y: Plane, z_mm: float) -> Plane:
    """Signed distance to the vertebral column as the lungs meet it."""
    return ellipse_distance(x, y - np.float32(spine_y_mm(z_mm)), 17.0, 13.5)


def paint_sternum(section: Section) -> None:
    """Paint manubrium and sternal body."""
    z = section.z_mm
    if not _STERNUM_END_MM < z < _STERNUM_TOP_MM or abs(z - _MANUBRIUM_END_MM) < 1.5:
        return
    half_x = 24.0 if z > _MANUBRIUM_END_MM else 13.0
    y = WallProfile.at(z).front_y_mm - 8.5
    bar = Capsule((-half_x, y, z), (half_x, y, z), 5.5, 5.5)
    found = section.distance_to(bar)
    if found is not None:
        paint_bone(section, found[1], found[0])


def paint_shoulder_blades(section: Section) -> None:
    """Paint both scapulae: a thin plate behind the ribs with a thick outer border."""
    z = section.z_mm
    if not -35.0 < z < 84.0:
        return
    profile = WallProfile.at(z)
    upper = (z + 35.0) / 119.0
    inner = (72.0, profile.centre_y_mm + 0.93 * profile.half_y_mm + 19.0 + 6.0 * upper)
    outer = (
        inner[0] + 18.0 + 52.0 * upper**0.7,
        inner[1] - 8.0 - 26.0 * upper,
    )
    for side in (-1.0, 1.0):
        ends = ((side * inner[0], inner[1], z), (side * outer[0], outer[1], z))
        found = section.distance_to(Capsule(*ends, 2.0, 3.0 + 5.0 * upper))
        if found is not None:
            paint_bone(section, found[1], found[0])


def free_bones() -> list[Solid]:
    """Spinous and transverse processes, collar bones and heads of the upper arms."""
    bones: list[Solid] = []
    for k in range(-8, 6):
        z = 5.0 + _VERTEBRA_PITCH_MM * (k + 0.5)
        y = spine_y_mm(z)
        bones += tube([(0.0, y + 31.0, z), (0.0, y + 50.0, z - 16.0)], [4.0, 3.5])
        for side in (-1.0, 1.0):
            root = (side * 11.0, y + 17.0, z + 3.0)
            bones += tube([root, (side * 33.0, y + 24.0, z + 6.0)], [5.0, 4.5])
    for side in (-1.0, 1.0):
        bones += tube(
            [(side * 22.0, -54.0, 55.0), (side * 70.0, -50.0, 82.0), (side * 125.0, -8.0, 104.0)],
            [8.0, 5.5, 6.5],
        )
        bones.append(Ellipsoid((side * 158.0, 22.0, 98.0), (21.0, 23.0, 25.0)))
    return bones
