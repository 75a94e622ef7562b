"""How networks are run: alike by every runtime, and on when the memory of a GPU runs out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from LungPNetLib.cli import main
from LungPNetLib.cohort.phantom.patient import make_patient
from LungPNetLib.errors import DependencyError, InputError, ModelError
from LungPNetLib.events import Reporter
from LungPNetLib.lungs import infer, predict
from LungPNetLib.lungs.morphology import Shrinking
from LungPNetLib.lungs.network import STRIDE, LungArch, make_network
from LungPNetLib.lungs.predict import LungMethod, predict_lungs
from LungPNetLib.lungs.slices import CoarseCt
from LungPNetLib.pipeline import AnalyzeOptions, analyze
from LungPNetLib.reading import read_study
from LungPNetLib.runtime import Precision, Runtime, TorchRunner, device_for, open_network
from LungPNetLib.warm_models import release_models
from LungPNetLib.weights.entries import WeightsEntry, write_registry
from LungPNetLib.weights.registry import sha256_of

GPU = "cpu:0"
"""For torch another name of the CPU, for ``TorchRunner`` a device that may be given up for it."""

ARCH = LungArch((4, 4, 8, 8, 8))
SHAPE = (1, 3, 4 * STRIDE, 4 * STRIDE)


class LungsByDensity(nn.Module):
    """Calls lung whatever has its density, right and left by the middle of the image."""

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.before = before

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        self.before()
        lung = ((image[:, 1] > -0.9) & (image[:, 1] < -0.3)).float()
        on_right = (torch.arange(image.shape[3]) < image.shape[3] / 2).float()
        return torch.stack([0.5 - lung, lung * on_right, lung * (1 - on_right)], dim=1)


def failing(times: int, error: Exception) -> Callable[[], None]:
    """Raises ``error`` the first ``times`` times that it is called."""
    left = [times]

    def fail() -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise error

    return fail


def unet(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return make_network(ARCH).eval()


def images(n: int, height: int = 64, width: int = 64) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (n, 3, height, width)).astype(np.float32)


def by_torch_alone(network: nn.Module, batch: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return network(torch.from_numpy(batch)).numpy()


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNGPNET_HOME", str(tmp_path / "home"))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Registered weights of an untrained lung network."""
    file = tmp_path / "weights" / "untrained.safetensors"
    file.parent.mkdir()
    safetensors.torch.save_file(unet().state_dict(), file)
    entry = WeightsEntry(
        id="untrained",
        task="lungs",
        variant="compact",
        file=file.name,
        sha256=sha256_of(file),
        arch=ARCH.to_mapping(),
        preprocessing={},
        classes=("background", "right lung", "left lung"),
        outcome_source="synthetic",
        trained_on="nothing",
        card="untrained.md",
    )
    write_registry(file.parent, [entry])
    return file


@pytest.fixture
def no_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)


# Torch


def test_the_runner_gives_what_the_network_gives() -> None:
    network, batch = unet(), images(5, 48, 80)
    expected = by_torch_alone(network, batch)
    single = TorchRunner(network, precision=Precision.FLOAT32)
    np.testing.assert_allclose(single(batch), expected, atol=1e-4)
    half = TorchRunner(network, precision=Precision.BFLOAT16)(batch)
    assert half.dtype == np.float32
    assert 0 < np.abs(half - expected).max() < 0.05 * np.ptp(expected)


def test_the_number_of_threads_changes_no_number_and_is_left_as_it_was() -> None:
    runner, batch, before = TorchRunner(unet()), images(4), torch.get_num_threads()
    try:
        results = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            results.append(runner(batch))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*results)


def test_networks_of_volumes_run_too() -> None:
    network = nn.Conv3d(1, 2, 3, padding=1)
    batch = np.random.default_rng(0).normal(size=(2, 1, 6, 7, 8)).astype(np.float32)
    result = TorchRunner(network, precision=Precision.FLOAT32)(batch)
    np.testing.assert_allclose(result, by_torch_alone(network, batch), atol=1e-5)


def test_the_network_that_was_given_stays_as_it_is() -> None:
    network = unet().train()
    TorchRunner(network, precision=Precision.BFLOAT16)(images(1))
    assert network.training
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}


