"""Frames of an Enhanced or legacy-converted CT file, each as the header of one image.

Position, orientation, pixel spacing and rescale of a frame are in functional groups: those of the frame, or
those that all frames share. From here on a frame is like a file of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset

from lungml.ct.elements import Elements
from lungml.ct.header import Header, PixelFormat, Place
from lungml.ct.paths import join_frame, split_frame
from lungml.ct.read_header import read_header
from lungml.ct.rules import MAX_FRAMES, MULTI_FRAME_CT
from lungml.ct.slow_header import pydicom_errors
from lungml.quarantine import RefusedError, finding


def read_images(raw: Path, addresses: Iterable[str]) -> list[Header]:
    """Headers of images by their addresses (see `lungml.ct.paths`), in that order; a file is read once.

    Raises:
        RefusedError: a file cannot be read, or has no such frame (LM-D034).
    """
    wanted = list(addresses)
    images: dict[str, Header] = {}
    for file in dict.fromkeys(split_frame(address)[0] for address in wanted):
        images |= {image.address: image for image in with_frames(raw, [read_header(raw, file)])}
    missing = [address for address in wanted if address not in images]
    if missing:
        raise RefusedError(finding("LM-D034", missing[0], "no such frame", "the frame that was indexed"))
    return [images[address] for address in wanted]


def with_frames(raw: Path, headers: Iterable[Header]) -> list[Header]:
    """The headers, those of files of frames replaced by one for each frame.

    Raises:
        RefusedError: a file has too many frames (LM-D030) or does not describe them all (LM-D034).
    """
    images: list[Header] = []
    for header in headers:
        has_frames = header.sop_class in MULTI_FRAME_CT and header.pixels.offset is not None
        images += _frames(raw, header) if has_frames else [header]
    return images


def _frames(raw: Path, header: Header) -> Iterator[Header]:
    count = header.pixels.frames
    if count > MAX_FRAMES:
        raise RefusedError(finding("LM-D030", header.path, f"{count} frames", f"at most {MAX_FRAMES}"))
    with pydicom_errors(header.path, "LM-D034"):
        dataset = pydicom.dcmread(raw / header.path, stop_before_pixels=True, specific_tags=_TAGS)
        shared = _items(dataset, _SHARED)
        own = _items(dataset, _PER_FRAME)
        if len(own) != count:
            found = f"functional groups of {len(own)} of {count} frames"
            raise RefusedError(finding("LM-D034", header.path, found, "those of all"))
        for number, group in enumerate(own):
            yield _frame(header, _Groups([group, *shared]), number)


_SHARED, _PER_FRAME = 0x52009229, 0x52009230
_TAGS: list[Any] = [_SHARED, _PER_FRAME]


def _items(dataset: Dataset, tag: int) -> list[Dataset]:
    element = dataset.get(tag)
    return list(element.value) if element is not None and element.VR == "SQ" else []


class _Groups:
    """Functional groups of one frame; what it says itself goes before what is shared."""

    def __init__(self, groups: list[Dataset]) -> None:
        self._groups = groups
        self._read: list[Elements] = []

    def of(self, tag: int) -> Elements:
        """Elements of the first item of a macro's sequence; none if the macro is not there."""
        found = next((items[0] for group in self._groups if (items := _items(group, tag))), None)
        self._read.append(Elements(_NOTHING if found is None else found))
        return self._read[-1]

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Names of tags whose value is there but cannot be parsed."""
        return tuple(name for elements in self._read for name in elements.unreadable)


_NOTHING = Dataset()
_NOTHING.set_original_encoding(is_implicit_vr=False, is_little_endian=True)

_FRAME_CONTENT = 0x00209111
_PLANE_POSITION = 0x00209113
_PLANE_ORIENTATION = 0x00209116
_PIXEL_MEASURES = 0x00289110
_VALUE_TRANSFORMATION = 0x00289145
_FRAME_TYPE = 0x00189329
_RECONSTRUCTION = 0x00189314
_CONVERSION_SOURCE = 0x00209172


def _frame(header: Header, groups: _Groups, number: int) -> Header:
    measures, rescale = groups.of(_PIXEL_MEASURES), groups.of(_VALUE_TRANSFORMATION)
    source = groups.of(_CONVERSION_SOURCE).text(0x00081155)
    scan = replace(
        header.scan,
        kernel=groups.of(_RECONSTRUCTION).text(0x00181210) or header.scan.kernel,
        slice_thickness_mm=measures.number(0x00180050, "SliceThickness") or header.scan.slice_thickness_mm,
    )
    place = Place(
        position=groups.of(_PLANE_POSITION).numbers(0x00200032, "ImagePositionPatient", 3),
        orientation=groups.of(_PLANE_ORIENTATION).numbers(0x00200037, "ImageOrientationPatient", 6),
        spacing=measures.numbers(0x00280030, "PixelSpacing", 2),
    )
    slope = rescale.number(0x00281053, "RescaleSlope")
    intercept = rescale.number(0x00281052, "RescaleIntercept")
    frame = replace(
        header,
        frame=number,
        sop_uid=source or join_frame(header.sop_uid, number),
        image_type=groups.of(_FRAME_TYPE).texts(0x00089007) or header.image_type,
        pixels=_pixels(header.pixels, number),
        place=place,
        slope=slope,
        intercept=intercept,
        scan=scan,
        rescale_type=rescale.text(0x00281054),
        instance_number=str(number + 1),
        acquisition=groups.of(_FRAME_CONTENT).text(0x00209156),
        unreadable=(*header.unreadable, *groups.unreadable),
    )
    _refuse_incomplete(frame)
    return frame


def _pixels(pixels: PixelFormat, number: int) -> PixelFormat:
    """Uncompressed frames follow one another; compressed ones are found by their number."""
    size = pixels.expected_bytes // pixels.frames
    there = pixels.length in {pixels.expected_bytes, pixels.expected_bytes + pixels.expected_bytes % 2}
    if pixels.offset is None or not there:
        return pixels
    return replace(pixels, frames=1, offset=pixels.offset + number * size, length=size)


def _refuse_incomplete(frame: Header) -> None:
    needed = {
        "position": frame.place.position,
        "orientation": frame.place.orientation,
        "pixel spacing": frame.place.spacing,
        "rescale slope": frame.slope,
        "rescale intercept": frame.intercept,
    }
    missing = [name for name, value in needed.items() if value is None]
    if missing and not frame.unreadable:
        found = f"no {', no '.join(missing)} of frame {(frame.frame or 0) + 1}"
        raise RefusedError(finding("LM-D034", frame.path, found, "all of them for every frame"))
