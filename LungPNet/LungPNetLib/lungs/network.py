"""The 2-D U-Net that labels lung slices: padded convolutions, so that output size is input size.

After Ronneberger et al., MICCAI 2015 (doi:10.1007/978-3-319-24574-4_28), in MONAI's form: two
3 x 3 convolutions with batch normalization and ReLU a level, max pooling, transposed convolutions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from LungPNetLib.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

CLASSES = ("background", "right lung", "left lung")


@dataclass(frozen=True)
class LungArch:
    """Size of the network.

    Parameters
    ----------
    widths : tuple of int
        Channels of the five levels, finest first.
    context_slices : int
        Odd number of neighbouring axial slices that the network sees, the labelled one in the
        middle.
    """

    widths: tuple[int, int, int, int, int]
    context_slices: int = 3

    @classmethod
    def from_mapping(cls, arch: Mapping[str, Any]) -> LungArch:
        """The architecture that a registry entry states.

        Raises
        ------
        ModelError
            The entry describes another kind of network.
        """
        widths = tuple(int(width) for width in arch.get("widths", ()))
        if arch.get("network") != "lung-unet-2d" or len(widths) != 5:
            raise ModelError(
                f"These weights are for '{arch.get('network')}' with widths {list(widths)}; "
                "the lungs need 'lung-unet-2d' with five widths."
            )
        return cls(
            (widths[0], widths[1], widths[2], widths[3], widths[4]),
            int(arch.get("context_slices", 3)),
        )

    def to_mapping(self) -> dict[str, Any]:
        """JSON values for the registry."""
        return {
            "network": "lung-unet-2d",
            "widths": list(self.widths),
            "context_slices": self.context_slices,
        }


VARIANTS = {
    "compact": LungArch((16, 32, 64, 128, 256)),
    "paper": LungArch((64, 128, 256, 512, 1024), context_slices=1),
}
"""``paper`` has the published widths and sees one slice; ``compact`` ships."""

STRIDE = 16
"""Image sides must be multiples of this (four poolings)."""


def make_network(arch: LungArch) -> nn.Module:
    """A U-Net from (N, context_slices, H, W) float32 to (N, 3, H, W) logits of ``CLASSES``."""
    # Here, because inference that finds the network compiled needs its sizes and not MONAI.
    from monai.networks.nets.basic_unet import BasicUNet

    return BasicUNet(
        spatial_dims=2,
        in_channels=arch.context_slices,
        out_channels=len(CLASSES),
        features=(*arch.widths, arch.widths[0]),
        act="relu",
        norm="batch",
    )
