"""Compressed pixels, decoded in a process of its own: a crash, a hang or a bomb costs one file, not the run.

The process starts with the first compressed file, decodes file after file, and is started again when it died.
Each transfer syntax has one decoder of pydicom's: where several are right, the fastest.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import math
import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungml.ct import decode_child
from lungml.ct.elements import shown
from lungml.ct.header import Header
from lungml.quarantine import RefusedError, finding

PLUGINS = {
    "1.2.840.10008.1.2.5": "pylibjpeg",  # RLE
    "1.2.840.10008.1.2.4.50": "pillow",  # JPEG baseline
    "1.2.840.10008.1.2.4.51": "pillow",  # JPEG extended; of 8 bits, 12 are refused
    "1.2.840.10008.1.2.4.57": "gdcm",  # JPEG lossless
    "1.2.840.10008.1.2.4.70": "gdcm",  # JPEG lossless, first-order prediction
    "1.2.840.10008.1.2.4.80": "pyjpegls",  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.81": "pyjpegls",  # JPEG-LS near-lossless
    "1.2.840.10008.1.2.4.90": "pylibjpeg",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.91": "pylibjpeg",  # JPEG 2000
    "1.2.840.10008.1.2.4.201": "pylibjpeg",  # high-throughput JPEG 2000 lossless
    "1.2.840.10008.1.2.4.202": "pylibjpeg",  # the same, in progressive order
    "1.2.840.10008.1.2.4.203": "pylibjpeg",  # high-throughput JPEG 2000
}
"""Transfer syntax -> pydicom's name of its decoder; GDCM is called without pydicom (`decode_child`)."""


@dataclass(frozen=True)
class Limits:
    """What decoding one image may take."""

    wall_s: float = 60.0
    cpu_s: float = 2.0
    """Processor time for any image, and as much again for each million of its pixels."""
    memory_bytes: int = 1 << 30
    """Beyond what the idle process has."""


