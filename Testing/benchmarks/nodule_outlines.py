"""How good the outlines of nodules are: networks, click and baseline on real nodules, and readers.

    python Testing/benchmarks/nodule_outlines.py [--segmenter ID ...] [--part PART] [--readers N]

The nodules are the LIDC-IDRI patches of the patients that ``lungpnet nodule-patches`` keeps for
tests (``--part validation``: for the choice between networks); each has the mask of one reader. The
baseline's numbers are chosen on the patches for training. A network sees a patch in a window of 48
voxels a side, outside of which there is no image; of what it calls nodule, the part nearest to the
middle counts. As in fusion, that is from a probability of 0.5 on, and from the lower one where
there is no such part. ``--readers N`` compares the readers of the first N patients of the
collection with each other (test-only patients left out; all of them take some minutes), and that is
what a program can be asked for at most.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from scipy import ndimage

from LungPNetLib.cohort.lidc import scans, trainable
from LungPNetLib.cohort.lidc_patches import NodulePatch, read_patches
from LungPNetLib.cohort.nodule_commands import SPLIT_SEED
from LungPNetLib.cohort.nodule_studies import PATCH_PREFIX, patch_kind, patch_parts
from LungPNetLib.errors import InputError
from LungPNetLib.evaluation.froc import SizeGroup
from LungPNetLib.evaluation.intervals import patient_mean
from LungPNetLib.evaluation.outlines import outline_agreement, outline_means, reader_agreement
from LungPNetLib.evaluation.overlap import Overlap, dice
from LungPNetLib.evaluation.tables import Table
from LungPNetLib.grading.measure import measure_nodule
from LungPNetLib.nodules.baseline import BaselineSettings, segment_baseline
from LungPNetLib.nodules.click import segment_click
from LungPNetLib.nodules.fusion_rules import FusionRules
from LungPNetLib.nodules.grid import OUTSIDE_HU, network_input
from LungPNetLib.nodules.predict import SEGMENTER_TASKS, load_segmenter
from LungPNetLib.training.evaluate import about_weights
from LungPNetLib.volume import Volume
from LungPNetLib.weights.registry import Found, find_weights

DATA = Path(
    os.environ.get("LUNGPNET_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data")
)
WINDOW = 48
RULES = FusionRules()
THRESHOLDS_HU, OPENINGS_MM = (-800.0, -750.0, -700.0, -600.0, -500.0, -400.0), (0.0, 1.0)
KINDS = ("ground-glass", "part-solid", "solid")

Outliner = Callable[[NodulePatch], Volume]


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def middle_mm(patch: NodulePatch) -> np.ndarray:
    return patch.ct.index_to_world((np.array(patch.ct.shape[::-1]) - 1) / 2)


def by_baseline(settings: BaselineSettings) -> Outliner:
    return lambda patch: segment_baseline(patch.ct, middle_mm(patch), settings)


def by_click(patch: NodulePatch) -> Volume:
    """Nothing where the click is refused."""
    try:
        mask = segment_click(patch.ct, middle_mm(patch)).mask
    except InputError:
        return patch.mask.with_array(np.zeros_like(patch.mask.array))
    return mask.resampled_to(patch.mask, interpolation="nearest")


def by_network(found: Found) -> Outliner:
    import torch

    network = load_segmenter(found)

    def outlined(patch: NodulePatch) -> Volume:
        side = patch.ct.shape[0]
        before = (WINDOW - side) // 2
        pad = (before, WINDOW - side - before)
        hu = np.pad(patch.ct.array.astype(np.float32), pad, constant_values=OUTSIDE_HU)
        with torch.inference_mode():
            logits = network(torch.from_numpy(network_input(hu))[None, None])[0, -1]
        probability = logits.sigmoid().numpy()[(slice(before, before + side),) * 3]
        sure = probability >= RULES.probability
        mask = sure if sure.any() else probability >= RULES.faint_probability
        return patch.mask.with_array(nearest_part(mask).astype(np.uint8))

    return outlined


def nearest_part(mask: np.ndarray) -> np.ndarray:
    """Of the parts that are connected by faces, that nearest to the middle."""
    parts, n = ndimage.label(mask)
    if not n:
        return mask
    places = np.argwhere(mask)
    nearest = places[((places - (np.array(mask.shape) - 1) / 2) ** 2).sum(axis=1).argmin()]
    return parts == parts[tuple(nearest)]


def against_reader(patch: NodulePatch, mask: Volume) -> tuple[Overlap, float]:
    """How well an outline agrees with the reader's, and how many mm longer its long axis is."""
    axes = [
        measure_nodule(patch.ct, one).long_axis_mm if one.array.any() else 0.0
        for one in (mask, patch.mask)
    ]
    return outline_agreement(mask, patch.mask), axes[0] - axes[1]


