"""How good the nodule stage is: made-up patients of both generators, and real CT.

Run with ``make nodule-benchmark``, or as ``python Testing/benchmarks/nodule_accuracy.py
[--segmenter ID] [--detector ID] [--patients N] [--markdown]``. Generator B's ways no training has
seen; generator A's patients are those of the first test seed. Both cohorts and what was found in
them are kept in the cache, and nothing is computed twice (an hour of one core for the patients of
generator B, and about a minute a patient for the networks). Real scans are run anew each time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from nodule_cases import CASES, DATA, RATE, CaseResult, run_case

from LungPNetLib.cohort.manifest import read_manifest
from LungPNetLib.cohort.phantom.cohort import TEST_SEEDS
from LungPNetLib.cohort.phantom.patient import GENERATOR_VERSION
from LungPNetLib.cohort.phantom_b.cohort import SEEDS as SEEDS_B
from LungPNetLib.cohort.phantom_b.patient import GENERATOR_VERSION as VERSION_B
from LungPNetLib.evaluation.tables import Table
from LungPNetLib.events import Reporter, TerminalBars
from LungPNetLib.folders import cache_folder
from LungPNetLib.nodules.evaluate import NEW, NoduleFigures, nodule_figures, outline_figures, tables
from LungPNetLib.nodules.evaluate_studies import Judged, Source, judge_cohort
from LungPNetLib.nodules.predict import NoduleWeights, find_nodule_weights, operating_points

LEAST_MM = 6.0
GENERATORS = {
    "A": ("phantom", GENERATOR_VERSION, TEST_SEEDS[0]),
    "B": ("phantom-b", VERSION_B, SEEDS_B[0]),
}


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def cohort_of(generator: str, n: int) -> Path:
    """The manifest of ``n`` patients; they are made where they are not there."""
    verb, version, seed = GENERATORS[generator]
    folder = cache_folder() / "nodule-benchmark" / f"{generator}-{version}-{seed}-{n}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "LungPNetLib.cli", verb, "--cohort", str(n)]
        options = ["--seed", str(seed), "--out", str(folder), "--progress", "bars"]
        subprocess.run([*command, *options], check=True, stdout=sys.stderr)
    return folder / "manifest.csv"


def judged_cohort(generator: str, n: int, weights: NoduleWeights) -> Judged:
    manifest = cohort_of(generator, n)
    out = manifest.parent.with_name(f"found-{manifest.parent.name}")
    bars = TerminalBars()
    reporter = Reporter([bars])
    with reporter.stage(f"cohort {generator}"):
        judged = judge_cohort(read_manifest(manifest).rows, Source(out, weights=weights), reporter)
    bars.close()
    for failure in judged.failures:
        say(f"{failure.study} is left out: {failure.message}")
    return judged


def show_cohorts(weights: NoduleWeights, n: int, show: Callable[[Table], str]) -> None:
    table, _ = operating_points(weights)
    point = None if table is None else table.at(RATE).threshold
    figures: dict[str, NoduleFigures] = {}
    large: dict[str, str] = {}
    for generator, (_, version, seed) in GENERATORS.items():
        judged = judged_cohort(generator, n, weights)
        own = figures[generator] = nodule_figures(judged.studies, point)[NEW]
        say(f"\nMade-up patients, generator {generator} {version}, seed {seed}: {own.n_studies}")
        for name, one in tables({NEW: own}).items():
            if one.rows:
                say(f"\n{name}\n\n{show(one)}")
        nodules = [k for study in judged.studies for k in study.nodules]
        found = outline_figures([k for k in nodules if k.nodule.diameter_mm >= LEAST_MM])
        large[generator] = (
            f"{found.hit.dice.in_words()} of {found.hit.n_nodules} that were hit, "
            f"{found.all.dice.in_words()} with {found.all.n_nodules - found.hit.n_nodules} missed"
        )
        say(f"\nDice from {LEAST_MM:g} mm: {large[generator]}")
    a, b = (figures[generator].froc["all scans"].cpm for generator in ("A", "B"))
    say(f"\nCPM: B {b.in_words()}, A {a.in_words()}, gap {a.mean - b.mean:+.3f}")
    say(f"Dice from {LEAST_MM:g} mm: B {large['B']}; A {large['A']}")


def show_real(weights: NoduleWeights, show: Callable[[Table], str]) -> None:
    paths = (str(weights.segmenter.path), str(weights.detector.path))
    results: list[CaseResult] = []
    for name in CASES:
        if (DATA / name).is_dir():
            results.append(run_case(name, *paths))
        else:
            say(f"\n{name}: no real data at {DATA} (set LUNGPNET_TEST_DATA)")
    rows = tuple(
        (
            one.name,
            one.role,
            str(one.found),
            str(one.shown),
            f"{one.false} ({one.on_non_nodules})",
            str(one.outside),
            f"{one.seconds:.0f}",
            f"{one.peak_gib:.2f}",
            one.words,
        )
        for one in results
    )
    header = (
        "scan", "role", "found", "shown", "false (on a reader's non-nodule)", "outside the lungs",
        "seconds", "GiB with lungs", "",
    )  # fmt: skip
    say(f"\nReal scans, findings shown at {RATE:g} false a scan\n\n{show(Table(header, rows))}")


def main() -> None:
    parser = argparse.ArgumentParser(description="How good nodules are. Research use only.")
    parser.add_argument("--segmenter", help="safetensors file or id (default: what would be used)")
    parser.add_argument("--detector", help="likewise")
    parser.add_argument(
        "--patients", type=int, default=60, help="of each generator; 0 for real ones only"
    )
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    arguments = parser.parse_args()
    show = Table.as_markdown if arguments.markdown else Table.as_text
    weights = find_nodule_weights(arguments.segmenter, arguments.detector)
    if weights is None:
        say("No weights for nodules are registered, so there is nothing to measure.")
        return
    say("Nodules, research use only. Means over patients with 95 % bootstrap intervals.")
    say(f"Outlines: {weights.segmenter.entry.id}; detector: {weights.detector.entry.id}")
    if arguments.patients:
        show_cohorts(weights, arguments.patients, show)
    show_real(weights, show)


if __name__ == "__main__":
    main()
