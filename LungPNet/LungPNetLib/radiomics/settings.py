"""How a region is prepared and its texture summed up: the pinned parameters of the features."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from LungPNetLib.errors import InputError
from LungPNetLib.volume import Triplet


class Discretization(Enum):
    """How intensities become grey levels, which count from 1."""

    FIXED_BIN_SIZE = "fixed_bin_size"
    FIXED_BIN_NUMBER = "fixed_bin_number"


class Aggregation(Enum):
    """How texture matrices of slices and directions become one value of a feature.

    Values are the tags of the reference values. Matrices without directions (GLSZM, NGLDM, NGTDM)
    know by slice, slices merged and 3-D only.
    """

    BY_SLICE_AVERAGED = "2D_avg"
    BY_SLICE_MERGED = "2D_comb"
    SLICES_MERGED_BY_DIRECTION = "2_5D_avg"
    SLICES_MERGED = "2_5D_comb"
    VOLUME_AVERAGED = "3D_avg"
    VOLUME_MERGED = "3D_comb"

    @property
    def by_slice(self) -> bool:
        """Whether neighbours are looked for within slices only."""
        return self not in (Aggregation.VOLUME_AVERAGED, Aggregation.VOLUME_MERGED)

    @property
    def merges_slices(self) -> bool:
        """Whether the matrices of all slices are summed before features are computed."""
        return self not in (Aggregation.BY_SLICE_AVERAGED, Aggregation.BY_SLICE_MERGED)

    @property
    def merges_directions(self) -> bool:
        """Whether the matrices of all directions are summed before features are computed."""
        return self in (
            Aggregation.BY_SLICE_MERGED,
            Aggregation.SLICES_MERGED,
            Aggregation.VOLUME_MERGED,
        )


@dataclass(frozen=True)
class RadiomicsSettings:
    """Parameters of the features, as ``configs/radiomics.toml`` pins them.

    Parameters
    ----------
    spacing_mm : tuple of float
        Voxel spacing that CT and mask are resampled to, for the axial slices' columns, rows and
        the distance of slices; 0 leaves an axis as it is.
    round_intensities : bool
        Round intensities to whole numbers after resampling, as HU are.
    resegmentation_hu : tuple of float, optional
        Voxels outside of [low, high] count for the shape only.
    discretization : Discretization
        With a fixed bin size the first bin begins at the lower end of ``resegmentation_hu``, or
        without it at the lowest intensity of the region.
    bin_size_hu : float
        Width of a bin, for the fixed bin size.
    bin_number : int
        Number of bins from the lowest to the highest intensity, for the fixed bin number.
    aggregation : Aggregation
        How texture is summed up.

    Raises
    ------
    InputError
        A value is out of range.
    """

    spacing_mm: Triplet = (1.0, 1.0, 1.0)
    round_intensities: bool = True
    resegmentation_hu: tuple[float, float] | None = (-1000.0, 400.0)
    discretization: Discretization = Discretization.FIXED_BIN_SIZE
    bin_size_hu: float = 25.0
    bin_number: int = 32
    aggregation: Aggregation = Aggregation.VOLUME_MERGED

    def __post_init__(self) -> None:
        if min(self.spacing_mm) < 0:
            raise InputError(
                f"spacing_mm must be 0 (an axis is left as it is) or above, got {self.spacing_mm}."
            )
        span = self.resegmentation_hu
        if span is not None and not span[0] < span[1]:
            raise InputError(f"resegmentation_hu must be [low, high] with low < high, got {span}.")
        if self.bin_size_hu <= 0 or self.bin_number < 1:
            raise InputError(
                "bin_size_hu must be above 0 and bin_number 1 or more, got "
                f"{self.bin_size_hu:g} and {self.bin_number}."
            )
