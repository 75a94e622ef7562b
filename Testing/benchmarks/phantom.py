"""Made-up patients beside the real CTs that may train: lungs, vessels, noise, seconds to make.

Run as ``python Testing/benchmarks/phantom.py [picture.png]``; about ten minutes on two cores. The
real CTs are looked for in ``../shared/data`` beside the repository, or where the variable
``LUNGPNET_TEST_DATA`` says. Each is paired with one of generator A on the same grid and with the
same kernel, at the dose at which its noise is the same, and with a test patient of generator B,
whose grid and noise are its own. Prints a table; where a picture is named, draws slices, lung
histograms and noise power spectra side by side into it.

Columns: percentiles of lung HU; share of lung below -950 HU and of inner lung above -500 HU, in %;
cross-sections of vessels for each cm2 of inner lung, by their area in mm2; noise in HU, peak and
mean frequency of its power spectrum per mm, its correlation with the next slice; seconds to make.

Vessels are counted after Matsuoka et al. (Acad Radiol 2010;17:93-99): in each axial slice,
connected pixels above -720 HU inside the lung are one cross-section. Unlike there, pixels are
smoothed first (0.7 mm), so that noise is not counted; the lung is narrowed by 5 mm, which leaves
out the hila and the chest wall; and long sections count as well. Bronchial walls and scars are
counted along, in real and made-up CTs alike.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from LungPNetLib.cohort.phantom.cohort import draw_cohort, fresh
from LungPNetLib.cohort.phantom.patient import make_patient
from LungPNetLib.cohort.phantom.scanner import Scanner
from LungPNetLib.cohort.phantom.spectrum import kernel_named
from LungPNetLib.cohort.phantom_b.cohort import draw_cohort_b, rendered_b
from LungPNetLib.lungs.predict import LungMethod, predict_lungs
from LungPNetLib.reading import read_study
from LungPNetLib.volume import Volume

DATA = Path(
    os.environ.get("LUNGPNET_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data")
)
PAIRS = (("lidc-0028", "STANDARD"), ("lidc-0306", "BONE"), ("lidc-0293-thin-slab", "STANDARD"))
PATCH = 32
TISSUE_HU = (0.0, 110.0)
BINS_PER_MM = np.arange(0.0, 0.85, 0.05)
LUNG_BINS_HU = np.arange(-1024, 200, 16)
VESSEL_HU, VESSEL_SIGMA_MM, LUNG_MARGIN_MM = -720.0, 0.7, 5.0
VESSEL_EDGES_MM2 = (4.0, 20.0)


@dataclass
class Measured:
    """One CT in figures."""

    name: str
    ct: Volume
    lung_hu: np.ndarray
    noise_hu: float
    spectrum: np.ndarray
    next_slice: float
    vessel_share: float
    vessels_per_cm2: np.ndarray
    seconds: float


def uniform_patches(hu: np.ndarray, count: int = 120) -> list[tuple[int, int, int]]:
    """Slice, row and column of the most uniform squares of soft tissue."""
    found = []
    for k in range(0, len(hu), max(1, len(hu) // 40)):
        plane = hu[k].astype(np.float32)
        mean = ndimage.uniform_filter(plane, PATCH)
        spread = ndimage.uniform_filter(plane**2, PATCH) - mean**2
        inner = slice(PATCH, -PATCH, 8)
        rows, columns = np.nonzero(
            (mean[inner, inner] > TISSUE_HU[0]) & (mean[inner, inner] < TISSUE_HU[1])
        )
        for row, column in zip(rows * 8 + PATCH, columns * 8 + PATCH, strict=True):
            found.append((float(spread[row, column]), k, int(row), int(column)))
    return [place for _, *place in sorted(found)[:count]]


def detrended(hu: np.ndarray, place: tuple[int, int, int]) -> np.ndarray:
    k, row, column = place
    half = PATCH // 2
    patch = hu[k, row - half : row + half, column - half : column + half].astype(float)
    y, x = (np.mgrid[:PATCH, :PATCH] - half) / half
    trend = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], -1).reshape(-1, 6)
    rest = patch.ravel() - trend @ np.linalg.lstsq(trend, patch.ravel(), rcond=None)[0]
    return rest.reshape(PATCH, PATCH)


def noise_of(ct: Volume) -> tuple[float, np.ndarray, float]:
    """Standard deviation, relative radial power spectrum, correlation with the next slice."""
    places = uniform_patches(ct.array)
    patches = [detrended(ct.array, place) for place in places]
    power = np.mean([np.abs(np.fft.fft2(patch)) ** 2 for patch in patches], axis=0)
    f = np.fft.fftfreq(PATCH, ct.spacing_mm[0])
    ring = np.digitize(np.hypot(f, f[:, None]).ravel(), BINS_PER_MM)
    sums = np.bincount(ring, power.ravel(), len(BINS_PER_MM) + 1)
    counts = np.bincount(ring, minlength=len(BINS_PER_MM) + 1)
    radial = (sums / np.maximum(counts, 1))[1:-1]
    pairs = [
        np.corrcoef(patch.ravel(), detrended(ct.array, (place[0] + 1, *place[1:])).ravel())[0, 1]
        for patch, place in zip(patches, places, strict=True)
        if place[0] + 1 < len(ct.array)
    ]
    deviation = float(np.median([patch.std() for patch in patches]))
    return deviation, radial / radial.sum(), float(np.median(pairs))


def vessels_per_cm2(ct: Volume, lungs: np.ndarray) -> np.ndarray:
    """Cross-sections of vessels a cm2 of lung: small, middle and large ones (see above)."""
    pixel_mm = ct.spacing_mm[0]
    counts, lung_cm2 = np.zeros(len(VESSEL_EDGES_MM2) + 1), 0.0
    for hu, lung in zip(ct.array, lungs, strict=True):
        inner = ndimage.distance_transform_edt(lung, pixel_mm) > LUNG_MARGIN_MM
        smooth = ndimage.gaussian_filter(hu.astype(np.float32), VESSEL_SIGMA_MM / pixel_mm)
        sections, _ = ndimage.label(inner & (smooth > VESSEL_HU), np.ones((3, 3)))
        areas_mm2 = np.bincount(sections.ravel())[1:] * pixel_mm**2
        size = np.searchsorted(VESSEL_EDGES_MM2, areas_mm2, side="right")
        counts += np.bincount(size, minlength=len(counts))
        lung_cm2 += inner.sum() * pixel_mm**2 / 100.0
    return counts / lung_cm2


def measured(name: str, ct: Volume, seconds: float = 0.0) -> Measured:
    lungs = predict_lungs(ct, LungMethod.CLASSICAL).labels.array > 0
    inner = ndimage.binary_erosion(lungs, iterations=3)
    noise_hu, spectrum, next_slice = noise_of(ct)
    share = float(np.mean(ct.array[inner] > -500))
    vessels = vessels_per_cm2(ct, lungs)
    return Measured(
        name, ct, ct.array[lungs], noise_hu, spectrum, next_slice, share, vessels, seconds
    )


def twin(real: Measured, kernel: str, thickness_mm: float, seed: int) -> Measured:
    """A made-up patient on the grid of the real one, as noisy as it."""
    ct = real.ct
    scanner = Scanner.of(kernel_named(kernel), thickness_mm=thickness_mm, path_exponent=0.5)
    scanner = replace(scanner, noise_hu=real.noise_hu)
    started = time.perf_counter()
    patient = make_patient(
        seed, size=ct.shape[::-1], spacing_mm=(ct.spacing_mm[0],) * 2 + ct.spacing_mm[2:],
        scanner=scanner,
    )  # fmt: skip
    return measured(f"A, {kernel}", patient.ct, time.perf_counter() - started)


def other_generator(index: int) -> Measured:
    """A test patient of generator B; seconds are those of making it, or of reading it again."""
    plan = list(draw_cohort_b(index + 1))[index]
    started = time.perf_counter()
    patient = rendered_b(plan)
    return measured(f"B, {plan.beam.filter}", patient.ct, time.perf_counter() - started)


def print_row(one: Measured) -> None:
    low, middle, high = np.percentile(one.lung_hu, (15, 50, 85))
    peak = BINS_PER_MM[np.argmax(one.spectrum)] + 0.025
    mean = float(np.sum(one.spectrum * (BINS_PER_MM[:-1] + 0.025)))
    emphysema = 100.0 * np.mean(one.lung_hu < -950)
    sys.stdout.write(
        f"{one.name:<22}{low:>8.0f}{middle:>8.0f}{high:>8.0f}{emphysema:>8.1f}"
        f"{100 * one.vessel_share:>9.2f}"
        f"{''.join(f'{count:>8.2f}' for count in one.vessels_per_cm2)}"
        f"{one.noise_hu:>8.1f}{peak:>8.3f}{mean:>8.3f}"
        f"{one.next_slice:>8.2f}{one.seconds:>8.1f}\n"
    )
    sys.stdout.flush()


def draw(rows: list[tuple[Measured, ...]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(len(rows), 8, figsize=(32, 4 * len(rows)), squeeze=False)
    for row, beside in zip(axes, rows, strict=True):
        for n, one in enumerate(beside):
            plane = one.ct.array[len(one.ct.array) // 2]
            for column, (low, high) in ((n, (-1350, 150)), (3 + n, (-160, 240))):
                row[column].imshow(plane, cmap="gray", vmin=low, vmax=high)
                row[column].set_title(f"{one.name} [{low}, {high}] HU")
                row[column].axis("off")
        _curves(row[6], [(m.name, *_histogram(m)) for m in beside], "lung HU", "share")
        frequency = BINS_PER_MM[:-1] + 0.025
        _curves(row[7], [(m.name, frequency, m.spectrum) for m in beside], "cycles a mm", "power")
    figure.tight_layout()
    figure.savefig(path, dpi=55)


def _histogram(one: Measured) -> tuple[np.ndarray, np.ndarray]:
    counts, _ = np.histogram(one.lung_hu, LUNG_BINS_HU)
    return LUNG_BINS_HU[:-1], counts / counts.sum()


def _curves(axis: Any, curves: list[tuple[str, Any, Any]], x: str, y: str) -> None:
    for name, places, values in curves:
        axis.plot(places, values, label=name)
    axis.set_xlabel(x)
    axis.set_ylabel(y)
    axis.legend()


def print_times() -> None:
    plan = replace(next(draw_cohort(1, 1)), size=(256, 256, 100))
    started = time.perf_counter()
    fresh(plan)
    sys.stdout.write(f"cohort, 256x256x100: {time.perf_counter() - started:.1f} s (limit 6 s)\n")
    scanner = Scanner.of(kernel_named("B30f"), thickness_mm=1.0)
    started = time.perf_counter()
    make_patient(7, size=(512, 512, 300), spacing_mm=(0.7, 0.7, 1.0), scanner=scanner)
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    sys.stdout.write(
        f"full, 512x512x300: {time.perf_counter() - started:.1f} s (limit 60 s), "
        f"{peak_gib:.2f} GiB at most (limit 2 GB)\n"
    )


def main() -> None:
    print_times()
    sys.stdout.write(
        f"{'CT':<22}{'P15':>8}{'median':>8}{'P85':>8}{'LAA950%':>8}{'>-500%':>9}"
        f"{'<4mm2':>8}{'4-20':>8}{'>20mm2':>8}"
        f"{'noise':>8}{'peak':>8}{'mean f':>8}{'next':>8}{'s':>8}\n"
    )
    rows = []
    for seed, (case, kernel) in enumerate(PAIRS, start=301):
        if not (DATA / case).is_dir():
            sys.stdout.write(f"{case}: no real data at {DATA} (set LUNGPNET_TEST_DATA)\n")
            continue
        folder = DATA / case / "ct" if (DATA / case / "ct").is_dir() else DATA / case
        study = read_study(folder, allow_gaps=True)
        real = measured(case, study.ct)
        thickness = study.acquisition.slice_thickness_mm or study.ct.spacing_mm[2]
        rows.append((real, twin(real, kernel, thickness, seed), other_generator(len(rows))))
        for one in rows[-1]:
            print_row(one)
    if rows and len(sys.argv) > 1:
        draw(rows, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
