"""A CT from a NIfTI, NRRD or MetaImage file, checked for what ITK passes over in silence.

ITK fills the missing end of a cut off NIfTI file with zeros, turns NIfTI voxels that are not
finite into zeros, falls back on the qform where the sform is sheared, takes the spacing from
pixdim even if the sform says otherwise, and assumes an orientation where a file states none. Each
of these would give wrong HU or a wrong side of the body.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from LungPNetLib.errors import InputError
from LungPNetLib.volume import Volume, read_image

_CHUNK_BYTES = 1 << 24
_NIFTI_FLOATS = {"16": "f4", "64": "f8"}
_NIFTI_HEADER_BYTES = (348, 540)
_NIFTI_UNIT_MM = {1: 1000.0, 3: 0.001}
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])
_RELATIVE_TOLERANCE = 1e-3
_NO_ORIENTATION = "The file does not state which side is left (it has no orientation)."


def read_ct_image(path: Path) -> Volume:
    """Read a CT in HU.

    Returns
    -------
    Volume
        int16 where nothing is lost by it, float32 otherwise, on the grid of the file.

    Raises
    ------
    InputError
        The file is damaged, is not one volume of finite real numbers, or leaves open where its
        voxels lie in the patient.
    """
    volume = read_image(path)
    stated = _header(path)
    if "sform_code" in stated:
        _refuse_unclear_nifti(stated, volume)
        _refuse_lost_voxels(path, stated)
    is_nrrd = stated.get("ITK_InputFilterName") == "NrrdImageIO"
    # ITK gives every anatomical space this name; the other spaces have no sides.
    if is_nrrd and stated.get("NRRD_space") != "left-posterior-superior":
        raise InputError(_NO_ORIENTATION)
    if volume.array.dtype.kind not in "iuf" or not np.isfinite(volume.array).all():
        raise InputError("The file holds values that are not finite real numbers.")
    return volume.with_array(compact_hu(volume.array))


def _header(path: Path) -> dict[str, str]:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}


def _refuse_unclear_nifti(stated: dict[str, str], volume: Volume) -> None:
    if stated["sform_code"] == stated["qform_code"] == "0":
        raise InputError(_NO_ORIENTATION)
    if stated["sform_code"] == "0":
        return
    unit_mm = _NIFTI_UNIT_MM.get(int(stated["xyzt_units"]) & 7, 1.0)
    rows = [[float(value) for value in stated[f"srow_{axis}"].split()[:3]] for axis in "xyz"]
    steps = _RAS_TO_LPS @ np.array(rows) * unit_mm
    read = volume.affine[:3, :3]
    if np.abs(steps - read).max() > _RELATIVE_TOLERANCE * np.abs(read).max():
        raise InputError(
            "The axes stated in sform, qform and pixdim disagree or are not at right angles (as of "
            "a scan with a tilted gantry)."
        )


def _refuse_lost_voxels(path: Path, stated: dict[str, str]) -> None:
    """Read the stored voxels once more: are all of them there, and finite?"""
    n_voxels = math.prod(int(stated[f"dim[{axis}]"]) for axis in range(1, 4))
    missing_bytes = stored_bytes = n_voxels * int(stated["bitpix"]) // 8
    kind = _NIFTI_FLOATS.get(stated["datatype"])
    finite = True
    try:
        for order, chunk in _stored_chunks(path, int(float(stated["vox_offset"])), stored_bytes):
            missing_bytes -= len(chunk)
            if kind is not None and len(chunk) % int(kind[1]) == 0:
                finite &= bool(np.isfinite(np.frombuffer(chunk, order + kind)).all())
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(f"The file is damaged or cut off ({error}).") from error
    if missing_bytes:
        raise InputError(
            f"The file is cut off: {missing_bytes} of {stored_bytes} bytes of voxels are missing."
        )
    if not finite:
        raise InputError("The file holds values that are not finite real numbers.")


def _stored_chunks(path: Path, offset: int, n_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Byte order, and up to ``n_bytes`` behind the header of a NIfTI file in pieces."""
    compressed = path.name.lower().endswith(".gz")
    with gzip.open(path) if compressed else path.open("rb") as stream:
        first = int.from_bytes(stream.read(4), "little")
        stream.seek(offset)
        while chunk := stream.read(min(_CHUNK_BYTES, n_bytes)):
            n_bytes -= len(chunk)
            yield ("<" if first in _NIFTI_HEADER_BYTES else ">"), chunk


def compact_hu(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """HU as int16 where all values are whole and fit, else as float32."""
    if array.dtype == np.int16:
        return array
    fits = float(array.min()) >= -32768 and float(array.max()) <= 32767
    if fits and (array.dtype.kind in "iu" or bool((array == np.rint(array)).all())):
        return array.astype(np.int16)
    return array.astype(np.float32)
