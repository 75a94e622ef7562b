"""The adversarial nodule segmenter: a generator that paints the nodule, and a critic of its work.

After Song et al., IEEE JBHI 2022 (LNHG): the generator works at full resolution throughout, adds
its input at the end, and gives back an image in which the nodule keeps its grey level and
everything else is 0. The critic is a Wasserstein critic with gradient penalty (Gulrajani et al.,
NeurIPS 2017, arXiv:1704.00028). Both take windows of any size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from LungPNetLib.errors import ModelError
from LungPNetLib.nodules.grid import WINDOW_HU

INTENSITY_FLOOR = 0.1
"""Grey level of the darkest nodule voxel, so that it differs from 0, which is no nodule."""

LAYOUTS = {"hourglass": 2, "blocks": 1}
"""Layouts of the generator, with the least number of widths that each needs."""

_Values = TypeVar("_Values", npt.NDArray[np.floating], torch.Tensor)


def intensity_from_hu(hu: _Values) -> _Values:
    """Grey level of a nodule voxel: ``INTENSITY_FLOOR`` at -1000 HU to 1 at 400 HU, linear.

    Examples
    --------
    >>> intensity_from_hu(np.array([-1000.0, -300.0, 400.0, 3000.0])).round(2).tolist()
    [0.1, 0.55, 1.0, 1.0]
    """
    low, high = WINDOW_HU
    share = (hu.clip(low, high) - low) / (high - low)
    return INTENSITY_FLOOR + (1.0 - INTENSITY_FLOOR) * share


def hu_from_intensity(intensity: _Values) -> _Values:
    """The inverse of :func:`intensity_from_hu`; -1000 HU below the floor, as outside of nodules."""
    low, high = WINDOW_HU
    share = (intensity.clip(INTENSITY_FLOOR, 1.0) - INTENSITY_FLOOR) / (1.0 - INTENSITY_FLOOR)
    return low + (high - low) * share


def intensity_of_input(image: torch.Tensor) -> torch.Tensor:
    """Grey levels of an image in [-1, 1], as ``grid.network_input`` scales it."""
    return INTENSITY_FLOOR + (1.0 - INTENSITY_FLOOR) * (image + 1.0) / 2.0


@dataclass(frozen=True)
class GanArch:
    """Layout and size of the generator.

    Parameters
    ----------
    layout : str
        One of ``LAYOUTS``. ``hourglass`` is the published one: convolutions to ever more channels
        and back to the first number, with added skips. ``blocks`` is a row of residual blocks of
        two convolutions, which sees farther for the same work.
    widths : tuple of int
        Channels of the convolutions on the way up, or of the blocks (all the same).
    """

    layout: str
    widths: tuple[int, ...]

    @classmethod
    def from_mapping(cls, arch: Mapping[str, Any]) -> GanArch:
        """The architecture that a registry entry states.

        Raises
        ------
        ModelError
            The entry describes another kind of network.
        """
        name = str(arch.get("network", ""))
        widths = tuple(int(width) for width in arch.get("widths", ()))
        layout = name.removeprefix("nodule-generator-")
        fits = name != layout and len(widths) >= LAYOUTS.get(layout, len(widths) + 1)
        if not fits or (layout == "blocks" and len(set(widths)) > 1):
            raise ModelError(
                f"These weights are for '{name}' with widths {list(widths)}; the adversarial "
                "segmenter needs 'nodule-generator-hourglass' with two widths or more, or "
                "'nodule-generator-blocks' with equal ones."
            )
        return cls(layout, widths)

    def to_mapping(self) -> dict[str, Any]:
        """JSON values for the registry."""
        return {"network": f"nodule-generator-{self.layout}", "widths": list(self.widths)}


VARIANTS = {
    "compact": GanArch("blocks", (16,) * 6),
    "paper": GanArch("hourglass", (32, 64, 128, 256)),
}
"""``paper`` has the published widths; ``compact`` is for a CPU."""

CRITIC_WIDTHS = {"compact": (16, 32, 64), "paper": (32, 64, 128)}
"""Critics are not shipped."""

CLASSES = ("background", "nodule")


class _Unit(nn.Module):
    """Convolution, batch normalization, something to add, LeakyReLU."""

    def __init__(self, wide_in: int, wide_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(wide_in, wide_out, kernel_size=3, padding=1, bias=False)
        self.norm = nn.BatchNorm3d(wide_out)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="leaky_relu")

    def forward(self, features: torch.Tensor, skip: torch.Tensor | None = None) -> torch.Tensor:
        features = self.norm(self.conv(features))
        return functional.leaky_relu(features if skip is None else features + skip, 0.01)


class _Hourglass(nn.Module):
    """Ever wider and back again, at one resolution; each way back adds what the way there had."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        wide = (1, *widths)
        self.there = nn.ModuleList(map(_Unit, wide[:-1], wide[1:]))
        self.back = nn.ModuleList(map(_Unit, widths[:0:-1], widths[-2::-1]))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        seen = [image]
        for unit in self.there:
            seen.append(unit(seen[-1]))
        features = seen.pop()
        for unit in self.back:
            features = unit(features, seen.pop())
        return features


