"""The header of a NIfTI file: every field of free bytes is set to zero, extensions are left out.

Source: nifti1.h and nifti2.h (nifti.nimh.nih.gov).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from lungml.phi.voxels import HeaderError, Voxels, bytes_of


@dataclass(frozen=True)
class _Layout:
    """Where things are: `free` are ranges of bytes that hold text or nothing that is needed."""

    size: int
    magic: tuple[int, bytes]
    dim: tuple[int, str]
    bits: int
    offset: tuple[int, str]
    free: tuple[tuple[int, int], ...]


_LAYOUTS = {
    348: _Layout(
        348, (344, b"n+1\0"), (40, "8h"), 72, (108, "f"), ((4, 39), (140, 148), (148, 252), (328, 344))
    ),
    540: _Layout(
        540, (4, b"n+2\0\r\n\x1a\n"), (16, "8q"), 14, (168, "q"), ((240, 344), (508, 524), (525, 540))
    ),
}
_EXTENSION_FLAG = b"\0" * 4


def clean_header(stream: BinaryIO, _rename: Callable[[str], str]) -> tuple[bytes, Voxels]:
    """The header without its free bytes, and where the voxels are.

    Raises:
        HeaderError: this is no single-file NIfTI-1 or -2 image.
    """
    head = bytearray(stream.read(540))
    order = next((sign for sign in "<>" if struct.unpack_from(f"{sign}i", head)[0] in _LAYOUTS), "")
    if len(head) < 348 or not order:
        raise HeaderError("no NIfTI header")
    layout = _LAYOUTS[struct.unpack_from(f"{order}i", head)[0]]
    head = head[: layout.size]
    at, magic = layout.magic
    if head[at : at + len(magic)] != magic:
        raise HeaderError("no NIfTI image in one file")
    voxels = _voxels(head, layout, order)
    for begin, end in layout.free:
        head[begin:end] = b"\0" * (end - begin)
    _reset_unused_sizes(head, layout, order)
    at, kind = layout.offset
    struct.pack_into(order + kind, head, at, layout.size + len(_EXTENSION_FLAG))
    return bytes(head) + _EXTENSION_FLAG, voxels


def _voxels(head: bytearray, layout: _Layout, order: str) -> Voxels:
    count, *sizes = struct.unpack_from(order + layout.dim[1], head, layout.dim[0])
    if not 1 <= count <= 7:
        raise HeaderError("an impossible number of axes")
    bits = struct.unpack_from(f"{order}h", head, layout.bits)[0]
    at, kind = layout.offset
    skip = int(struct.unpack_from(order + kind, head, at)[0])
    if bits % 8 or bits < 8 or skip < layout.size:
        raise HeaderError("voxels of an impossible size or place")
    return Voxels(bytes_of(tuple(sizes[:count]), bits // 8), skip=skip)


def _reset_unused_sizes(head: bytearray, layout: _Layout, order: str) -> None:
    """Sizes of axes that the image does not have could hold anything."""
    at, kind = layout.dim
    count, *sizes = struct.unpack_from(order + kind, head, at)
    struct.pack_into(order + kind, head, at, count, *sizes[:count], *[1] * (7 - count))