# A GPU whose memory runs out

OUT_OF_MEMORY = [
    torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["torch", "cuda", "cudnn"])
@pytest.mark.parametrize(
    ("failures", "device", "notices"),
    [
        (0, GPU, []),
        (1, GPU, ["with 8 images at a time; the network went on with 4"]),
        (2, GPU, ["went on with 4", "with 4 images at a time; the network went on with 2"]),
        (4, "cpu", ["with 4", "with 2", "with 1", "with one image at a time; the network went on"]),
    ],
)
def test_less_at_a_time_and_then_the_cpu(error, failures, device, notices):
    batch = images(8)
    runner = TorchRunner(LungsByDensity(failing(failures, error)), GPU, Precision.FLOAT32)
    np.testing.assert_array_equal(runner(batch), by_torch_alone(LungsByDensity(), batch))
    assert runner.device == device
    assert len(runner.notices) == len(notices)
    for said, words in zip(runner.notices, notices, strict=True):
        assert "memory of the GPU" in said
        assert words in said


def test_the_smaller_batch_is_kept_for_the_next_time() -> None:
    runner = TorchRunner(LungsByDensity(failing(1, OUT_OF_MEMORY[0])), GPU, Precision.FLOAT32)
    runner(images(8))
    runner(images(8))
    assert len(runner.notices) == 1


def test_a_network_that_does_not_fit_on_the_gpu_runs_on_the_cpu() -> None:
    class TooLarge(LungsByDensity):
        def to(self, *args, **kwargs):
            if args[0] == GPU:
                raise OUT_OF_MEMORY[0]
            return super().to(*args, **kwargs)

    runner = TorchRunner(TooLarge(), GPU)
    assert runner.device == "cpu"
    assert "went on on the CPU" in runner.notices[0]
    assert runner(images(2)).shape == (2, 3, 64, 64)


def test_other_faults_on_a_gpu_are_not_taken_for_a_lack_of_memory() -> None:
    runner = TorchRunner(LungsByDensity(failing(1, RuntimeError("illegal memory access"))), GPU)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        runner(images(2))


def test_running_out_of_memory_on_the_cpu_is_an_error() -> None:
    error = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 GiB")
    with pytest.raises(MemoryError, match="9 GiB"):
        TorchRunner(LungsByDensity(failing(1, error)))(images(2))
    with pytest.raises(torch.cuda.OutOfMemoryError):
        TorchRunner(LungsByDensity(failing(1, OUT_OF_MEMORY[0])))(images(2))


def test_the_result_has_the_same_mask_and_says_what_happened(small_series, weights, monkeypatch):
    study = read_study(small_series)
    options = AnalyzeOptions(
        stages=("quality", "lungs"),
        lung_method=LungMethod.NETWORK,
        lung_weights=str(weights),
        runtime=Runtime.TORCH,
    )
    masks, models = [], []
    for failures in (0, 5):  # 16 images, 8, 4, 2, 1
        release_models()
        network = LungsByDensity(failing(failures, OUT_OF_MEMORY[0]))
        monkeypatch.setattr(predict, "load_network", lambda _, network=network: network)
        analysis = analyze(study, options, Reporter(), GPU)
        masks.append(analysis.lungs.array)
        models += analysis.result.models
    np.testing.assert_array_equal(*masks)
    assert [model["device"] for model in models] == [GPU, "cpu"]
    assert "memory of the GPU (cpu:0) ran out" in analysis.result.warnings[-1]
    assert release_models() == 0, "a network that left the GPU is not kept for the next run"


# OpenVINO


@pytest.fixture
def openvino_runner() -> Callable[..., object]:
    pytest.importorskip("openvino")
    from LungPNetLib.runtime_openvino import OpenVinoRunner

    return OpenVinoRunner


