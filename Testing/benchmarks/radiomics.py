"""Radiomics against the reference values of IBSI-1, by family, and how long 128 features take.

Run with ``python Testing/benchmarks/radiomics.py [--markdown]``. The reference values and the CT
phantom (lung cancer patient 1 of the IBSI) are read from the folder of real data
(``LUNGPNET_TEST_DATA``); without it only the time is measured.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from LungPNetLib.evaluation.tables import Table
from LungPNetLib.radiomics.catalogue import Family
from LungPNetLib.radiomics.compliance import Comparison, compared, read_references
from LungPNetLib.radiomics.features import features
from LungPNetLib.radiomics.settings import RadiomicsSettings
from LungPNetLib.reading import read_study
from LungPNetLib.training.config import find_config, load_config
from LungPNetLib.volume import Volume, read_image

DATA = Path(
    os.environ.get("LUNGPNET_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data")
)
DIGITAL = RadiomicsSettings(
    spacing_mm=(0.0, 0.0, 0.0), resegmentation_hu=None, bin_size_hu=1.0, round_intensities=False
)
NODULE_MM, RUNS = 30.0, 9


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def digital_phantom(folder: Path) -> tuple[Comparison, ...]:
    image, mask = (read_image(folder / f"digital_{name}.nii.gz") for name in ("phantom", "mask"))
    return compared(image, mask, DIGITAL, read_references(folder / "ibsi_1_dig_phantom.csv"))


def ct_phantom(folder: Path, references: Path) -> dict[str, tuple[Comparison, ...]]:
    ct, mask = read_study(folder / "ct").ct, read_image(folder / "ibsi_mask.nii.gz")
    found = {}
    for name in "abc":
        settings = load_config(RadiomicsSettings, find_config(f"radiomics-ibsi-{name}"))
        values = read_references(references / f"ibsi_1_chest_config_{name}.csv")
        found[f"CT phantom {name.upper()}"] = compared(ct, mask, settings, values)
    return found


def compliance_table(found: dict[str, tuple[Comparison, ...]]) -> Table:
    """Reference values within tolerance, of those of features that the package computes."""

    def share(comparisons: list[Comparison]) -> str:
        n = sum(one.agrees for one in comparisons)
        return f"{n} of {len(comparisons)} ({100 * n / len(comparisons):.1f} %)"

    columns = {**found, "all": tuple(one for own in found.values() for one in own)}
    rows = [
        (family.value, *(share([c for c in own if c.family is family]) for own in columns.values()))
        for family in Family
    ]
    rows.append(("all", *(share(list(own)) for own in columns.values())))
    return Table(("family", *columns), tuple(rows))


def disagreements(found: dict[str, tuple[Comparison, ...]]) -> Table:
    rows = [
        (name, one.tag, f"{one.reference:g}", f"{one.tolerance:g}", f"{one.value:.4g}")
        for name, own in found.items()
        for one in own
        if not one.agrees
    ]
    return Table(("phantom", "tag", "reference", "tolerance", "value"), tuple(rows))


def nodule() -> tuple[Volume, Volume]:
    """A noisy ball at 1 mm in a box of lung."""
    half = int(NODULE_MM)
    z, y, x = np.mgrid[-half : half + 1, -half : half + 1, -half : half + 1]
    ball = x**2 + y**2 + z**2 <= (NODULE_MM / 2) ** 2
    noise = np.random.default_rng(1).normal(0.0, 60.0, ball.shape)
    ct = Volume(np.rint(np.where(ball, -50.0, -850.0) + noise).astype(np.int16))
    return ct, ct.with_array(ball.astype(np.uint8))


def show_time() -> None:
    ct, mask = nodule()
    times_s = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        found = features(ct, mask, RadiomicsSettings())
        times_s.append(time.perf_counter() - start)
    say(
        f"\n{len(found)} features of a nodule of {NODULE_MM:g} mm at 1 mm ({found.n_voxels} "
        f"voxels), {os.cpu_count()} cores: {times_s[0]:.2f} s at first, then "
        f"{statistics.median(times_s[1:]):.2f} s (median of {RUNS}, longest {max(times_s[1:]):.2f})"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="tables as Markdown")
    show: Callable[[Table], str]
    show = Table.as_markdown if parser.parse_args().markdown else Table.as_text
    references = DATA / "ibsi-1"
    disagree = False
    if references.is_dir():
        found = {"digital phantom": digital_phantom(references)}
        found |= ct_phantom(DATA / "nsclc-gtv-pat1", references)
        say("Reference values of IBSI-1 within tolerance\n\n" + show(compliance_table(found)))
        wrong = disagreements(found)
        disagree = bool(wrong.rows)
        if disagree:
            say("\nNot within tolerance\n\n" + show(wrong))
    else:
        say(f"No reference values at {references} (set LUNGPNET_TEST_DATA).")
    show_time()
    return int(disagree)


if __name__ == "__main__":
    sys.exit(main())
