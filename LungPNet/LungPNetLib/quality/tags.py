"""What the DICOM tags say: kernel, compression, body region."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from LungPNetLib.quality.blocks import Blocks
from LungPNetLib.quality.checks import Check
from LungPNetLib.result import QualityCheck
from LungPNetLib.study import Acquisition, Study

KernelClass: TypeAlias = Literal["soft", "standard", "sharp", "unknown"]

KERNEL_WORDS: tuple[tuple[KernelClass, tuple[str, ...]], ...] = (
    ("sharp", ("bone", "lung", "edge", "chst", "detail", "sharp", "ultra", "hires", "high")),
    ("soft", ("soft", "smooth")),
    ("standard", ("standard", "stnd", "std", "body", "medium", "normal")),
)
"""Names by words (GE, Canon AiCE, United Imaging), the first match counts: GE's CHST and DETAIL
enhance edges, less than LUNG, BONE, BONEPLUS and EDGE."""

SIEMENS_STANDARD, SIEMENS_SHARP = 30, 45
"""Siemens numbers rise with sharpness (B30 standard, B45 medium sharp, B60 and above for bone and
lung); lung density studies use B30 to B35 and Br/Qr 36 to 40."""

PHILIPS_CLASSES: dict[str, KernelClass] = {"A": "soft", "B": "standard", "UB": "standard"}
PHILIPS_SHARP = re.compile(r"(C|D|E|F|L|EB|EC|Y[A-E])", re.ASCII)
"""Philips letters rise from A (smooth); C and beyond enhance edges, L and Y are for lung and
bone."""

CANON_SOFT = {1, 2, 10, 11, 12}
CANON_SHARP = {*range(30, 40), *range(50, 60), *range(70, 90)}
"""Canon (Toshiba) FC numbers: 1-19 body, 20-29, 40-49 and 60-69 head, 30-39 bone, 50-59 and 80-89
lung and other high resolution."""

SHARP_GRAIN = 0.3
"""Neighbouring pixels of soft-tissue noise correlate at about 0.5 with standard kernels and 0 to
0.1 with sharp ones (pixels of 0.6 to 1 mm)."""

MIN_NOISE_HU = 3.0
"""Below, rounding to whole HU decides how neighbours correlate."""

CHEST_WORDS = ("chest", "thorax", "lung", "torso", "trunk", "whole", "heart", "mediast", "pulmon")
"""Parts of BodyPartExamined that agree with a chest CT."""

_KERNEL = Check("kernel", "Reconstruction kernel")
_COMPRESSION = Check("compression", "Image compression")
_REGION = Check("body_region", "Body region")


def classify_kernel(name: str, manufacturer: str = "") -> KernelClass:
    """How sharp a reconstruction kernel is, from its vendor's name for it.

    Parameters
    ----------
    name : str
        ConvolutionKernel; several values joined with ``/``, of which the first known one counts.
    manufacturer : str
        Decides what single letters mean, which only Philips uses; may be empty.

    Examples
    --------
    >>> [classify_kernel(name) for name in ("STANDARD", "BONE", "B19f", "Br40d/3", "FC51", "YC")]
    ['standard', 'sharp', 'soft', 'standard', 'sharp', 'sharp']
    """
    parts = [part.strip() for part in re.split(r"[/\\,\[\]']+", name)]
    classes = (_classify_part(part, manufacturer) for part in parts)
    return next((found for found in classes if found != "unknown"), "unknown")


def reconstruction_kernel(acquisition: Acquisition, blocks: Blocks | None) -> QualityCheck:
    """The kernel by its tag or, where the tag is silent, by the grain of the noise."""
    name = acquisition.kernel.strip()
    kind = classify_kernel(name, acquisition.manufacturer)
    if kind == "sharp":
        return _KERNEL.warned(
            f"{name} (sharp)",
            f"The sharp kernel {name} enhances edges and noise: LAA-950 reads high, the 15th "
            "percentile low, and borders of nodules are exaggerated.",
        )
    if kind != "unknown":
        return _KERNEL.passed(
            f"{name} ({kind})", f"The {kind} kernel {name} is suited to lung density."
        )
    stated = f"The kernel {name} is not known here" if name else "The kernel is not stated"
    noise_hu = None if blocks is None else blocks.noise_hu()
    grain = None if blocks is None or (noise_hu or 0.0) < MIN_NOISE_HU else blocks.grain()
    if grain is None:
        return _KERNEL.passed(
            name or "unknown", f"{stated}, and the noise does not tell how sharp it is."
        )
    if grain < SHARP_GRAIN:
        return _KERNEL.warned(
            f"{name or 'unknown'} (grain of a sharp one)",
            f"{stated}, but the noise is as fine-grained as with a sharp kernel: LAA-950 may read "
            "high and the 15th percentile low.",
        )
    return _KERNEL.passed(
        f"{name or 'unknown'} (grain of a soft or standard one)",
        f"{stated}; the noise is as coarse as with a soft or standard kernel, which suits lung "
        "density.",
    )


def compression(study: Study) -> QualityCheck:
    """Whether pixels were ever compressed with loss, as far as the source says."""
    if study.input_format != "dicom":
        return _COMPRESSION.not_assessed("files other than DICOM do not record compression")
    if study.acquisition.lossy:
        return _COMPRESSION.warned(
            "lossy",
            "The images were compressed with loss: noise, faint ground glass and density at the "
            "limits differ from what the scanner measured.",
        )
    return _COMPRESSION.passed("lossless", "The pixels are those that the scanner wrote.")


def body_region(acquisition: Acquisition) -> QualityCheck:
    """Whether the stated body part agrees with a chest CT."""
    stated = acquisition.body_part.strip()
    if not stated:
        return _REGION.passed("not stated", "No body part is stated; the images alone decide.")
    if any(word in stated.lower() for word in CHEST_WORDS):
        return _REGION.passed(stated, f"The stated body part {stated} agrees with a chest CT.")
    return _REGION.warned(
        stated,
        f"The stated body part is {stated}, not the chest; make sure that this is the right "
        "series.",
    )


def _classify_part(part: str, manufacturer: str) -> KernelClass:
    for kind, words in KERNEL_WORDS:
        if any(word in part.lower() for word in words):
            return kind
    canon = re.match(r"FC ?(\d{2})(?!\d)", part, re.IGNORECASE)
    if canon:
        return _classify_canon(int(canon[1]))
    siemens = re.fullmatch(r"[A-Z]{1,2}(\d{2})[a-z]*", part, re.IGNORECASE)
    if siemens:
        number = int(siemens[1])
        if number >= SIEMENS_SHARP:
            return "sharp"
        return "standard" if number >= SIEMENS_STANDARD else "soft"
    if manufacturer and "philips" not in manufacturer.lower():
        return "unknown"
    if PHILIPS_SHARP.fullmatch(part):
        return "sharp"
    return PHILIPS_CLASSES.get(part, "unknown")


def _classify_canon(number: int) -> KernelClass:
    if number in CANON_SHARP:
        return "sharp"
    return "soft" if number in CANON_SOFT else "standard"