def test_openvino_gives_what_torch_gives_for_any_size_and_number(openvino_runner) -> None:
    network = unet()
    runner = openvino_runner(lambda: network, SHAPE, "a" * 64, Precision.FLOAT32)
    half = openvino_runner(lambda: network, SHAPE, "a" * 64, Precision.BFLOAT16)
    for n, height, width in ((1, 64, 64), (5, 48, 96)):
        batch = images(n, height, width)
        expected = by_torch_alone(network, batch)
        np.testing.assert_allclose(runner(batch), expected, atol=1e-3)
        assert np.abs(half(batch) - expected).max() < 0.05 * np.ptp(expected)


def test_the_second_start_takes_the_compiled_network(openvino_runner, tmp_path) -> None:
    calls = []

    def make() -> nn.Module:
        calls.append(1)
        return unet()

    batch = images(2)
    first = openvino_runner(make, SHAPE, "a" * 64)(batch)
    np.testing.assert_array_equal(openvino_runner(make, SHAPE, "a" * 64)(batch), first)
    assert len(calls) == 1
    openvino_runner(make, SHAPE, "b" * 64)
    assert len(calls) == 2, "other weights need another compilation"
    for cached in (tmp_path / "home" / "cache" / "openvino").iterdir():
        cached.write_bytes(cached.read_bytes()[:-1])
    np.testing.assert_array_equal(openvino_runner(make, SHAPE, "a" * 64)(batch), first)
    assert len(calls) == 3, "a damaged file is not taken"


def test_a_cache_that_cannot_be_written_changes_nothing(openvino_runner, tmp_path) -> None:
    (tmp_path / "home").write_text("a file, where the folder should be")
    result = openvino_runner(unet, SHAPE, "a" * 64, Precision.FLOAT32)(images(1))
    np.testing.assert_allclose(result, by_torch_alone(unet(), images(1)), atol=1e-3)


