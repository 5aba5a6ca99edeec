"""The process that decodes: what it refuses, and that whatever ends it costs one file."""

import os
import signal
import threading

import numpy as np
import pytest
from coded_images import SHAPE, SYNTAXES, coded, spoil, words
from pydicom.uid import JPEG2000Lossless, RLELossless

from lungml.ct.decoding import Decoders, Limits
from lungml.ct.pixels import read_stored
from lungml.quarantine import RefusedError


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_jpeg_lossless_that_lacks_bytes_within_is_refused(tmp_path, share, seed):
    """The decoder comes to the end too early; GDCM then fills up with zeros."""
    coded(tmp_path, SYNTAXES["JPEG lossless"], values=words(16, True, seed))
    header = spoil(
        tmp_path, lambda frame: frame[: (at := 200 + int(share * (len(frame) - 400)))] + frame[at + 150 :]
    )

    with pytest.raises(RefusedError, match="LM-D033"):
        read_stored(tmp_path, header)


def test_jpeg_lossless_of_another_size_than_declared_is_refused(tmp_path):
    def half_as_high(frame):
        at = frame.index(b"\xff\xc3") + 5
        frame[at : at + 2] = (SHAPE[0] // 2).to_bytes(2, "big")
        return frame

    coded(tmp_path, SYNTAXES["JPEG lossless"])
    header = spoil(tmp_path, half_as_high)

    with pytest.raises(RefusedError, match="LM-D033"):
        read_stored(tmp_path, header)


@pytest.fixture
def decoders():
    made = []

    def make(**limits):
        made.append(Decoders(Limits(**limits)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_a_decoder_that_hangs_costs_one_file(tmp_path, decoders):
    header = coded(tmp_path)
    good = coded(tmp_path, name="good.dcm")
    (tmp_path / "image.dcm").unlink()
    os.mkfifo(tmp_path / "image.dcm")  # whoever opens it waits for a writer
    ours = decoders(wall_s=1.5)

    with pytest.raises(RefusedError, match=r"LM-D033.*no end of decoding in 1\.5 s"):
        ours.decode(tmp_path, header)

    assert np.array_equal(ours.decode(tmp_path, good), words(16, True))


def test_a_decoder_that_dies_costs_one_file(tmp_path, decoders):
    header = coded(tmp_path)
    good = coded(tmp_path, name="good.dcm")
    (tmp_path / "image.dcm").unlink()
    os.mkfifo(tmp_path / "image.dcm")
    ours = decoders(wall_s=30.0)
    ours.decode(tmp_path, good)
    child = ours._child.pid
    threading.Timer(0.3, os.kill, (child, signal.SIGSEGV)).start()

    with pytest.raises(RefusedError, match=r"LM-D033.*ended with status -11"):
        ours.decode(tmp_path, header)

    assert np.array_equal(ours.decode(tmp_path, good), words(16, True))
    assert ours._child.pid != child


def test_a_decoder_without_end_is_stopped_by_its_processor_time(tmp_path, decoders):
    header = coded(tmp_path, JPEG2000Lossless, values=words(16, True).repeat(9, 0).repeat(9, 1))
    ours = decoders(cpu_s=-1.0)  # none beyond the second that is always there

    with pytest.raises(RefusedError, match=r"LM-D033.*ended with status -24"):  # SIGXCPU
        for _ in range(40):
            ours.decode(tmp_path, header)


def test_an_image_that_needs_too_much_memory_is_refused(tmp_path, decoders):
    side = 4000
    large = coded(tmp_path, RLELossless, values=np.zeros((side, side), np.int16))
    small = coded(tmp_path, name="good.dcm")
    ours = decoders(memory_bytes=16 << 20)

    with pytest.raises(RefusedError, match=r"LM-D03[13]"):
        ours.decode(tmp_path, large)

    assert np.array_equal(ours.decode(tmp_path, small), words(16, True))


def test_a_size_in_the_compressed_bytes_that_is_not_the_declared_one_is_refused(tmp_path):
    def sixty_thousand(frame):
        at = frame.index(b"\xff\x51") + 6  # SIZ: width and height
        frame[at : at + 8] = (60000).to_bytes(4, "big") * 2
        return frame

    coded(tmp_path, JPEG2000Lossless)
    header = spoil(tmp_path, sixty_thousand)

    with pytest.raises(RefusedError, match=r"LM-D0(31|33|23)"):
        read_stored(tmp_path, header)
