"""Errors of the nodule measurements on ellipsoids, and of the nodule type on real nodules.

    python Testing/benchmarks/measurements.py [--patches FOLDER] [--markdown]

First table: measured minus true, of ellipsoids whose measures are known exactly. Second: the type
by the written rule against that of one reader of the LIDC-IDRI, on the half of the patients that
its numbers were chosen on and on the other half, and what any such division would give; skipped
where the patches are absent.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

from ellipsoids import ellipsoid, surface_mm2, true_sphericity, volume_mm3
from LungPNetLib.grading.measure import measure_nodule
from LungPNetLib.grading.nodule_type import NON_SOLID_BELOW_HU, NoduleType, nodule_type
from nodule_patches import (
    Patch,
    answers,
    balanced_accuracy,
    halves,
    read_patches,
    scores_of_random_halves,
)

REPOSITORY = Path(__file__).resolve().parents[2]
DIAMETERS_MM = ((6.0, 6.0, 6.0), (10.0, 10.0, 10.0), (20.0, 20.0, 20.0), (24.0, 12.0, 16.0))
SPACINGS_MM = ((0.7, 0.7, 0.7), (0.7, 0.7, 1.25), (0.7, 0.7, 2.5), (0.98, 0.98, 5.0))
TURN_DEG = 25.0


def main() -> int:
    arguments = parse()
    table(arguments.markdown, ERROR_TITLES, error_rows())
    if not (arguments.patches / "patches.npz").is_file():
        write(f"\nno patches in {arguments.patches}")
        return 0
    patches = read_patches(arguments.patches)
    chosen_on, tested_on = halves(patches)
    rows = [*type_rows("chosen on", chosen_on), *type_rows("tested on", tested_on)]
    write("")
    table(arguments.markdown, TYPE_TITLES, rows)
    write("\nnon-solid against the rest, balanced accuracy")
    for name, half in (("chosen on", chosen_on), ("tested on", tested_on)):
        write(f"{name}: {balanced_accuracy(*called(half)):.3f} ({interval(half)}), n {len(half)}")
    scores = scores_of_random_halves(patches, 250)
    low, high = np.percentile(scores, [2.5, 97.5])
    write(f"cut chosen on one random half, tested on the other, 500 times: mean "
          f"{scores.mean():.3f}, 95 % of them {low:.3f} to {high:.3f}")  # fmt: skip
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    default = REPOSITORY.parent / "shared" / "data" / "lidc-nodule-patches"
    parser.add_argument("--patches", type=Path, default=default)
    parser.add_argument("--markdown", action="store_true", help="as tables for the documentation")
    return parser.parse_args()


ERROR_TITLES = (
    "diameters mm", "spacing mm", "long mm", "short mm", "max mm", "min mm", "volume %",
    "equivalent mm", "area %", "sphericity",
)  # fmt: skip
TYPE_TITLES = ("half", "reader", *(f"rule: {kind.value}" for kind in NoduleType))


def error_rows() -> list[list[str]]:
    rows = []
    for size in DIAMETERS_MM:
        for spacing in SPACINGS_MM:
            mask = ellipsoid(size, spacing, TURN_DEG)
            found = measure_nodule(mask.with_array(mask.array.astype(np.int16)), mask)
            errors = (
                found.long_axis_mm - max(size[:2]),
                found.short_axis_mm - min(size[:2]),
                found.max_diameter_mm - max(size),
                found.min_diameter_mm - min(size),
                100 * (found.volume_mm3 / volume_mm3(size) - 1),
                found.equivalent_diameter_mm - math.prod(size) ** (1 / 3),
                100 * (found.surface_mm2 / surface_mm2(size) - 1),
            )
            rows.append(
                [
                    " x ".join(f"{length:g}" for length in size),
                    " x ".join(f"{step:g}" for step in spacing),
                    *(f"{error:+.1f}" for error in errors),
                    f"{found.sphericity - true_sphericity(size):+.3f}",
                ]
            )
    return rows


def type_rows(name: str, half: list[Patch]) -> list[list[str]]:
    counts = Counter((one.nodule_type, nodule_type(one.ct, one.mask).nodule_type) for one in half)
    return [
        [name, read.value, *(str(counts[read, by_rule]) for by_rule in NoduleType)]
        for read in NoduleType
    ]


def called(half: list[Patch]) -> tuple[np.ndarray, np.ndarray]:
    """Whether each is non-solid, by the reader and by the rule."""
    read, medians_hu = answers(half)
    return read, medians_hu < NON_SOLID_BELOW_HU


def interval(half: list[Patch]) -> str:
    """95 % bootstrap over patients, each class by itself."""
    read, by_rule = called(half)
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(2000):
        picks = [rng.choice(np.flatnonzero(read == kind), np.sum(read == kind)) for kind in (0, 1)]
        pick = np.concatenate(picks)
        drawn.append(balanced_accuracy(read[pick], by_rule[pick]))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"95 % interval {low:.3f} to {high:.3f}"


def table(markdown: bool, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[k]) for row in (titles, *rows)) for k in range(len(titles))]
    for number, row in enumerate((titles, *rows)):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        write("| " + " | ".join(cells) + " |" if markdown else "  ".join(cells))
        if markdown and number == 0:
            write("|" + "---|" * len(titles))


def write(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
