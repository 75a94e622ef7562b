"""The scanner of made-up patients: resolution, noise, dose, rays, slices and padding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from LungPNetLib.cohort.phantom.layers import Layers
from LungPNetLib.cohort.phantom.patient import make_patient
from LungPNetLib.cohort.phantom.rays import directions, path_weights
from LungPNetLib.cohort.phantom.scanner import Noise, Scanner
from LungPNetLib.cohort.phantom.spectrum import KERNELS, expected_noise_hu, kernel_named
from LungPNetLib.errors import InputError
from LungPNetLib.quality.tags import classify_kernel

PIXEL_MM = 0.5


def noise_slices(scanner: Scanner, count: int = 6, distance_mm: float = 2.5) -> np.ndarray:
    noise = Noise(scanner, (192, 192), (PIXEL_MM, PIXEL_MM), np.random.default_rng(1), distance_mm)
    return np.stack([noise.next_slice() for _ in range(count)])


def power_peak_per_mm(slices: np.ndarray) -> float:
    """Frequency at which the radial noise power spectrum is highest."""
    power = np.mean(np.abs(np.fft.fft2(slices)) ** 2, axis=0)
    f = np.fft.fftfreq(slices.shape[1], PIXEL_MM)
    ring = np.rint(np.hypot(f, f[:, None]) / 0.05).astype(int).ravel()
    radial = np.bincount(ring, power.ravel()) / np.maximum(np.bincount(ring), 1)
    return float(np.argmax(radial[:20]) * 0.05)


def edge_response(scanner: Scanner, pixel_mm: float = 0.1) -> np.ndarray:
    edge = np.zeros((8, 400), np.float32)
    edge[:, 200:] = 1000.0
    return scanner.blurred(edge, (pixel_mm, pixel_mm))[4]


def water_ellipse(half_x: int, half_y: int, turn_degrees: float = 0.0) -> np.ndarray:
    """A slice of 128 x 128 pixels of air with an ellipse of water."""
    y, x = np.mgrid[:128, :128] - 63.5
    turn = np.radians(turn_degrees)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    inside = (along / half_x) ** 2 + (across / half_y) ** 2 < 1.0
    return np.where(inside, 0.0, -1000.0).astype(np.float32)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_tags_and_physics_of_a_kernel_agree(kernel):
    assert classify_kernel(kernel.name, kernel.manufacturer) == kernel.kind


@pytest.mark.parametrize("name", ["SOFT", "STANDARD", "BONE"])
def test_noise_has_the_size_asked_whatever_the_kernel_and_thickness(name):
    for thickness_mm in (1.25, 2.5, 6.0):
        scanner = replace(Scanner.of(kernel_named(name)), thickness_mm=thickness_mm, noise_hu=25.0)
        assert noise_slices(scanner).std() == pytest.approx(25.0, rel=0.1)


def test_noise_is_finer_the_sharper_the_kernel():
    peaks = [
        power_peak_per_mm(noise_slices(Scanner.of(kernel_named(name))))
        for name in ("B20f", "B30f", "B50f", "B70f")
    ]
    assert peaks == sorted(peaks)
    assert peaks[0] < 0.25
    assert peaks[-1] > 0.45


def test_peak_of_the_noise_power_is_where_ramp_times_gaussian_puts_it():
    # The maximum of f exp(-f^2 / s^2) lies at s / sqrt(2).
    scanner = Scanner(roll_off_per_mm=0.5)
    assert power_peak_per_mm(noise_slices(scanner, 12)) == pytest.approx(0.354, abs=0.06)


def test_overlapping_slices_share_noise_and_distant_ones_do_not():
    correlations = []
    for thickness_mm in (1.25, 2.5, 5.0):
        slices = noise_slices(Scanner(thickness_mm=thickness_mm), 8)
        correlations.append(np.corrcoef(slices[1:].ravel(), slices[:-1].ravel())[0, 1])
    assert correlations[0] < 0.2 < correlations[1] < 0.35 < 0.5 < correlations[2]


def test_same_generator_gives_the_same_noise():
    scanner = Scanner()
    assert np.array_equal(noise_slices(scanner), noise_slices(scanner))


def test_noise_follows_dose_and_thickness():
    kernel = kernel_named("STANDARD")
    base = expected_noise_hu(kernel, 100.0, 2.5)
    assert base == pytest.approx(12.0)
    assert expected_noise_hu(kernel, 25.0, 2.5) == pytest.approx(2.0 * base)
    assert expected_noise_hu(kernel, 100.0, 0.625) == pytest.approx(2.0 * base)
    assert expected_noise_hu(kernel_named("BONE"), 100.0, 2.5) > 2.5 * base
    with pytest.raises(InputError, match="0"):
        expected_noise_hu(kernel, 0.0, 2.5)


@pytest.mark.parametrize("psf_mm", [0.8, 1.6])
def test_edge_has_the_width_asked(psf_mm):
    line = np.diff(edge_response(Scanner(psf_mm=psf_mm)))
    above = np.flatnonzero(line > line.max() / 2)
    assert (above[-1] - above[0] + 1) * 0.1 == pytest.approx(psf_mm, abs=0.15)


def test_sharp_kernels_overshoot_at_edges_and_standard_ones_do_not():
    standard = edge_response(Scanner.of(kernel_named("STANDARD")))
    lung = edge_response(Scanner.of(kernel_named("LUNG")))
    assert standard.max() < 1001.0
    assert 1050.0 < lung.max() < 1400.0
    assert -400.0 < lung.min() < -50.0
    assert lung[-1] == pytest.approx(1000.0, abs=1.0)


def test_rays_through_more_water_leave_more_noise():
    thin, thick = (
        np.stack(list(path_weights(water_ellipse(r, r), (2.0, 2.0), 1.0))) for r in (45, 60)
    )
    # 60 mm more water on each central ray: exp(0.0195 * 60 / 2) = 1.79.
    assert np.allclose(thick[:, 64, 64] / thin[:, 64, 64], 1.79, rtol=0.05)
    assert np.all(thin[:, 64, 64] > thin[:, 4, 4])


@pytest.mark.parametrize("turn", [0.0, 30.0, 60.0, 90.0, 150.0])
def test_longest_rays_and_their_wedge_lie_along_the_ellipse(turn):
    weights = np.stack(list(path_weights(water_ellipse(60, 20, turn), (2.0, 2.0), 1.0)))
    # Rays along the ellipse have their normal, and so their wedge, a quarter of a turn further.
    assert int(np.argmax(weights[:, 64, 64])) == round((turn + 90.0) / 30.0) % 6


def test_wedges_fill_the_plane_of_frequencies():
    f = np.fft.fftfreq(16)
    wedges = directions(f[:9], f[:, None])
    assert np.array_equal(sum(wedges), np.ones((16, 9)))
    assert wedges[0][0, 3] == 1.0
    assert wedges[3][3, 0] == 1.0


def test_wide_shoulders_streak_from_side_to_side():
    scanner = Scanner(noise_hu=20.0, path_exponent=1.0, roll_off_per_mm=0.2)
    noise = Noise(scanner, (128, 128), (3.0, 3.0), np.random.default_rng(2))
    shoulders = water_ellipse(62, 25)
    middle = np.stack([noise.next_slice(shoulders) for _ in range(4)])[:, 44:84, 24:104]
    along = np.corrcoef(middle[:, :, 1:].ravel(), middle[:, :, :-1].ravel())[0, 1]
    across = np.corrcoef(middle[:, 1:].ravel(), middle[:, :-1].ravel())[0, 1]
    assert along > across + 0.3
    assert middle.std() > 20.0


def test_without_path_law_the_slice_does_not_matter():
    scanner = Scanner()
    first, second = (
        Noise(scanner, (32, 32), (2.0, 2.0), np.random.default_rng(3)) for _ in range(2)
    )
    plane = np.zeros((32, 32), np.float32)
    assert np.array_equal(first.next_slice(plane), second.next_slice())


@pytest.mark.parametrize("padding_hu", [-1024, -2000, -3024])
def test_padding_fills_the_corners_alone(padding_hu):
    values = Scanner(padding_hu=padding_hu, offset_hu=3.0).digitised(np.zeros((64, 64), "f4"))
    assert values[0, 0] == padding_hu
    assert values[32, 0] == values[0, 32] == 3
    assert np.mean(values == padding_hu) == pytest.approx(1.0 - np.pi / 4.0, abs=0.02)


@pytest.mark.parametrize(
    ("distance_mm", "thickness_mm"),
    [(2.5, 2.5), (0.625, 0.625), (2.5, 1.25), (2.5, 5.0), (1.0, 1.25), (5.0, 2.0), (0.7, 3.0)],
)
def test_layers_make_slices_of_the_thickness_asked(distance_mm, thickness_mm):
    layers = Layers.of(distance_mm, thickness_mm)
    assert layers.per_slice * layers.step_mm == pytest.approx(thickness_mm, rel=0.15)
    assert layers.stride * layers.step_mm == pytest.approx(distance_mm)
    assert layers.step_mm <= 1.61
    middle_mm = layers.first_mm + layers.step_mm * (layers.per_slice - 1) / 2
    assert middle_mm == pytest.approx(0.0)


@pytest.mark.parametrize(
    "fault",
    [
        {"noise_hu": -1.0},
        {"thickness_mm": 0.0},
        {"path_exponent": 1.5},
        {"contrast_hu": 5000.0},
        {"roll_off_per_mm": 0.0},
        {"motion_mm": -2.0},
    ],
)
def test_impossible_scanners_are_refused(fault):
    with pytest.raises(InputError):
        Scanner(**fault)


def test_unknown_kernel_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="'B99'.*STANDARD"):
        kernel_named("B99")


def test_what_lies_outside_the_round_field_is_in_no_mask():
    narrow = {"size": (64, 64, 16), "spacing_mm": (3.2, 3.2, 18.0)}
    whole = make_patient(5, **narrow)
    padded = make_patient(5, **narrow, scanner=Scanner(padding_hu=-2000))
    outside = padded.ct.array == -2000
    assert whole.lungs.array[outside].any()
    assert not padded.lungs.array[outside].any()
    np.testing.assert_array_equal(padded.lungs.array[~outside], whole.lungs.array[~outside])
