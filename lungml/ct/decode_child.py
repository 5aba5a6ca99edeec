"""The process that decodes compressed pixels for `lungml.ct.decoding`: a script without imports of lungml.

It takes one request a line, as JSON, from standard input. An answer is a letter, four bytes that name a type,
the length of what follows (little endian), and that: `A` an array's bytes, `E` the name of an exception. The
first answer, `R`, comes without a request and says that it is ready.
A decoder that crashes, grows or never ends takes only this process with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import resource
import struct
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

HEAD = struct.Struct("<c4sI")

_ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    _write(answers, b"R", b"", b"")
    for line in requests:
        _write(answers, *_answer(json.loads(line)))


def _write(answers: BinaryIO, kind: bytes, name: bytes, content: Any) -> None:
    answers.write(HEAD.pack(kind, name, len(content)))
    answers.write(content)
    answers.flush()


def _answer(request: dict[str, Any]) -> tuple[bytes, bytes, Any]:
    _allow_seconds(request["cpu_s"])
    try:
        image = np.ascontiguousarray(_decode(request))
    except _ERRORS as error:
        return b"E", b"", type(error).__name__.encode()
    return b"A", image.dtype.newbyteorder("<").str.encode(), image.data.cast("B")


def _decode(request: dict[str, Any]) -> Any:
    with Path(request["file"]).open("rb") as stream:
        if request["syntax"] in _JPEG_LOSSLESS:
            return _jpeg_lossless(_whole_frame(stream, request), request)
        if request["syntax"] in _JPEG_LS:  # CharLS takes seconds to find that the end of an image is missing
            _whole_frame(stream, request)
        stream.seek(request["offset"])
        image, _ = get_decoder(UID(request["syntax"])).as_array(
            stream,
            index=request["frame"],
            raw=True,
            decoding_plugin=request["plugin"],
            **request["options"],
        )
    return image


_JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")


def _whole_frame(stream: BinaryIO, request: dict[str, Any]) -> bytes:
    """The bytes of one JPEG or JPEG-LS image; EOFError if its end is missing."""
    stream.seek(request["offset"])
    frame = get_frame(stream, request["frame"], number_of_frames=request["options"]["number_of_frames"])
    if b"\xff\xd9" not in frame[-16:]:  # whatever pads it
        raise EOFError
    return frame


def _jpeg_lossless(frame: bytes, request: dict[str, Any]) -> Any:
    """Stored values, decoded by GDCM as pydicom has it done, but for the way back.

    pydicom is given the pixels as text, which takes as long as to decode them. What GDCM only complains about
    is refused here: where an image ends too early, it goes on without differences.
    """
    import gdcm  # type: ignore[import-untyped]  # a tenth of a second, which other syntaxes need not wait

    options = request["options"]
    dtype = np.dtype(f"<{'i' if options['pixel_representation'] else 'u'}{options['bits_allocated'] // 8}")
    codec, pixels = gdcm.JPEGCodec(), gdcm.DataElement()
    _describe(codec, options)
    done, printed = _heard(lambda: codec.Decode(_element(frame), pixels))
    if not done or _CORRUPT.search(printed):
        raise ValueError
    value = pixels.GetByteValue()
    content = ctypes.string_at(int(value.GetVoidPointer()), int(str(value.GetLength())))
    return np.frombuffer(content, dtype).reshape(options["rows"], options["columns"])


_CORRUPT = re.compile(rb"Corrupt JPEG data: (?!using signed arithmetic)|Premature end")
"""Of libjpeg's warnings those that cost pixels; with signed arithmetic GDCM follows an old encoder."""


def _describe(codec: Any, options: dict[str, Any]) -> None:
    import gdcm

    kind = gdcm.PhotometricInterpretation.GetPIType(options["photometric_interpretation"])
    bits = options["bits_stored"]
    codec.SetNeedOverlayCleanup(bits != options["bits_allocated"])
    codec.SetNumberOfDimensions(2)
    codec.SetDimensions((options["columns"], options["rows"], 1))
    codec.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    codec.SetPixelFormat(
        gdcm.PixelFormat(1, options["bits_allocated"], bits, bits - 1, options["pixel_representation"])
    )


def _element(frame: bytes) -> Any:
    import gdcm

    fragment, fragments = gdcm.Fragment(), gdcm.SequenceOfFragments.New()
    fragment.SetByteStringValue(frame)
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    return element


def _heard(work: Callable[[], bool]) -> tuple[bool, bytes]:
    """What `work` gives, and what it prints to standard error, as far as a pipe holds it."""
    reading, writing = os.pipe()
    before = os.dup(2)
    os.set_blocking(writing, False)
    os.dup2(writing, 2)
    os.close(writing)
    try:
        done = work()
    finally:
        os.dup2(before, 2)
        os.close(before)
        with os.fdopen(reading, "rb") as printed:
            text = printed.read()
    return done, text


def _allow_seconds(seconds: int) -> None:
    """Of processor time from now on."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(usage.ru_utime + usage.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def _confine(memory_bytes: int) -> None:
    """Set limits for the rest of this process: memory beyond what it has now, no files, no core dumps.

    Only Linux says how much memory that is; elsewhere the limits of time remain.
    """
    sizes = Path("/proc/self/statm")
    if sizes.exists():
        limit = int(sizes.read_text(encoding="ascii").split()[0]) * resource.getpagesize() + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _own_output() -> BinaryIO:
    """Standard output for answers alone: what decoders print goes nowhere."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return answers


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    _confine(int(sys.argv[1]))
    serve(sys.stdin.buffer, _own_output())
