"""Draws the extension's pictures: ``python Resources/draw_icons.py``. Needs Pillow and numpy.

Shapes are given in a square of side 1, x to the right and y down, as one looks at a patient: the
right lung is at the left.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

REPOSITORY = Path(__file__).resolve().parents[1]
SIDE_PX = 128
OVERSAMPLING = 8

Point = tuple[float, float]
Colour = tuple[int, int, int]

RIGHT: Colour = (128, 174, 128)
LEFT: Colour = (241, 214, 145)
NODULE: Colour = (230, 80, 60)
TISSUE: Colour = (93, 160, 184)
EDGE: Colour = (74, 106, 120)
"""Seen on light and on dark backgrounds."""
PAPER: Colour = (250, 250, 247)

RIGHT_LUNG: tuple[Point, ...] = (
    (0.34, 0.17), (0.24, 0.24), (0.15, 0.42), (0.09, 0.66), (0.09, 0.88), (0.21, 0.83),
    (0.36, 0.85), (0.43, 0.79), (0.42, 0.58), (0.43, 0.38), (0.42, 0.22),
)  # fmt: skip
LEFT_LUNG: tuple[Point, ...] = (
    (0.66, 0.17), (0.76, 0.24), (0.85, 0.42), (0.91, 0.66), (0.91, 0.88), (0.79, 0.83),
    (0.66, 0.84), (0.63, 0.70), (0.57, 0.60), (0.57, 0.38), (0.58, 0.22),
)  # fmt: skip
"""With the notch that the heart makes."""
AIRWAYS: tuple[tuple[Point, ...], ...] = (
    ((0.50, 0.03), (0.50, 0.33), (0.36, 0.47)),
    ((0.50, 0.33), (0.64, 0.47)),
)


class Canvas:
    """A transparent square that is drawn large and given out small."""

    def __init__(self) -> None:
        self._scale = SIDE_PX * OVERSAMPLING
        self._image = Image.new("RGBA", (self._scale, self._scale), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self._image)

    def shape(self, points: Sequence[Point], fill: Colour, edge: float = 0.022) -> None:
        """A smooth closed shape through ``points`` with an outline."""
        outline = self._pixels(_smooth(points))
        self._draw.polygon(outline, fill=fill)
        self._draw.line([*outline, outline[0]], EDGE, self._length(edge), joint="curve")

    def line(self, points: Sequence[Point], width: float, colour: Colour = EDGE) -> None:
        """A polyline with round joints and ends."""
        pixels = self._pixels(points)
        self._draw.line(pixels, colour, self._length(width), joint="curve")
        for point in points:
            self.disc(point, width / 2, colour)

    def disc(self, centre: Point, radius: float, colour: Colour) -> None:
        """A filled circle."""
        self._draw.ellipse(self._box(centre, radius), fill=colour)

    def ring(self, centre: Point, radius: float, width: float, colour: Colour = EDGE) -> None:
        """A circle; ``radius`` is the outer one."""
        self._draw.ellipse(self._box(centre, radius), outline=colour, width=self._length(width))

    def finished(self) -> Image.Image:
        """The picture, ``SIDE_PX`` wide and high."""
        return self._image.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        return [(x * self._scale, y * self._scale) for x, y in points]

    def _box(self, centre: Point, radius: float) -> list[Point]:
        x, y = centre
        return self._pixels([(x - radius, y - radius), (x + radius, y + radius)])

    def _length(self, part: float) -> int:
        return round(part * self._scale)


def _smooth(points: Sequence[Point], steps: int = 24) -> list[Point]:
    """A closed Catmull-Rom curve through ``points``."""
    nodes = np.asarray(points)
    before, after, second = (np.roll(nodes, n, axis=0) for n in (1, -1, -2))
    t = np.linspace(0, 1, steps, endpoint=False)[:, None, None]
    curve = 0.5 * (
        2 * nodes
        + (after - before) * t
        + (2 * before - 5 * nodes + 4 * after - second) * t**2
        + (3 * nodes - before - 3 * after + second) * t**3
    )
    return [(float(x), float(y)) for x, y in curve.transpose(1, 0, 2).reshape(-1, 2)]


def _lungs(canvas: Canvas, right: Colour, left: Colour) -> None:
    for branch in AIRWAYS:
        canvas.line(branch, 0.075)
    canvas.shape(RIGHT_LUNG, right)
    canvas.shape(LEFT_LUNG, left)
    for branch in AIRWAYS:
        canvas.line(branch, 0.035, PAPER)


def draw_lungpnet(canvas: Canvas) -> None:
    """Both lungs, and a nodule that somebody has found."""
    _lungs(canvas, TISSUE, TISSUE)
    canvas.disc((0.77, 0.66), 0.052, NODULE)
    canvas.ring((0.77, 0.66), 0.105, 0.024, PAPER)


def draw_lungsegment(canvas: Canvas) -> None:
    """Right and left lung in the colours of their segments."""
    _lungs(canvas, RIGHT, LEFT)


def draw_nodulegrade(canvas: Canvas) -> None:
    """A spiculated nodule in the cross hairs."""
    centre = (0.5, 0.5)
    canvas.disc(centre, 0.40, TISSUE)
    radii = (0.27, 0.14, 0.21, 0.15, 0.29, 0.16, 0.22, 0.13, 0.25, 0.15, 0.20, 0.14)
    angles = np.linspace(0.3, 0.3 + 2 * np.pi, len(radii), endpoint=False)
    spikes = [
        (0.5 + r * np.cos(a), 0.5 + r * np.sin(a)) for r, a in zip(radii, angles, strict=True)
    ]
    canvas.shape(spikes, NODULE)
    canvas.ring(centre, 0.40, 0.04)
    for x, y in ((0, -1), (0, 1), (-1, 0), (1, 0)):
        canvas.line([(0.5 + 0.34 * x, 0.5 + 0.34 * y), (0.5 + 0.46 * x, 0.5 + 0.46 * y)], 0.05)


def draw_survivalrisk(canvas: Canvas) -> None:
    """Two Kaplan-Meier curves."""
    canvas.line([(0.13, 0.10), (0.13, 0.88), (0.92, 0.88)], 0.05)
    canvas.line(_steps((0.16, 0.36, 0.60, 0.88), (0.16, 0.28, 0.38, 0.46)), 0.055, TISSUE)
    canvas.line(
        _steps((0.16, 0.28, 0.44, 0.62, 0.88), (0.16, 0.36, 0.54, 0.68, 0.76)), 0.055, NODULE
    )


def _steps(times: Sequence[float], heights: Sequence[float]) -> list[Point]:
    points: list[Point] = []
    for start, end, height in zip(times, times[1:], heights, strict=False):
        points += [(start, height), (end, height)]
    return points


def made_up_patient() -> Image.Image:
    """A coronal slice of the sample patient, -1350 to 150 HU."""
    sys.path.insert(0, str(REPOSITORY / "LungPNet"))
    from LungPNetLib.cohort.phantom.patient import make_patient

    ct = make_patient(7, size=(192, 192, 144), spacing_mm=(1.9, 1.9, 2.0)).ct
    coronal = ct.array[::-1, 88].astype(float)
    grey = np.clip((coronal + 1350) / 1500 * 255, 0, 255).astype(np.uint8)
    return Image.fromarray(grey).resize((192, 152), Image.Resampling.LANCZOS)


DRAWINGS: dict[str, Callable[[Canvas], None]] = {
    "Resources/LungPNet.png": draw_lungpnet,
    "LungPNet/Resources/Icons/LungPNet.png": draw_lungpnet,
    "LungSegment/Resources/Icons/LungSegment.png": draw_lungsegment,
    "NoduleGrade/Resources/Icons/NoduleGrade.png": draw_nodulegrade,
    "SurvivalRisk/Resources/Icons/SurvivalRisk.png": draw_survivalrisk,
}

if __name__ == "__main__":
    for path, draw in DRAWINGS.items():
        canvas = Canvas()
        draw(canvas)
        canvas.finished().save(REPOSITORY / path, optimize=True)
    sample = REPOSITORY / "LungPNet" / "Resources" / "Icons" / "LungPNetMadeUpPatient.png"
    made_up_patient().save(sample, optimize=True)
