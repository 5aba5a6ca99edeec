import os
import zlib

import numpy as np
import pytest

from lungml.ct.inflating import MAX_INFLATION, Inflated
from lungml.quarantine import RefusedError

DATA = np.random.default_rng(0).integers(0, 20, 2_000_000).astype(np.uint8).tobytes()


@pytest.fixture
def inflated(tmp_path):
    """Opens a file of `head` and deflated bytes, behind the head."""
    streams = []

    def open_(data, head=b"head", cut=None):
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = squeeze.compress(data) + squeeze.flush()
        (tmp_path / "file").write_bytes(head + packed[:cut])
        streams.append((tmp_path / "file").open("rb"))
        streams[-1].seek(len(head))
        return Inflated(streams[-1], "file")

    yield open_
    for stream in streams:
        stream.close()


def test_it_reads_as_a_file_of_the_inflated_bytes_would(inflated):
    file = inflated(DATA)

    assert file.read(10) == DATA[:10]
    assert file.seek(1_500_000) == file.tell() == 1_500_000
    assert file.read(5) == DATA[1_500_000:1_500_005]
    assert file.seek(-5, os.SEEK_CUR) == 1_500_000
    assert file.seek(-3, os.SEEK_END) == len(DATA) - 3
    assert file.read() == DATA[-3:]
    assert file.read(4) == b""


def test_it_inflates_no_more_than_is_read(inflated):
    file = inflated(DATA)

    file.read(10)

    assert len(file._bytes) < len(DATA) / 4


def test_a_cut_file_ends_early_and_without_an_error(inflated):
    file = inflated(DATA, cut=-1000)

    assert DATA.startswith(file.read())
    assert len(DATA) - 5000 < file.tell() < len(DATA)


def test_a_bomb_is_refused_before_it_grows(inflated):
    file = inflated(bytes(50_000_000))

    assert file.read(100) == bytes(100)
    with pytest.raises(RefusedError, match=r"LM-D031.*more than 100 times"):
        file.read()
    assert len(file._bytes) < 2 * MAX_INFLATION * 50_000
