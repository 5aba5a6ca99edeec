"""NIfTI-1 headers, checked before anything is believed, and their values.

Source: the format's definition, nifti1.h of the NIfTI Data Format Working Group, 2007. Geometry is left to
SimpleITK, which takes the sform where there is one, and falls silent where sform and qform contradict each
other, where neither is set, and where the file ends early. Those are refused here.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungml.quarantine import RefusedError, finding


@dataclass(frozen=True)
class NiftiHeader:
    """What is needed of a header; `dtype` is None where the values are no single grey number.

    `qform` and `sform` are (3, 4): RAS millimetres of a voxel index (i, j, k, 1); None where not set.
    """

    sizes: tuple[int, ...]
    dtype: np.dtype[Any] | None
    offset: int
    slope: float
    intercept: float
    qform: NDArray[np.float64] | None
    sform: NDArray[np.float64] | None


def check(raw: Path, path: str) -> None:
    """Refuse a file that is no NIfTI-1 file of CT numbers.

    Raises:
        RefusedError: LM-D060, LM-D061 or LM-D063.
    """
    header = _read_header(raw, path)
    if header.dtype is None:
        raise RefusedError(finding("LM-D061", path, "colour, complex or 8-bit values", "CT numbers"))
    if not (np.isfinite(header.slope) and np.isfinite(header.intercept)):
        raise RefusedError(finding("LM-D063", path, "scl_slope or scl_inter that is no number", "numbers"))


def check_place(raw: Path, path: str) -> None:
    """Refuse a volume of which nothing says where it lies, or two things say so differently.

    Raises:
        RefusedError: LM-D064 or LM-D065.
    """
    header = _read_header(raw, path)
    if header.qform is None and header.sform is None:
        raise RefusedError(finding("LM-D064", path, "neither qform nor sform", "one of them"))
    if header.qform is not None and header.sform is not None:
        _refuse_disagreement(header, path)


def read_values(raw: Path, path: str) -> NDArray[Any]:
    """(voxels,): stored values times slope plus intercept; whole numbers stay whole.

    Raises:
        RefusedError: the file ends early (LM-D060).
    """
    header = _read_header(raw, path)
    dtype = header.dtype if header.dtype is not None else np.dtype(np.int16)
    wanted = int(np.prod(header.sizes)) * dtype.itemsize
    data = _read(raw, path, header.offset, wanted)
    if len(data) < wanted:
        raise RefusedError(finding("LM-D060", path, f"{len(data)} bytes of values", str(wanted)))
    stored = np.frombuffer(data, dtype=dtype)
    if header.slope in {0.0, 1.0} and header.intercept == 0.0:
        return stored
    slope = header.slope or 1.0
    values: NDArray[np.float64] = stored * slope + header.intercept
    return values


def _read_header(raw: Path, path: str) -> NiftiHeader:
    data = _read(raw, path, 0, _HEADER_BYTES)
    order = "<" if data[:4] == struct.pack("<i", _HEADER_BYTES) else ">"
    if len(data) < _HEADER_BYTES or struct.unpack(f"{order}i", data[:4])[0] != _HEADER_BYTES:
        raise RefusedError(finding("LM-D060", path, "no NIfTI-1 header", "348 bytes of header"))
    dims = struct.unpack_from(f"{order}8h", data, 40)
    sizes = dims[1 : 1 + dims[0]]
    if not (1 <= dims[0] <= 7 and all(size > 0 for size in sizes) and bytes(data[344:347]) == b"n+1"):
        raise RefusedError(finding("LM-D060", path, "an impossible NIfTI-1 header", "sizes and the mark n+1"))
    pixdim = struct.unpack_from(f"{order}8f", data, 76)
    offset, slope, intercept = struct.unpack_from(f"{order}3f", data, 108)
    qform_code, sform_code = struct.unpack_from(f"{order}2h", data, 252)
    kind = _DTYPES.get(struct.unpack_from(f"{order}h", data, 70)[0])
    floats = struct.unpack_from(f"{order}18f", data, 256)
    return NiftiHeader(
        sizes=sizes,
        dtype=np.dtype(order + kind) if kind else None,
        offset=_offset(offset, path),
        slope=slope,
        intercept=intercept,
        qform=_from_quaternion(floats[:6], pixdim) if qform_code > 0 else None,
        sform=np.reshape(floats[6:], (3, 4)).astype(np.float64) if sform_code > 0 else None,
    )


_HEADER_BYTES = 348
_DTYPES = {4: "i2", 8: "i4", 16: "f4", 64: "f8", 512: "u2", 768: "u4"}
"""NIfTI datatype -> NumPy's."""


def _offset(declared: float, path: str) -> int:
    """Where the values begin: behind the header and the 4 bytes that say if it is extended, at least."""
    if not declared <= _LAST_OFFSET:
        raise RefusedError(
            finding("LM-D060", path, f"values at byte {declared:g}", f"at most {_LAST_OFFSET}")
        )
    return max(int(declared), _FIRST_OFFSET) if declared > 0 else _FIRST_OFFSET


_FIRST_OFFSET = 352
_LAST_OFFSET = 1 << 30


def _from_quaternion(numbers: tuple[float, ...], pixdim: tuple[float, ...]) -> NDArray[np.float64]:
    """Method 2 of nifti1.h; of numbers that are none, it is NaN."""
    b, c, d, *offset = numbers
    a = math.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    handed = -1.0 if pixdim[0] < 0 else 1.0
    steps = np.array([pixdim[1], pixdim[2], pixdim[3] * handed])
    with np.errstate(invalid="ignore", over="ignore"):
        return np.column_stack([rotation * steps, np.array(offset)])


def _refuse_disagreement(header: NiftiHeader, path: str) -> None:
    """Compare where the two put the corners of the volume."""
    ends = np.array(np.meshgrid(*[(0, size - 1) for size in (*header.sizes, 1, 1)[:3]], (1,))).reshape(4, -1)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs((header.qform - header.sform) @ ends)  # type: ignore[operator]
    if not float(apart.max()) <= _AGREE_MM:
        found = f"corners up to {float(apart.max()):.3g} mm apart"
        raise RefusedError(finding("LM-D065", path, found, f"at most {_AGREE_MM:g} mm"))


_AGREE_MM = 0.5


def _read(raw: Path, path: str, offset: int, count: int) -> memoryview:
    """Up to `count` bytes from `offset` on, decompressed if the name ends in .gz; never much more."""
    if path.lower().endswith(".gz"):
        try:
            return memoryview(_inflated(raw / path, offset + count))[offset : offset + count]
        except zlib.error as error:
            raise RefusedError(
                finding("LM-D060", path, "damaged compressed bytes", "a whole file")
            ) from error
    with (raw / path).open("rb") as stream:
        stream.seek(offset)
        return memoryview(stream.read(count))


def _inflated(path: Path, count: int) -> bytes:
    """The first `count` bytes, and a little more, so that a checksum right behind them is looked at."""
    inflater, pending, parts, missing = zlib.decompressobj(_GZIP), b"", [], count + _BEYOND
    with path.open("rb") as stream:
        while missing > 0:
            data = pending or stream.read(_CHUNK)
            if not data:
                break
            parts.append(inflater.decompress(data, missing))
            missing -= len(parts[-1])
            pending = inflater.unconsumed_tail
            if inflater.eof:
                pending, inflater = inflater.unused_data, zlib.decompressobj(_GZIP)
    return b"".join(parts)


_GZIP = 31
"""zlib's word for a gzip header with the largest window."""
_BEYOND = 1 << 12
_CHUNK = 1 << 20
