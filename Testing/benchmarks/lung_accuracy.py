"""How good the lungs are: made-up test patients by group and real CT, by each method.

Run with ``make benchmark``, or as ``python Testing/benchmarks/lung_accuracy.py [--weights FILE]
[--patients N] [--markdown]``. The made-up patients are those of the first cohort of the generator's
test seeds; they are kept in the cache. ``--generator-b N`` adds test patients of the other
generator, whose ways no training has seen (about a minute of one core each, where they are not in
the cache; ``lungpnet phantom-b`` makes them by two processes). The reference of lung1-001
(NSCLC-Radiomics) is taken without its tumour; LIDC-IDRI has no lung masks, so only what must lie
inside them is looked up.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from LungPNetLib.cohort.phantom.cohort import TEST_SEEDS, PatientPlan, draw_cohort, rendered
from LungPNetLib.cohort.phantom.patient import CENTRE_MM, GENERATOR_VERSION
from LungPNetLib.cohort.phantom.spectrum import kernel_named
from LungPNetLib.cohort.phantom_b.cohort import SEEDS as SEEDS_B
from LungPNetLib.cohort.phantom_b.cohort import draw_cohort_b, rendered_b
from LungPNetLib.cohort.phantom_b.patient import GENERATOR_VERSION as VERSION_B
from LungPNetLib.evaluation.tables import Table
from LungPNetLib.lungs.evaluate import (
    SIDES,
    LungCase,
    LungScore,
    evaluate_lungs,
    group_table,
    lung_table,
)
from LungPNetLib.lungs.predict import LungMethod, predict_lungs
from LungPNetLib.reading import read_study
from LungPNetLib.volume import Volume, read_image
from LungPNetLib.weights.registry import Found, find_weights

DATA = Path(
    os.environ.get("LUNGPNET_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data")
)
NARROW_FIELD_MM, WHOLE_LUNGS_MM, LOW_SHIFT_MM = 310.0, 280.0, 100.0
MASS_BOX = np.s_[46:61, 330:401, 60:131]
"""Slices, rows and columns around the mass of lidc-0295, by its description."""
SOFT_TISSUE_HU = -200

Methods = dict[str, tuple[LungMethod, str | None]]


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def groups_of(plan: PatientPlan) -> dict[str, tuple[str, ...]]:
    """What a made-up patient belongs to, by kind."""
    scanner = plan.scanner
    thickness_mm = scanner.slab_mm(plan.spacing_mm[2])
    return {
        "pathology": tuple(kind.value for kind in plan.pathologies) or ("none",),
        "manufacturer": (scanner.manufacturer,),
        "kernel": (kernel_named(scanner.kernel).kind,),
        "slice thickness": (
            "below 3 mm"
            if thickness_mm < 3
            else "from 3 to 4 mm"
            if thickness_mm <= 4
            else "over 4 mm",
        ),
        "part in the image": parts_seen(plan),
        "contrast agent": ("without" if scanner.contrast_hu is None else "with",),
        "arms": (scanner.arms.value,),
    }


def parts_seen(plan: PatientPlan) -> tuple[str, ...]:
    """Whole lungs, or how they are cut."""
    width_mm, length_mm = (plan.size[a] * plan.spacing_mm[a] for a in (0, 2))
    cuts = {
        "bases only": CENTRE_MM[2] - plan.centre_mm[2] > LOW_SHIFT_MM,
        "narrow field": width_mm < NARROW_FIELD_MM,
        "slab": length_mm < WHOLE_LUNGS_MM,
    }
    return tuple(name for name, applies in cuts.items() if applies) or ("whole",)


def made_up_cases(n: int) -> Iterator[LungCase]:
    for plan in draw_cohort(n, TEST_SEEDS[0]):
        patient = rendered(plan)
        yield LungCase(plan.patient_id, patient.ct, patient.lungs, groups_of(plan))


def other_cases(n: int) -> Iterator[LungCase]:
    for plan in draw_cohort_b(n):
        patient = rendered_b(plan)
        yield LungCase(plan.patient_id, patient.ct, patient.lungs)


def real_cases(folder: Path) -> Iterator[LungCase]:
    yield LungCase(
        "lung1-001",
        read_study(folder / "ct").ct,
        read_image(folder / "lungs_from_rtstruct.nii.gz"),
        ignored=read_image(folder / "gtv1_from_rtstruct.nii.gz"),
    )


def scored(
    methods: Methods, cases: Callable[[], Iterable[LungCase]], n: int
) -> dict[str, list[LungScore]]:
    scores: dict[str, list[LungScore]] = {}
    for name, (method, weights) in methods.items():
        own = scores[name] = []
        for score in evaluate_lungs(cases(), method, weights=weights):
            own.append(score)
            sys.stderr.write(f"\r{name}: {len(own)} of {n} patients ")
            sys.stderr.flush()
        sys.stderr.write("\n")
    return scores


def show_made_up(methods: Methods, n: int, show: Callable[[Table], str]) -> None:
    say(f"\nMade-up patients, generator {GENERATOR_VERSION}, test seed {TEST_SEEDS[0]}: {n}\n")
    scores = scored(methods, partial(made_up_cases, n), n)
    say(show(lung_table(scores)))
    for kind in groups_of(next(draw_cohort(1, TEST_SEEDS[0]))):
        say("\n" + show(group_table(scores, kind)))
    for name, own in scores.items():
        seconds = float(np.median([score.seconds for score in own]))
        refused = ", ".join(score.patient_id for score in own if score.refusal) or "nobody"
        say(f"\n{name}: {seconds:.1f} s a patient (median); no lung found in: {refused}")


def show_other(methods: Methods, n: int, show: Callable[[Table], str]) -> None:
    say(f"\nMade-up patients, generator {VERSION_B}, seed {SEEDS_B[0]}: {n}\n")
    say(show(lung_table(scored(methods, partial(other_cases, n), n))))


def show_lung1(methods: Methods, show: Callable[[Table], str]) -> None:
    folder = DATA / "lung1-001"
    if not folder.is_dir():
        say(f"\nlung1-001: no real data at {DATA} (set LUNGPNET_TEST_DATA)")
        return
    say("\nlung1-001 (real, one patient), tumour left out\n")
    scores = scored(methods, partial(real_cases, folder), 1)
    rows = [
        (
            side,
            name,
            f"{own[0].lungs[side].dice:.4f}",
            f"{own[0].lungs[side].surface_dice:.4f}",
            f"{own[0].lungs[side].hd95_mm:.1f}",
        )
        for side in SIDES
        for name, own in scores.items()
    ]
    say(show(Table(("lung", "method", "Dice", "NSD 3 mm", "HD95 mm"), tuple(rows))))


def nodule_inside(ct: Volume, lungs: np.ndarray, folder: Path) -> str:
    """Share of the voxels that two readers or more marked as nodule."""
    votes = read_image(folder / "nodule_reader_votes.nii.gz")
    if not votes.same_grid_as(ct):
        raise ValueError(f"The reader votes in '{folder.name}' lie on another grid than its CT.")
    return f"{100 * float((lungs[votes.array >= 2] > 0).mean()):.1f} % of the nodule"


def mass_inside(ct: Volume, lungs: np.ndarray, folder: Path) -> str:
    """Soft tissue around the mass, of which there is no mask: to be looked at as well."""
    soft = (ct.array[MASS_BOX] > SOFT_TISSUE_HU) & (lungs[MASS_BOX] > 0)
    return f"{np.count_nonzero(soft) * ct.voxel_volume_ml:.1f} mL of soft tissue at the mass"


def show_inside(methods: Methods, show: Callable[[Table], str]) -> None:
    rows = []
    for case, inside in (("lidc-0001", nodule_inside), ("lidc-0295", mass_inside)):
        folder = DATA / case
        if not folder.is_dir():
            say(f"\n{case}: no real data at {DATA} (set LUNGPNET_TEST_DATA)")
            continue
        ct = read_study(folder / "ct").ct
        for name, (method, weights) in methods.items():
            lungs = predict_lungs(ct, method, weights=weights).labels.array
            rows.append((case, name, inside(ct, lungs, folder)))
    if rows:
        say("\nWhat lies inside the outline of the lungs (real)\n")
        say(show(Table(("patient", "method", "inside"), tuple(rows))))


def methods_at_hand(weights: str | None) -> tuple[Methods, Found | None]:
    found = find_weights("lungs", weights=weights)
    methods: Methods = {"classical": (LungMethod.CLASSICAL, None)}
    if found is not None:
        methods = {"network": (LungMethod.NETWORK, str(found.path)), **methods}
    return methods, found


def main() -> None:
    parser = argparse.ArgumentParser(description="How good the lungs are. Research use only.")
    parser.add_argument("--weights", help="safetensors file or id (default: what would be used)")
    parser.add_argument(
        "--patients", type=int, default=60, help="made-up patients; 0 for real ones only"
    )
    parser.add_argument(
        "--generator-b", type=int, default=0, metavar="N", help="test patients of generator B"
    )
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    arguments = parser.parse_args()
    show = Table.as_markdown if arguments.markdown else Table.as_text
    methods, found = methods_at_hand(arguments.weights)
    say("Lungs, research use only. Means over patients with 95 % bootstrap intervals; a patient's")
    say("figure is the mean of both lungs. NSD is the surface Dice at 3 mm.")
    say(f"Network: {found.entry.id if found else 'no weights are registered, so it is left out'}")
    if arguments.patients:
        show_made_up(methods, arguments.patients, show)
    if arguments.generator_b:
        show_other(methods, arguments.generator_b, show)
    show_lung1(methods, show)
    show_inside(methods, show)


if __name__ == "__main__":
    main()
