"""What may be wrong with one CT file, seen from its header: a table with one function per fault.

The first rule that a file breaks decides. A rule takes a header and gives (found, expected) if it is broken.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lungml.ct.elements import shown
from lungml.ct.header import DEFLATED, Header
from lungml.ct.hounsfield import declared_padding, padding_is_tissue

Broken = tuple[str, str] | None


@dataclass(frozen=True)
class Rule:
    """One fault of a file."""

    code: str
    broken: Callable[[Header], Broken]


def _unreadable(header: Header) -> Broken:
    return (", ".join(header.unreadable), "finite decimal numbers") if header.unreadable else None


def _tag_missing(header: Header) -> Broken:
    pixels = header.pixels
    needed = {
        "SOPInstanceUID": header.sop_uid or None,
        "Rows": pixels.rows,
        "Columns": pixels.columns,
        "BitsAllocated": pixels.bits_allocated,
        "BitsStored": pixels.bits_stored,
        "PixelRepresentation": pixels.signed,
        "PhotometricInterpretation": pixels.photometric,
    }
    missing = [name for name, value in needed.items() if value is None]
    return (f"no {', '.join(missing)}", "all of them") if missing else None


def _several_frames(header: Header) -> Broken:
    if header.frame is not None or header.pixels.frames == 1:
        return None
    return f"{header.pixels.frames} frames", "1 in this class of objects"


def _too_large(header: Header) -> Broken:
    pixels = header.pixels
    rows, columns = pixels.rows or 0, pixels.columns or 0
    if not (0 < rows <= MAX_SIDE and 0 < columns <= MAX_SIDE):
        return f"{rows} x {columns} pixels", f"1 to {MAX_SIDE} each"
    return None


def _not_grey(header: Header) -> Broken:
    pixels = header.pixels
    grey = pixels.samples == 1 and (pixels.photometric or "").startswith("MONOCHROME")
    found = f"{pixels.samples} samples, {shown(pixels.photometric or '')}"
    return None if grey else (found, "one grey value a pixel")


def _bad_bits(header: Header) -> Broken:
    pixels = header.pixels
    allocated, stored = pixels.bits_allocated or 0, pixels.bits_stored or 0
    fits = allocated in {8, 16, 32} and 1 <= stored <= allocated
    return None if fits else (f"{stored} of {allocated} bits", "at most all of 8, 16 or 32")


def _ends_before_pixels(header: Header) -> Broken:
    return ("no pixel data", "an image") if header.pixels.offset is None else None


def _ends_early(header: Header) -> Broken:
    pixels = header.pixels
    there = pixels.file_bytes - (pixels.offset or 0)
    wanted = pixels.length if pixels.length is not None else 1
    return (f"{there} pixel bytes", f"{wanted} as declared") if there < wanted else None


def _wrong_length(header: Header) -> Broken:
    pixels = header.pixels
    if pixels.length is None or not (pixels.is_native or pixels.transfer_syntax == DEFLATED):
        return None
    fits = pixels.length in {pixels.expected_bytes, pixels.expected_bytes + pixels.expected_bytes % 2}
    return None if fits else (f"{pixels.length} bytes", f"{pixels.expected_bytes} (rows x columns x bytes)")


def _no_rescale(header: Header) -> Broken:
    pairs = (("RescaleSlope", header.slope), ("RescaleIntercept", header.intercept))
    missing = [name for name, value in pairs if value is None]
    return (f"no {' and no '.join(missing)}", "both") if missing else None


def _not_hounsfield(header: Header) -> Broken:
    kind = header.rescale_type.upper()
    return None if kind in _HU_TYPES else (f"rescale type {shown(header.rescale_type)}", "HU")


def _senseless_rescale(header: Header) -> Broken:
    slope, intercept = header.slope or 0.0, header.intercept or 0.0
    finite = math.isfinite(slope) and math.isfinite(intercept)
    if finite and 0 < abs(slope) <= MAX_SLOPE and abs(intercept) <= MAX_INTERCEPT:
        return None
    return f"slope {slope:g} and intercept {intercept:g}", f"a slope of up to {MAX_SLOPE:g}, not 0"


def _no_place(header: Header) -> Broken:
    place = header.place
    pairs = (("position", place.position), ("orientation", place.orientation), ("spacing", place.spacing))
    missing = [name for name, value in pairs if value is None]
    if missing:
        return f"no {', '.join(missing)}", "all three"
    if not all(0 < spacing <= MAX_SPACING_MM for spacing in place.spacing or ()):
        return f"pixel spacing {place.spacing} mm", f"above 0, at most {MAX_SPACING_MM:g}"
    return _skewed(place.orientation or ())


def _skewed(orientation: tuple[float, ...]) -> Broken:
    along_row, along_column = np.array(orientation[:3]), np.array(orientation[3:])
    lengths = np.linalg.norm(along_row), np.linalg.norm(along_column)
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(along_row @ along_column)) > _UNIT_TOLERANCE:
        return f"orientation {orientation}", "two perpendicular unit vectors"
    return None


def _burned_in(header: Header) -> Broken:
    return ("BurnedInAnnotation YES", "NO") if header.burned_in else None


def _lossy(header: Header) -> Broken:
    pixels = header.pixels
    may_be = pixels.transfer_syntax in MAYBE_LOSSY and pixels.lossy != "00"
    is_lossy = pixels.lossy == "01" or pixels.transfer_syntax in ALWAYS_LOSSY
    return (f"transfer syntax {pixels.transfer_syntax}", "lossless") if is_lossy or may_be else None


def _tissue_as_padding(header: Header) -> Broken:
    return (f"padding {declared_padding(header)}", "air or below") if padding_is_tissue(header) else None


MAX_SIDE = 4096
MAX_FRAMES = 4096
MAX_SLOPE = 100.0
MAX_INTERCEPT = 1e5
MAX_SPACING_MM = 10.0
_UNIT_TOLERANCE = 1e-3
_HU_TYPES = ("", "HU", "US")
"""US says that the type is not specified."""

SINGLE_FRAME_CT = "1.2.840.10008.5.1.4.1.1.2"
MULTI_FRAME_CT = ("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")
"""Enhanced and legacy-converted CT."""

ALWAYS_LOSSY = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")
"""JPEG baseline and extended."""
MAYBE_LOSSY = ("1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.203")
"""JPEG-LS near-lossless and JPEG 2000, unless LossyImageCompression says that nothing was lost."""

FILE_RULES = (
    Rule("LM-D001", _ends_before_pixels),
    Rule("LM-D034", _several_frames),
    Rule("LM-D049", _unreadable),
    Rule("LM-D026", _tag_missing),
    Rule("LM-D058", _burned_in),
    Rule("LM-D030", _too_large),
    Rule("LM-D026", _not_grey),
    Rule("LM-D023", _bad_bits),
    Rule("LM-D001", _ends_early),
    Rule("LM-D023", _wrong_length),
    Rule("LM-D021", _no_rescale),
    Rule("LM-D022", _senseless_rescale),
    Rule("LM-D022", _not_hounsfield),
    Rule("LM-D048", _no_place),
)
"""Breaking one of these sets the file's series aside."""

NOTE_RULES = (Rule("LM-D029", _tissue_as_padding), Rule("LM-D035", _lossy))
"""Breaking one of these is only noted; they see headers that passed `FILE_RULES`."""


def first_broken(header: Header) -> tuple[str, str, str] | None:
    """(code, found, expected) of the first rule that a file breaks; None if it breaks none."""
    for rule in FILE_RULES:
        broken = rule.broken(header)
        if broken is not None:
            return rule.code, *broken
    return None