class Decoders:
    """Decodes images in a process that is started when needed; safe to use from several threads."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        atexit.register(self.close)

    def decode(self, raw: Path, header: Header) -> NDArray[Any]:
        """Stored values (row, column) of an image of a syntax in `PLUGINS`.

        Raises:
            RefusedError: they cannot be decoded (LM-D033), or only with too much memory (LM-D031).
        """
        plugin = PLUGINS.get(header.pixels.transfer_syntax)
        if plugin is None:
            found = f"transfer syntax {shown(header.pixels.transfer_syntax)}"
            raise RefusedError(finding("LM-D033", header.path, found, "one that pydicom decodes"))
        request = _request(raw, header, plugin, self._limits)
        with self._lock:
            kind, name, content = self._ask(request, header.path)
        return _image(kind, name, content, header)

    def close(self) -> None:
        """End the process, if it runs."""
        child, self._child = self._child, None
        if child is not None and self._owner == os.getpid():
            child.kill()
            child.communicate()

    def _ask(self, request: bytes, path: str) -> _Answer:
        try:
            child = self._running()
            os.write(_number(child.stdin), request)
            return _answer(child, self._limits.wall_s)
        except TimeoutError:
            found = f"no end of decoding in {self._limits.wall_s:g} s"
        except (EOFError, BrokenPipeError):
            found = f"a decoder that ended with status {self._child.wait() if self._child else None}"
        self.close()
        raise RefusedError(finding("LM-D033", path, found, "an image"))

    def _running(self) -> subprocess.Popen[bytes]:
        if self._owner != os.getpid():  # a copy of another process must not talk to that one's child
            self._child, self._owner = None, os.getpid()
        if self._child is None:
            self._child = _start(self._limits.memory_bytes)
            _answer(self._child, _START_S)
        return self._child


class DecoderPool:
    """As many `Decoders` as threads decode at the same time."""

    def __init__(self) -> None:
        self._idle: list[Decoders] = []

    def decode(self, raw: Path, header: Header) -> NDArray[Any]:
        """See `Decoders.decode`."""
        try:
            decoders = self._idle.pop()
        except IndexError:
            decoders = Decoders()
        try:
            image = decoders.decode(raw, header)
        except RefusedError:
            self._idle.append(decoders)
            raise
        except BaseException:  # stopped half-way: the answer that is still to come is no one's
            decoders.close()
            raise
        self._idle.append(decoders)
        return image


DECODERS = DecoderPool()
"""Of this process."""


def _start(memory_bytes: int) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        [sys.executable, "-P", str(Path(decode_child.__file__)), str(memory_bytes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        start_new_session=True,
        env={**os.environ, **_CHILD_ENVIRONMENT},
    )
    with suppress(OSError, AttributeError):  # not everywhere, and only up to a limit for each user
        fcntl.fcntl(_number(child.stdout), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return child


_CHILD_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
}
"""glibc keeps the memory of an image for the next one; asking for it anew took a third of JPEG lossless."""
_START_S = 60.0
_PIPE_BYTES = 1 << 20
"""A whole image of 512 x 512 goes through at once."""
_LONGEST_ANSWER = 1 << 28


def _request(raw: Path, header: Header, plugin: str, limits: Limits) -> bytes:
    pixels = header.pixels
    millions = (pixels.rows or 0) * (pixels.columns or 0) / 1e6
    options = {
        "rows": pixels.rows,
        "columns": pixels.columns,
        "samples_per_pixel": pixels.samples,
        "number_of_frames": pixels.frames,
        "bits_allocated": pixels.bits_allocated,
        "bits_stored": pixels.bits_stored,
        "pixel_representation": int(pixels.signed or False),
        "photometric_interpretation": pixels.photometric,
        "pixel_keyword": "PixelData",
        "allow_excess_frames": False,
        "correct_unused_bits": False,
    }
    request = {
        "file": str((raw / header.path).absolute()),
        "offset": pixels.offset,
        "frame": header.frame or 0,
        "syntax": pixels.transfer_syntax,
        "plugin": plugin,
        "cpu_s": math.ceil(limits.cpu_s * (1 + millions)),
        "options": options,
    }
    return json.dumps(request).encode() + b"\n"


def _image(kind: bytes, name: bytes, content: bytearray, header: Header) -> NDArray[Any]:
    """What the process says is not believed: it may be the victim of a broken file."""
    shape = (header.pixels.rows or 0, header.pixels.columns or 0)
    if kind != b"A":
        error = content[:40].decode("ascii", errors="replace")
        code = "LM-D031" if error == "MemoryError" else "LM-D033"
        raise RefusedError(finding(code, header.path, f"{error} in its decoder", "an image"))
    dtype = _TYPES.get(name.rstrip(b"\0"))
    if dtype is None or len(content) != shape[0] * shape[1] * dtype.itemsize:
        raise RefusedError(finding("LM-D023", header.path, f"{len(content)} bytes", f"{shape} pixels"))
    return np.frombuffer(content, dtype).reshape(shape)


_TYPES = {text.encode(): np.dtype(text) for text in ("|u1", "|i1", "<u2", "<i2", "<u4", "<i4")}


_Answer = tuple[bytes, bytes, bytearray]


def _answer(child: subprocess.Popen[bytes], seconds: float) -> _Answer:
    deadline = time.monotonic() + seconds
    kind, name, length = decode_child.HEAD.unpack(_read(child, decode_child.HEAD.size, deadline))
    return kind, name, _read(child, length, deadline)


def _read(child: subprocess.Popen[bytes], length: int, deadline: float) -> bytearray:
    if length > _LONGEST_ANSWER:
        raise EOFError
    content = bytearray(length)
    view, done, pipe = memoryview(content), 0, _number(child.stdout)
    while done < length:
        ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        count = os.readv(pipe, [view[done:]])
        if not count:
            raise EOFError
        done += count
    return content


def _number(pipe: Any) -> int:
    return int(pipe.fileno())
