"""How much tracer a region takes up: SUVmax, SUVmean, SUVpeak, MTV and TLG."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LungPNetLib.errors import InputError
from LungPNetLib.survival.pet_peak import SuvPeak, suv_peak
from LungPNetLib.volume import Volume


@dataclass(frozen=True)
class SuvThreshold:
    """From which SUV on a voxel counts as metabolically active.

    Parameters
    ----------
    value : float
        SUV in g/mL, or percent of the region's SUVmax.
    of_max : bool
        Whether ``value`` is percent of SUVmax. 41 % is the value of the EANM guideline (Boellaard
        et al., Eur J Nucl Med Mol Imaging 2015;42:328-354), 2.5 and 4.0 are the customary fixed
        ones (for 4.0: Barrington and Meignan, J Nucl Med 2019;60:1096-1102).
    """

    value: float
    of_max: bool

    @classmethod
    def parse(cls, text: str) -> SuvThreshold:
        """Read ``41%``, ``2.5`` or ``4.0``; other percentages and SUVs too.

        Raises
        ------
        InputError
            The text is no percentage below 100 and no positive number.

        Examples
        --------
        >>> SuvThreshold.parse("41%").suv(10.0)
        4.1
        >>> SuvThreshold.parse("2.5").suv(10.0)
        2.5
        """
        of_max = text.strip().endswith("%")
        try:
            value = float(text.strip().removesuffix("%"))
        except ValueError:
            value = 0.0
        if not 0.0 < value < (100.0 if of_max else float("inf")):
            raise InputError(
                f"The threshold '{text}' is neither a share of SUVmax (such as 41%) nor an SUV "
                "(such as 2.5 or 4.0)."
            )
        return cls(value, of_max)

    def suv(self, suv_max: float) -> float:
        """The threshold in g/mL."""
        return self.value * suv_max / 100.0 if self.of_max else self.value

    def __str__(self) -> str:
        return f"{self.value:g} % of SUVmax" if self.of_max else f"SUV {self.value:g}"


@dataclass(frozen=True)
class PetMetrics:
    """Uptake of one region; SUVs in g/mL.

    Parameters
    ----------
    suv_max, suv_mean : float
        Largest voxel, and mean over all voxels, of the region.
    peak : SuvPeak, optional
        See :func:`~LungPNetLib.survival.pet_peak.suv_peak`; None where no sphere fits the image.
    region_ml : float
        Volume of the region.
    threshold : str
        How the threshold was chosen.
    threshold_suv : float
        The threshold in g/mL.
    mtv_ml : float
        Metabolic tumour volume: the region's voxels at or above the threshold, connected or not.
    mtv_suv_mean : float, optional
        Mean SUV of those voxels; None where there is none.
    tlg_g : float
        Total lesion glycolysis: ``mtv_ml`` times ``mtv_suv_mean`` (mL * g/mL = g); 0 without any.
    """

    suv_max: float
    suv_mean: float
    peak: SuvPeak | None
    region_ml: float
    threshold: str
    threshold_suv: float
    mtv_ml: float
    mtv_suv_mean: float | None
    tlg_g: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know about these figures."""
        if self.peak is None or self.peak.suv <= self.suv_max:
            return ()
        return (
            "SUVpeak is above SUVmax: the 1 mL sphere reaches hotter tissue beyond the region. Is "
            "the region complete?",
        )


def measure_uptake(suv: Volume, region: Volume, threshold: SuvThreshold) -> PetMetrics:
    """Measure one region on the voxels of the PET, without interpolation.

    Parameters
    ----------
    suv : Volume
        SUVbw, g/mL.
    region : Volume
        Label map on the grid of ``suv``; non-zero voxels are the region.
    threshold : SuvThreshold
        For MTV and TLG.

    Raises
    ------
    InputError
        The grids differ, the region is empty, or a voxel of the PET has no finite value.
    """
    if not region.same_grid_as(suv):
        raise InputError("The region does not lie on the grid of the PET; resample it first.")
    values = suv.array[region.array != 0].astype(np.float64)
    if values.size == 0:
        raise InputError("The region holds no voxel of the PET; is it smaller than a voxel?")
    if not np.isfinite(suv.array).all():
        raise InputError("The PET holds voxels without a finite SUV. Export the series again.")
    suv_max = float(values.max())
    limit = threshold.suv(suv_max)
    active = values[values >= limit]
    mtv_ml = active.size * suv.voxel_volume_ml
    return PetMetrics(
        suv_max=suv_max,
        suv_mean=float(values.mean()),
        peak=suv_peak(suv, region),
        region_ml=values.size * suv.voxel_volume_ml,
        threshold=str(threshold),
        threshold_suv=limit,
        mtv_ml=mtv_ml,
        mtv_suv_mean=float(active.mean()) if active.size else None,
        tlg_g=float(active.sum()) * suv.voxel_volume_ml,
    )
