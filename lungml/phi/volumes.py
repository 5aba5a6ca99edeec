"""NRRD, NIfTI and MetaImage files without the patient: geometry of the header passes, and the voxels.

Raw voxels are the same bytes; packed ones are packed again, as the packing has a header of its own. Bytes
behind the last voxel and NIfTI extensions do not pass.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lungml.files import atomic_file
from lungml.phi import metaimage, nifti, nrrd
from lungml.phi.keys import Pseudonyms
from lungml.phi.voxels import SIZE_DIGITS, HeaderError, Voxels
from lungml.quarantine import RefusedError, finding

_CHUNK = 1 << 20
_MOST_GROWTH = 1000


@dataclass(frozen=True)
class Format:
    """How the header of a format is cleaned; the second result says where and what the voxels are."""

    clean: Callable[[BinaryIO, Callable[[str], str]], tuple[bytes, Voxels]]


FORMATS = {
    ".nrrd": Format(nrrd.clean_header),
    ".nhdr": Format(nrrd.clean_header),
    ".nii": Format(nifti.clean_header),
    ".nii.gz": Format(nifti.clean_header),
    ".mha": Format(metaimage.clean_header),
    ".mhd": Format(metaimage.clean_header),
}
PARTS = (".raw", ".zraw")
"""Files of voxels that a header file names; they are written with it."""


def deidentify_volume(raw: Path, path: str, target: Path, names: Pseudonyms) -> None:
    """Write the volume file `raw / path` to `target`, and beside it the file of voxels it may name.

    Raises:
        RefusedError: it cannot be read, or uses what is not supported (LM-P003).
    """
    source = raw / path
    is_packed = path.lower().endswith(".gz")
    suffix = next(end for end in sorted(FORMATS, key=len, reverse=True) if path.lower().endswith(end))
    try:
        with gzip.open(source) if is_packed else source.open("rb") as stream:
            header, voxels = FORMATS[suffix].clean(stream, names.path)  # type: ignore[arg-type]
            _refuse_growth(source.with_name(voxels.file) if voxels.file else source, voxels)
            with atomic_file(target) as temporary, _output(temporary, packed=is_packed) as out:
                out.write(header)
                if voxels.file:
                    size = _copy_part(source, target, voxels, names)
                else:
                    size = _copy_voxels(stream, out, voxels)  # type: ignore[arg-type]
                if voxels.size_at >= 0:
                    out.seek(voxels.size_at)
                    out.write(f"{size:0{SIZE_DIGITS}}".encode())
    except (HeaderError, EOFError, OSError, zlib.error, ValueError) as error:
        with suppress(OSError):
            target.unlink()
        raise RefusedError(finding("LM-P003", path, str(error)[:80] or "an unreadable file")) from error


def _refuse_growth(file: Path, voxels: Voxels) -> None:
    """A volume is never packed this small; the header says how much it would become."""
    if file.is_file() and voxels.length > _MOST_GROWTH * file.stat().st_size:
        raise HeaderError("more voxels than the file can hold")


def _copy_part(source: Path, target: Path, voxels: Voxels, names: Pseudonyms) -> int:
    part = source.parent / voxels.file
    if part.is_symlink() or not part.is_file() or part.parent != source.parent:
        raise HeaderError("voxels that lie elsewhere")
    written = atomic_file(target.with_name(names.path(voxels.file)))
    with part.open("rb") as stream, written as temporary, temporary.open("wb") as out:
        return _copy_voxels(stream, out, voxels)


@contextmanager
def _output(path: Path, *, packed: bool) -> Iterator[BinaryIO]:
    with path.open("wb") as plain:
        if packed:
            with gzip.GzipFile("", "wb", 6, plain, mtime=0) as stream:
                yield stream  # type: ignore[misc]
        else:
            yield plain


def _copy_voxels(stream: BinaryIO, out: BinaryIO, voxels: Voxels) -> int:
    """Copy exactly the bytes of the voxels, packed as before; gives how many bytes that are now."""
    chunks = _chunks(stream, voxels)
    if voxels.packing == "raw":
        _write_exactly(chunks, out, voxels.length)
        return voxels.length
    wbits = 31 if voxels.packing == "gzip" else 15
    packed = _Packed(out, wbits)
    _write_exactly(_unpacked(chunks, wbits), packed, voxels.length)
    return packed.finish()


def _chunks(stream: BinaryIO, voxels: Voxels) -> Iterator[bytes]:
    """The bytes from the first voxel on; an error of reading must not look like one of writing."""
    try:
        if voxels.skip < 0:
            stream.seek(-voxels.length, 2)
        else:
            stream.seek(voxels.skip, 1 if voxels.relative else 0)
        while chunk := stream.read(_CHUNK):
            yield chunk
    except (OSError, EOFError) as error:
        raise HeaderError("an unreadable file") from error


class _Packed:
    """Writes packed."""

    def __init__(self, out: BinaryIO, wbits: int) -> None:
        self._out, self._packer = out, zlib.compressobj(6, zlib.DEFLATED, wbits)
        self._size = 0

    def write(self, data: bytes) -> int:
        self._size += self._out.write(self._packer.compress(data))
        return len(data)

    def finish(self) -> int:
        """Write what is left, and give the size of all."""
        self._size += self._out.write(self._packer.flush())
        return self._size


def _unpacked(chunks: Iterator[bytes], wbits: int) -> Iterator[bytes]:
    """Unpack to the end, where the checksum is."""
    unpacker = zlib.decompressobj(wbits)
    while not unpacker.eof and (data := unpacker.unconsumed_tail or next(chunks, b"")):
        yield unpacker.decompress(data, _CHUNK)
    if not unpacker.eof:
        raise HeaderError("packed voxels that end early")


def _write_exactly(chunks: Iterator[bytes], out: BinaryIO | _Packed, length: int) -> None:
    """Write `length` bytes; plain voxels may have something behind them, which is not read."""
    left = length
    for chunk in chunks:
        if len(chunk) > left and isinstance(out, _Packed):
            raise HeaderError("more voxels than the header says")
        out.write(chunk[:left])
        left -= min(left, len(chunk))
        if not left and not isinstance(out, _Packed):
            return
    if left:
        raise HeaderError("fewer voxels than the header says")