def test_a_network_that_openvino_cannot_run_is_refused_with_a_way_out(openvino_runner) -> None:
    class Unknown(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return torch.linalg.qr(image).R

    with pytest.raises(DependencyError, match="--runtime torch"):
        openvino_runner(Unknown, SHAPE, "a" * 64)


def test_nothing_is_reported_to_the_makers_of_openvino(openvino_runner, monkeypatch) -> None:
    sender = pytest.importorskip("openvino_telemetry.utils.sender")
    sent = []
    monkeypatch.setattr(sender.TelemetrySender, "send", lambda *message: sent.append(message))
    openvino_runner(unet, SHAPE, "a" * 64)(images(1))
    assert sent == []


def test_a_network_compiled_before_needs_no_torch(openvino_runner) -> None:
    openvino_runner(unet, SHAPE, "a" * 64)
    program = (
        "import sys, numpy as np\n"
        "from LungPNetLib.lungs import infer, predict\n"
        "from LungPNetLib.runtime import Runtime, open_network\n"
        f"run = open_network(None, {SHAPE}, 'a' * 64, runtime=Runtime.OPENVINO)\n"
        "infer.label_slices(np.zeros((2, 32, 32), np.float32), run, 3)\n"
        "assert not {'torch', 'monai'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_auto_is_openvino_on_a_cpu_and_torch_elsewhere(openvino_runner, monkeypatch) -> None:
    assert open_network(unet, SHAPE, "a" * 64).runtime is Runtime.OPENVINO
    assert open_network(unet, SHAPE, "a" * 64, runtime=Runtime.TORCH).runtime is Runtime.TORCH
    assert open_network(unet, SHAPE, "a" * 64, device=GPU).runtime is Runtime.TORCH
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert open_network(unet, SHAPE, "a" * 64).runtime is Runtime.TORCH


def test_openvino_that_is_not_installed(no_openvino, small_series, tmp_path, capsys) -> None:
    with pytest.raises(DependencyError, match=r"lungpnet\[openvino\]"):
        device_for(Runtime.OPENVINO, "auto")
    with pytest.raises(DependencyError, match=r"lungpnet\[openvino\]"):
        open_network(unet, SHAPE, "a" * 64, runtime=Runtime.OPENVINO)
    out = tmp_path / "out"
    assert main(["analyze", str(small_series), "--out", str(out), "--runtime", "openvino"]) == 3
    assert "lungpnet[openvino]" in capsys.readouterr().err
    assert not out.exists()


def test_openvino_does_not_use_a_gpu(openvino_runner) -> None:
    assert device_for(Runtime.OPENVINO, "auto") == "cpu"
    with pytest.raises(InputError, match="--device cpu or --runtime torch"):
        device_for(Runtime.OPENVINO, "cuda:1")


# The lungs


@pytest.mark.parametrize("runtime", [Runtime.TORCH, Runtime.OPENVINO])
def test_the_model_record_says_what_ran(runtime, small_patient, weights, monkeypatch):
    if runtime is Runtime.OPENVINO:
        pytest.importorskip("openvino")
    monkeypatch.setattr(predict, "load_network", lambda _: LungsByDensity())
    found = predict_lungs(
        small_patient.ct, LungMethod.NETWORK, weights=weights, runtime=runtime, device="cpu"
    )
    assert found.model["id"] == "untrained"
    assert found.model["runtime"] == runtime.value
    assert found.model["device"] == "cpu"
    assert found.model["precision"] in ("float32", "bfloat16")
    assert found.notices == ()


def test_damaged_weights_are_refused_though_compiled_before(small_patient, weights, monkeypatch):
    pytest.importorskip("openvino")
    monkeypatch.setattr(predict, "load_network", lambda _: LungsByDensity())

    def run() -> None:
        predict_lungs(small_patient.ct, weights=weights, runtime=Runtime.OPENVINO)

    run()
    monkeypatch.setattr("LungPNetLib.weights.registry.sha256_of", lambda _: sha256_of(weights))
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ModelError):
        run()


def coarse(hu: np.ndarray) -> CoarseCt:
    """A coarse CT of 2 mm voxels."""
    return CoarseCt(hu.astype(np.float32), Shrinking(hu.shape, (1, 1, 1)), (2.0, 2.0, 2.0))


def air(height: int = 256, width: int = 256) -> np.ndarray:
    return np.full((4, height, width), -1000)


def test_only_the_body_is_shown_to_the_network() -> None:
    hu = air()
    hu[:, 60:180, 50:204] = 40
    hu[:, 80:160, 70:110] = -850
    hu[:, 220:222, 20:240] = 100  # the table
    # 20 mm are 10 voxels; borders lie on multiples of 16.
    assert infer.body_region(coarse(hu)) == (slice(48, 192), slice(32, 224))


def test_a_body_that_the_field_cuts_is_whole_up_to_the_border() -> None:
    hu = air()
    hu[:, 180:, :90] = 40
    hu[:, 200:230, :60] = -850  # lung up to the border
    assert infer.body_region(coarse(hu)) == (slice(160, 256), slice(0, 112))


def test_parts_that_the_field_separates_all_count() -> None:
    hu = air()
    hu[:, 60:120, 10:30] = 40  # chest wall
    hu[:, 60:120, 30:100] = -850  # lung between them
    hu[:, 60:120, 100:140] = 40  # mediastinum
    assert infer.body_region(coarse(hu)) == (slice(48, 144), slice(0, 160))


@pytest.mark.parametrize("fill", [-1000, 40])
def test_an_image_with_no_body_or_nothing_else_is_taken_whole(fill) -> None:
    hu = np.full((2, 64, 64), fill)
    assert infer.body_region(coarse(hu)) == (slice(None), slice(None))


def test_the_crop_loses_no_lung_and_changes_no_label() -> None:
    patient = make_patient(5, size=(160, 160, 24), spacing_mm=(3.6, 3.6, 12.0))
    small = CoarseCt.of(patient.ct)
    region = infer.body_region(small)
    assert small.hu[0][region].size < 0.7 * small.hu[0].size
    lungs = small.shrunk_labels(patient.lungs.array)
    assert lungs[:, *region].sum() == lungs.sum()

    def network(batch: np.ndarray) -> np.ndarray:
        dark = batch[:, 1] < -0.3
        return np.stack([~dark, dark, np.zeros_like(dark)], axis=1)

    whole = infer.label_slices(small.hu, network, 3)
    cropped = infer.label_slices(small.hu[:, *region], network, 3)
    np.testing.assert_array_equal(cropped, whole[:, *region])
