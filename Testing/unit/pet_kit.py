"""PET series as each vendor writes them, with numbers that a reader can check by hand.

All describe one measurement: 80 kg, 400 MBq of F-18 (half-life 6586.2 s) injected at 08:10:13.8,
scan started at 10:00:00, that is 6586.2 s or one half-life later. So 200 MBq are left, and

    SUVbw of 1 Bq/mL = 80 000 g / 200 000 000 Bq = 0.0004 g/mL per Bq/mL

(0.0002 where the image is corrected to the time of administration, when it was 400 MBq).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import PositronEmissionTomographyImageStorage

from dicom_factory import item, stack_positions, uid, write_series

SUV_PER_BQ_ML = 4e-4
SUV_PER_BQ_ML_AT_ADMINISTRATION = 2e-4

SHAPE = (5, 6, 7)
SPACING_MM = (4.0, 4.0, 3.0)
STORED: npt.NDArray[np.int64] = 100 * np.arange(np.prod(SHAPE)).reshape(SHAPE) + 30000
"""Above 32767 in part: PET stores unsigned 16 bits."""

SLOPE = 0.5

Change = Callable[[Dataset, int], None]


def dose(**changes: Any) -> Dataset:
    """The item of the Radiopharmaceutical Information Sequence; None removes an attribute."""
    elements: dict[str, Any] = {
        "RadiopharmaceuticalStartTime": "081013.800",
        "RadionuclideTotalDose": "400000000",
        "RadionuclideHalfLife": "6586.2",
        "RadionuclideCodeSequence": [item(CodeValue="C-111A1", CodingSchemeDesignator="SRT")],
    }
    elements |= changes
    return item(**{key: value for key, value in elements.items() if value is not None})


def pet_header(**changes: Any) -> Dataset:
    """The header of a Siemens slice, Bq/mL corrected to the start of the scan.

    ``changes`` replace attributes; None removes one.
    """
    header = Dataset()
    elements: dict[str, Any] = {
        "SOPClassUID": PositronEmissionTomographyImageStorage,
        "Modality": "PT",
        "Manufacturer": "SIEMENS",
        "SeriesDate": "20220311",
        "SeriesTime": "100000.000",
        "AcquisitionDate": "20220311",
        "AcquisitionTime": "100000.000",
        "PatientWeight": "80",
        "Units": "BQML",
        "DecayCorrection": "START",
        "CorrectedImage": ["NORM", "ATTN", "SCAT", "DECY"],
        "RescaleSlope": str(SLOPE),
        "RescaleIntercept": "0",
        "RadiopharmaceuticalInformationSequence": [dose()],
    }
    for keyword, value in (elements | changes).items():
        if value is not None:
            setattr(header, keyword, value)
    return header


def with_private(header: Dataset, group: int, creator: str, **elements: tuple[str, Any]) -> Dataset:
    """Add private elements, named ``x0D`` by their last two digits: (VR, value)."""
    block = header.private_block(group, creator, create=True)
    for name, (vr, value) in elements.items():
        block.add_new(int(name[1:], 16), vr, value)
    return header


def philips(suv_factor: float | None, activity_factor: float | None, **changes: Any) -> Dataset:
    """The header of a Philips slice: counts, with the two private factors."""
    header = pet_header(Manufacturer="Philips Medical Systems", Units="CNTS", **changes)
    factors = {"x00": suv_factor, "x09": activity_factor}
    elements = {key: ("DS", str(value)) for key, value in factors.items() if value is not None}
    return with_private(header, 0x7053, "Philips PET Private Group", **elements)


def ge(scan_datetime: str | None, **changes: Any) -> Dataset:
    """The header of a GE slice, with the private start of the scan."""
    header = pet_header(Manufacturer="GE MEDICAL SYSTEMS", **changes)
    if scan_datetime is None:
        return header
    return with_private(header, 0x0009, "GEMS_PETD_01", x0D=("DT", scan_datetime))


def write_pet(
    folder: Path,
    header: Dataset | Callable[[int], Dataset],
    *,
    stored: npt.NDArray[Any] = STORED,
    slopes: float | Sequence[float] = SLOPE,
    spacing_mm: tuple[float, float, float] = SPACING_MM,
    series: str = "pet",
    change: Change | None = None,
) -> Path:
    """Write ``stored`` integers, shape (slices, rows, columns), as a PET series; gives ``folder``.

    ``header`` is that of all slices, or makes the header of slice k.
    """

    def to_pet(dataset: Dataset, k: int) -> None:
        made = header(k) if callable(header) else header
        slope, intercept = dataset.RescaleSlope, dataset.RescaleIntercept
        dataset.update(made)
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
        dataset.SOPInstanceUID = uid(f"{series} {k}")
        for keyword in ("KVP", "XRayTubeCurrent"):
            delattr(dataset, keyword)
        if change is not None:
            change(dataset, k)

    factors = np.broadcast_to(slopes, len(stored))
    write_series(
        folder,
        stored * factors[:, None, None],
        positions=stack_positions(len(stored), step_mm=(0, 0, spacing_mm[2])),
        pixel_mm=spacing_mm[:2],
        slope=factors,
        intercept=0,
        signed=False,
        series=series,
        change=to_pet,
    )
    return folder
