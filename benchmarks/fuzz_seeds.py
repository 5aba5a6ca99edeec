"""Small CT series of every kind that lungml reads, for the fuzz to break one file of."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from benchmarks.example_series import CODINGS
from tests.ct_files import ORIENTATIONS, body_hu, edit, write_ct, write_frames
from tests.lidc_files import lidc_xml, nodule, roi

SHAPE = (4, 32, 32)


@dataclass(frozen=True)
class Element:
    """Where one top-level element is in a file: its tag, its length field (of 2 or 4 bytes), its value."""

    start: int
    length_at: int
    length_bytes: int
    end: int


@dataclass(frozen=True)
class Seed:
    """A series, by file name, and what is known of each file.

    `header_ends` is where the bytes of pixels (or deflated ones) begin; `elements` lie before.
    """

    name: str
    files: dict[str, bytes]
    header_ends: dict[str, int]
    elements: dict[str, tuple[Element, ...]]


def make_seeds(folder: Path) -> list[Seed]:
    """Write every seed into `folder` and take it from there."""
    seeds = []
    for name, write in _WRITERS.items():
        write(folder / name)
        files = {path.name: path.read_bytes() for path in sorted((folder / name).iterdir())}
        elements = {each: _elements(folder / name / each) for each in files}
        ends = {each: _header_end(data, elements[each]) for each, data in files.items()}
        seeds.append(Seed(name, files, ends, elements))
    return seeds


def _plain(folder: Path) -> None:
    write_ct(folder, body_hu(SHAPE))


def _padded(folder: Path) -> None:
    hu = body_hu(SHAPE)
    hu[:, :2] = -2000
    for path in write_ct(folder, hu):
        dataset = pydicom.dcmread(path)
        dataset.add_new("PixelPaddingValue", "SS", -2000 + 1024)
        dataset.save_as(path)


def _twelve_bits(folder: Path) -> None:
    paths = write_ct(folder, np.maximum(body_hu(SHAPE), -1024), signed=False)
    for path in paths:
        edit(path, BitsStored=12, HighBit=11)


def _coronal(folder: Path) -> None:
    write_ct(folder, body_hu((32, 4, 32)), ORIENTATIONS[19])


def _with_sequences(folder: Path) -> None:
    for path in write_ct(folder, body_hu(SHAPE), SpecificCharacterSet="ISO_IR 100"):
        item = pydicom.Dataset()
        item.CodeValue, item.CodeMeaning = "113100", "Basic profile"
        item.is_undefined_length_sequence_item = True
        items = pydicom.Sequence([item])
        items.is_undefined_length = True
        dataset = pydicom.dcmread(path)
        dataset.DeidentificationMethodCodeSequence = items
        dataset.private_block(0x0009, "MAKER", create=True).add_new(1, "OB", bytes(range(64)))
        dataset.save_as(path)


def _without_preamble(folder: Path) -> None:
    for path in write_ct(folder, body_hu(SHAPE)):
        data = path.read_bytes()
        path.write_bytes(data[144 + struct.unpack_from("<I", data, 140)[0] :])


def _enhanced(folder: Path) -> None:
    write_ct(folder / "single", body_hu(SHAPE))
    write_frames(folder / "enhanced.dcm", folder / "single")
    for path in (folder / "single").iterdir():
        path.unlink()
    (folder / "single").rmdir()


def _enhanced_compressed(folder: Path) -> None:
    _enhanced(folder)
    _compress(folder / "enhanced.dcm", JPEGLSLossless)


def _with_readings(folder: Path) -> None:
    write_ct(folder, body_hu(SHAPE))
    outline = nodule(roi(-97.5), roi(-95.0), malignancy=4)
    (folder / "readings.xml").write_text(lidc_xml([[outline], [outline], [], [outline]]))


def _compress(path: Path, syntax: str) -> None:
    dataset = pydicom.dcmread(path)
    dataset.compress(syntax, generate_instance_uid=False)
    dataset.save_as(path)


def _compressed(syntax: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for path in write_ct(folder, body_hu(SHAPE)):
            _compress(path, syntax)

    return write


def _in_syntax(syntax: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for path in write_ct(folder, body_hu(SHAPE)):
            dataset = pydicom.dcmread(path)
            dataset.file_meta.TransferSyntaxUID = UID(syntax)
            if syntax == ExplicitVRBigEndian:
                dataset.PixelData = np.frombuffer(dataset.PixelData, "<i2").astype(">i2").tobytes()
            implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
            pydicom.dcmwrite(
                path, dataset, implicit_vr=implicit, little_endian=little, enforce_file_format=True
            )

    return write


def _jpeg_lossless(folder: Path) -> None:
    for path in write_ct(folder, body_hu(SHAPE)):
        CODINGS["JPEG lossless"](path, path)


_WRITERS: dict[str, Callable[[Path], None]] = {
    "explicit": _plain,
    "padded": _padded,
    "twelve bits": _twelve_bits,
    "coronal": _coronal,
    "sequences": _with_sequences,
    "no preamble": _without_preamble,
    "implicit": _in_syntax(ImplicitVRLittleEndian),
    "big endian": _in_syntax(ExplicitVRBigEndian),
    "deflated": _in_syntax(DeflatedExplicitVRLittleEndian),
    "RLE": _compressed(RLELossless),
    "JPEG-LS": _compressed(JPEGLSLossless),
    "JPEG 2000": _compressed(JPEG2000Lossless),
    "JPEG lossless": _jpeg_lossless,
    "Enhanced": _enhanced,
    "Enhanced JPEG-LS": _enhanced_compressed,
    "readings": _with_readings,
}


def _elements(path: Path) -> tuple[Element, ...]:
    """Elements before the pixels; those of a deflated file cannot be reached."""
    if path.suffix == ".xml":
        return ()
    dataset = pydicom.dcmread(path, force=True)
    deflated = dataset.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian
    implicit = dataset.original_encoding[0]
    found = [_element(item, False) for item in dataset.file_meta.elements()]
    if not deflated:
        found += [_element(item, implicit) for item in dataset.elements() if item.tag < 0x7FE00010]
    return tuple(element for element in found if element is not None)


def _element(item: object, implicit: bool | None) -> Element | None:
    if not isinstance(item, pydicom.dataelem.RawDataElement) or item.length == 0xFFFFFFFF:
        return None
    wide = implicit or item.VR in _LONG_VRS
    head = 8 if implicit or not wide else 12
    size = 4 if wide else 2
    return Element(item.value_tell - head, item.value_tell - size, size, item.value_tell + item.length)


_LONG_VRS = {vr.value for vr in pydicom.valuerep.EXPLICIT_VR_LENGTH_32}


def _header_end(data: bytes, elements: tuple[Element, ...]) -> int:
    """Where the value of the element behind the last of `elements` begins; of a text, its end."""
    if not elements:
        return len(data)
    end = max(element.end for element in elements)
    if DeflatedExplicitVRLittleEndian.encode() in data[:end]:
        return end
    return end + (12 if data[end + 4 : end + 6] in {b"OW", b"OB"} else 8)