class _Blocks(nn.Module):
    """A first convolution and residual blocks of two."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.first = _Unit(1, widths[0])
        self.blocks = nn.ModuleList(nn.ModuleList([_Unit(w, w), _Unit(w, w)]) for w in widths)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.first(image)
        for inner, outer in self.blocks:
            features = outer(inner(features), features)
        return features


class Generator(nn.Module):
    """From a CT window to the image of its nodule, and the nodule's logit.

    Before it has learned anything the image is the CT window itself.
    """

    def __init__(self, arch: GanArch) -> None:
        super().__init__()
        self.body: nn.Module = (_Hourglass if arch.layout == "hourglass" else _Blocks)(arch.widths)
        self.head = nn.Conv3d(arch.widths[0], 2, kernel_size=3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Painted nodule and logit, (N, 2, D, H, W), of a window (N, 1, D, H, W) in [-1, 1].

        Channel 0 is the grey level that :func:`intensity_from_hu` defines, 0 outside of nodules and
        not limited upwards; channel 1 is positive where nodule is more likely than not.
        """
        change, logit = self.head(self.body(image)).split(1, dim=1)
        return torch.cat([functional.relu(intensity_of_input(image) + change), logit], dim=1)


def make_generator(arch: GanArch) -> Generator:
    """A generator of this architecture, with random weights in its body."""
    return Generator(arch)


class Critic(nn.Module):
    """How real a painted nodule looks, one number a window.

    Strided convolutions and a sum over the window, so that any size is accepted; the sum is divided
    by the root of the number of places, so that the slope does not depend on the size. There is no
    batch normalization: the gradient penalty is about each window for itself.

    Parameters
    ----------
    widths : tuple of int
        Channels; each convolution halves the resolution.
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for wide_in, wide_out in zip((1, *widths[:-1]), widths, strict=True):
            layers += [nn.Conv3d(wide_in, wide_out, 3, stride=2, padding=1), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers)
        self.value = nn.Linear(widths[-1], 1)

    def forward(self, intensity: torch.Tensor) -> torch.Tensor:
        """Values (N,) of painted nodules (N, 1, D, H, W)."""
        features = self.layers(intensity).flatten(2)
        values: torch.Tensor = self.value(features.sum(dim=2) / math.sqrt(features.shape[2]))
        return values[:, 0]


def gradient_penalty(critic: nn.Module, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """Mean squared distance from 1 of the critic's slope, at random places between the two.

    Parameters
    ----------
    critic : Module
        From (N, 1, D, H, W) to (N,).
    real, fake : Tensor, shape (N, 1, D, H, W)

    Notes
    -----
    Gulrajani et al. 2017, without the factor lambda. Random numbers come from torch's generator.
    """
    weight = torch.rand(len(real), 1, 1, 1, 1, device=real.device, dtype=real.dtype)
    between = (weight * real + (1 - weight) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
