"""The segmenter on a ResNet-18: any size, and exactly the encoder weights that it is given."""

from __future__ import annotations

import os

import pytest
import torch
from monai.networks.nets.resnet import resnet18
from safetensors.torch import save_file

from LungPNetLib.errors import ModelError
from LungPNetLib.nodules.network import VARIANTS, make_segmenter
from LungPNetLib.nodules.network_resnet import load_encoder, make_resnet_segmenter

WIDTHS = (4, 6, 8, 10)


@pytest.mark.parametrize("size", [(1, 16, 16), (3, 20, 33), (17, 31, 9), (32, 32, 32)])
def test_output_size_is_input_size(size):
    network = make_resnet_segmenter(WIDTHS).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, 1, *size)).shape == (2, 1, *size)


def test_it_is_one_of_the_segmenters():
    network = make_segmenter(VARIANTS["resnet18-compact"])
    assert 2.0e6 < sum(p.numel() for p in network.encoder.parameters()) < 2.2e6
    blocks = [network.encoder.layer1, network.encoder.layer2, network.encoder.layer3]
    assert [len(level) for level in blocks] == [2, 2, 2]


def test_logit_belongs_to_its_voxel():
    """A change in a corner of the image moves the logits there most."""
    torch.manual_seed(0)
    network = make_resnet_segmenter(WIDTHS).eval()
    image = torch.zeros(1, 1, 32, 32, 32)
    other = image.clone()
    other[..., 2:5, 26:29, 2:5] = 1
    with torch.no_grad():
        change = (network(other) - network(image)).abs()[0, 0]
    place = torch.unravel_index(change.argmax(), change.shape)
    assert place[0] < 8
    assert place[1] > 22
    assert place[2] < 8


def a_state_dict(seed: int = 5) -> dict[str, torch.Tensor]:
    """Tensors of a ResNet-18 of the same widths that somebody else trained."""
    torch.manual_seed(seed)
    other = make_resnet_segmenter(WIDTHS).encoder.state_dict()
    return {
        name: torch.rand_like(t) if t.is_floating_point() else t + seed for name, t in other.items()
    }


def saved(state_dict, folder, form):
    path = folder / f"encoder.{'safetensors' if form == 'safetensors' else 'ckpt'}"
    if form == "safetensors":
        save_file(state_dict, path)
    elif form == "lightning":
        named = {f"model.backbone.{name}": tensor for name, tensor in state_dict.items()}
        named["head.weight"] = torch.zeros(3)
        torch.save({"state_dict": named, "epoch": 3}, path)
    else:
        torch.save({f"module.{name}": tensor for name, tensor in state_dict.items()}, path)
    return path


@pytest.mark.parametrize("form", ["safetensors", "lightning", "parallel"])
def test_encoder_takes_over_every_weight_and_the_decoder_none(tmp_path, form):
    network = make_resnet_segmenter(WIDTHS)
    decoder = {n: t.clone() for n, t in network.state_dict().items() if "encoder" not in n}
    wanted = a_state_dict()
    load_encoder(network, saved(wanted, tmp_path, form))
    for name, tensor in network.encoder.state_dict().items():
        assert torch.equal(tensor, wanted[name]), name
    after = network.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in decoder.items())


def test_weights_of_monai_fit_the_published_size(tmp_path):
    theirs = resnet18(spatial_dims=3, n_input_channels=1, num_classes=2).state_dict()
    path = tmp_path / "monai.safetensors"
    save_file(theirs, path)
    network = make_segmenter(VARIANTS["resnet18-paper"])
    load_encoder(network, path)
    assert torch.equal(network.encoder.layer4[1].conv2.weight, theirs["layer4.1.conv2.weight"])


def test_weights_that_do_not_fit_are_refused(tmp_path):
    network = make_resnet_segmenter(WIDTHS)
    before = {name: t.clone() for name, t in network.state_dict().items()}
    whole = a_state_dict()
    lacking = {name: t for name, t in whole.items() if not name.startswith("layer3.1.bn2")}
    with pytest.raises(ModelError, match=r"lack 5 of .*layer3\.1\.bn2\.weight.* and 1 more"):
        load_encoder(network, saved(lacking, tmp_path, "safetensors"))
    wider = {**whole, "conv1.weight": torch.zeros(4, 3, 7, 7, 7)}
    with pytest.raises(ModelError, match=r"'module\.conv1\.weight'.*\(4, 3, 7, 7, 7\)"):
        load_encoder(network, saved(wider, tmp_path, "parallel"))
    twice = {f"{who}.{n}": t for who in ("student", "teacher") for n, t in whole.items()}
    torch.save(twice, tmp_path / "twice.pt")
    with pytest.raises(ModelError, match=r"2 times, under 'student\.', 'teacher\.'"):
        load_encoder(network, tmp_path / "twice.pt")
    assert all(torch.equal(network.state_dict()[name], t) for name, t in before.items())


class Exploit:
    def __reduce__(self):
        return os.mkdir, ("pwned",)


def test_file_with_more_than_numbers_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = make_resnet_segmenter(WIDTHS)
    torch.save({"state_dict": Exploit()}, tmp_path / "bad.ckpt")
    (tmp_path / "cut.safetensors").write_bytes(b"cut off")
    torch.save([1, 2], tmp_path / "list.pt")
    for name in ("bad.ckpt", "cut.safetensors", "absent.pt"):
        with pytest.raises(ModelError, match="cannot be read, or hold more than numbers"):
            load_encoder(network, tmp_path / name)
    with pytest.raises(ModelError, match="hold a list"):
        load_encoder(network, tmp_path / "list.pt")
    assert not (tmp_path / "pwned").exists()