def best_settings(patches: Sequence[NodulePatch]) -> BaselineSettings:
    choices = [BaselineSettings(hu, mm) for hu in THRESHOLDS_HU for mm in OPENINGS_MM]
    means = [
        np.mean([dice(by_baseline(one)(p).array > 0, p.mask.array > 0) for p in patches])
        for one in choices
    ]
    return choices[int(np.argmax(means))]


def show_patches(segmenters: Sequence[str], part: str, show: Callable[[Table], str]) -> None:
    folder = DATA / "lidc-nodule-patches"
    if not folder.is_dir():
        say(f"\nno patches at {folder} (set LUNGPNET_TEST_DATA)")
        return
    patches = read_patches(folder)
    parts = patch_parts(patches, SPLIT_SEED)
    training, tested = (
        [p for p in patches if parts[p.patient_id] == one] for one in ("training", part)
    )
    settings = best_settings(training)
    say(f"\nReal nodules of patients for {part}: {len(tested)}.")
    say(f"Baseline: from {settings.threshold_hu:g} HU, opening from {settings.opening_mm:g} mm,")
    say(f"chosen on {len(training)} nodules for training.\n")
    methods: dict[str, Outliner] = {"baseline": by_baseline(settings), "click": by_click}
    for name in segmenters:
        found = find_weights(*SEGMENTER_TASKS, weights=name)
        assert found is not None
        known = set(about_weights(found)["training_ids"])
        # Patients for validation are known to every network: they chose its checkpoint.
        seen = sum(PATCH_PREFIX + p.patient_id in known for p in tested if part == "test")
        marked = f"{found.entry.id}{f' ({seen} seen in training)' if seen else ''}"
        methods[marked] = by_network(found)
    rows = []
    for method, outlined in methods.items():
        judged = [(patch, *against_reader(patch, outlined(patch))) for patch in tested]
        for kind in ("all", *KINDS):
            own = [one for one in judged if kind in ("all", patch_kind(one[0]))]
            means = outline_means([(patch.patient_id, agreement) for patch, agreement, _ in own])
            longer = patient_mean([longer_mm for *_, longer_mm in own])
            cells = (means.dice.in_words(), means.surface_dice.in_words())
            in_mm = (means.hd95_mm.in_words(1), longer.in_words(1))
            rows.append((kind, method, str(means.n_nodules), str(means.n_missed), *cells, *in_mm))
    rows.sort(key=lambda row: ("all", *KINDS).index(row[0]))
    header = (
        "nodules", "method", "n", "missed", "Dice", "NSD 1 mm", "HD95 mm", "long axis longer by mm",
    )  # fmt: skip
    say(show(Table(header, tuple(rows))))


def show_readers(n: int, show: Callable[[Table], str]) -> None:
    """Each patient counts with the mean of their nodules."""
    groups: dict[str, dict[str, list[float]]] = {}
    for done, scan in enumerate(islice(trainable(scans()), n), start=1):
        for nodule in scan.nodules:
            if len(nodule.readings) >= 2:
                value = reader_agreement([reading.mask() for reading in nodule.readings])
                for group in ("all", SizeGroup.of(nodule.diameter_mm).value):
                    own = groups.setdefault(group, {})
                    own.setdefault(scan.patient_id, []).append(value)
        sys.stderr.write(f"\rreaders: {done} scans ")
    sys.stderr.write("\n")
    rows = []
    for group in ("all", *(size.value for size in SizeGroup)):
        own = groups.get(group, {})
        count = sum(map(len, own.values()))
        mean = patient_mean([float(np.mean(values)) for values in own.values()])
        rows.append((group, str(count), str(len(own)), mean.in_words()))
    say(f"\nReaders of LIDC-IDRI with each other: mean Dice of all pairs, first {n} scans\n")
    say(show(Table(("diameter", "nodules", "patients", "Dice"), tuple(rows))))


def main() -> None:
    parser = argparse.ArgumentParser(description="How good outlines are. Research use only.")
    parser.add_argument("--segmenter", nargs="*", default=[], help="safetensors files or ids")
    parser.add_argument(
        "--part", choices=("test", "validation"), default="test", help="of patients for what"
    )
    parser.add_argument(
        "--readers", type=int, default=0, metavar="N", help="compare readers in so many scans"
    )
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    arguments = parser.parse_args()
    show = Table.as_markdown if arguments.markdown else Table.as_text
    say("Outlines of nodules, research use only. Means over patients, 95 % bootstrap intervals.")
    show_patches(arguments.segmenter, arguments.part, show)
    if arguments.readers:
        show_readers(arguments.readers, show)


if __name__ == "__main__":
    main()
