"""JPEG and JPEG lossless frames, decoded by libjpeg-turbo.

Not by GDCM: on damaged streams it ends the whole process with an uncaught C++ exception. JPEG-LS
and JPEG 2000 have decoders of their own in pydicom; only the checks here apply to JPEG-LS as well.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from LungPNetLib.lazy import require

JPEG_SYNTAXES = {f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70)}
JPEG_LS_SYNTAXES = {f"1.2.840.10008.1.2.4.{n}" for n in (80, 81)}

_END = b"\xff\xd9"
_LONGEST_TRAILER = 64
"""Bytes that a sloppy encoder may leave behind the end marker of a stream."""

_FRAME_HEADERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}


def checked_streams(dataset: Dataset) -> Iterator[bytes]:
    """The JPEG or JPEG-LS stream of each frame.

    Raises
    ------
    ValueError
        A stream stops before its end marker (decoders fill the rest and say nothing), or its
        header is damaged or belongs to another image.
    """
    count = int(dataset.get("NumberOfFrames", 1))
    for stream in generate_frames(dataset.PixelData, number_of_frames=count):
        if _END not in stream[-_LONGEST_TRAILER:].rstrip(b"\0"):
            raise ValueError("its JPEG stream has no end")
        _refuse_foreign_header(stream, dataset)
        yield stream


def decode_jpeg(dataset: Dataset) -> npt.NDArray[np.generic]:
    """Stored values of all frames, shape (frames, rows, columns), for ``JPEG_SYNTAXES``.

    Raises
    ------
    ValueError, RuntimeError
        A stream is damaged.
    DependencyError
        imagecodecs is not installed.
    """
    codecs = require("imagecodecs", feature="A CT compressed as JPEG")
    frames = np.stack([codecs.jpeg8_decode(stream) for stream in checked_streams(dataset)])
    if int(dataset.PixelRepresentation) == 1:
        frames = frames.view(np.int16 if frames.itemsize == 2 else np.int8)
    return frames


def _refuse_foreign_header(stream: bytes, dataset: Dataset) -> None:
    at = 2
    while at + 10 <= len(stream) and stream[at] == 0xFF:
        marker, length = stream[at + 1], int.from_bytes(stream[at + 2 : at + 4], "big")
        if marker in _FRAME_HEADERS:
            bits, rows, columns, components = struct.unpack(">BHHB", stream[at + 4 : at + 10])
            same_size = (rows, columns, components) == (dataset.Rows, dataset.Columns, 1)
            if same_size and int(dataset.BitsStored) <= bits <= int(dataset.BitsAllocated):
                return
            break
        at += 2 + length
    raise ValueError("its JPEG header does not fit the image that it should hold")
