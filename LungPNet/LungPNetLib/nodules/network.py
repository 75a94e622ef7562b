"""3-D U-Nets that outline nodules: the comparators of the adversarial segmenter, and its rivals.

After Cicek et al., MICCAI 2016 (doi:10.1007/978-3-319-46723-8_49); network_unet.py and
network_resnet.py hold the modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from LungPNetLib.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

CLASSES = ("background", "nodule")
KINDS = ("unet", "resnet18")
STRIDE = 16
"""Sides of a window must be multiples of this."""


@dataclass(frozen=True)
class SegmenterArch:
    """Kind and size of a network that outlines nodules.

    Parameters
    ----------
    kind : str
        One of ``KINDS``: a residual U-Net, or a ResNet-18 encoder with a light decoder.
    widths : tuple of int
        Channels of the four levels, finest first.
    """

    kind: str
    widths: tuple[int, int, int, int]

    @classmethod
    def from_mapping(cls, arch: Mapping[str, Any]) -> SegmenterArch:
        """The architecture that a registry entry states.

        Raises
        ------
        ModelError
            The entry describes another kind of network.
        """
        name = str(arch.get("network", ""))
        widths = tuple(int(width) for width in arch.get("widths", ()))
        kind = name.removeprefix("nodule-").removesuffix("-3d")
        if name != f"nodule-{kind}-3d" or kind not in KINDS or len(widths) != 4:
            raise ModelError(
                f"These weights are for '{name}' with widths {list(widths)}; outlining nodules "
                "needs 'nodule-unet-3d' or 'nodule-resnet18-3d' with four widths."
            )
        return cls(kind, (widths[0], widths[1], widths[2], widths[3]))

    def to_mapping(self) -> dict[str, Any]:
        """JSON values for the registry."""
        return {"network": f"nodule-{self.kind}-3d", "widths": list(self.widths)}


VARIANTS = {
    "compact": SegmenterArch("unet", (16, 32, 64, 128)),
    "paper": SegmenterArch("unet", (64, 128, 256, 512)),
    "resnet18-compact": SegmenterArch("resnet18", (16, 32, 64, 128)),
    "resnet18-paper": SegmenterArch("resnet18", (64, 128, 256, 512)),
}
"""``compact`` ships."""


def make_segmenter(arch: SegmenterArch) -> nn.Module:
    """A network from (N, 1, D, H, W) float32, as ``grid.network_input`` scales it, to logits.

    The logits have the same shape; positive ones are nodule.
    """
    if arch.kind == "resnet18":
        from LungPNetLib.nodules.network_resnet import make_resnet_segmenter

        return make_resnet_segmenter(arch.widths)
    from LungPNetLib.nodules.network_unet import FoldedUNet

    return FoldedUNet(arch.widths)
