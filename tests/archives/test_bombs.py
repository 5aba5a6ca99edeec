"""Small archives that unpack to much more are refused early, of every kind."""

import lzma
import subprocess
import sys
import tarfile

import pytest
from archive_files import everything_in, zeros, zip_bomb

BOMB = """
import resource, sys, time
from pathlib import Path
from lungml.archives.unpack import unpack
from lungml.quarantine import RefusedError
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
try:
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
except RefusedError as error:
    print(error.finding.code)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, time.process_time() - start)
"""


def lying_zip_bomb(path):
    zip_bomb(path)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\1\2") + 24
    data[at : at + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(bytes(data))


def tar_bomb(path, packing):
    with tarfile.open(path, packing) as archive:
        info = tarfile.TarInfo("zeros.dcm")
        info.size = 100 * 2**20

        class Zeros:
            def read(self, size):
                return bytes(size)

        archive.addfile(info, Zeros())


def xz_bomb_of_xz_9(path):
    with lzma.open(path, "wb", preset=9) as stream:
        info = tarfile.TarInfo("zeros.dcm")
        info.size = 100 * 2**20
        stream.write(info.tobuf())
        zeros(stream, 100)


def long_header_bomb(path):
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 100 * 2**20
    with lzma.open(path, "wb", preset=1) as stream:
        stream.write(info.tobuf())
        zeros(stream, 100)


def many_entries(path):
    record = b"PK\1\2" + bytes(42)
    with path.open("wb") as stream:
        stream.write(b"PK\3\4")
        for _ in range(1000):
            stream.write(record * 1000)
        place = b"PK\6\6" + (44).to_bytes(8, "little") + bytes(12) + (10**6).to_bytes(8, "little") * 2
        at = stream.tell()
        stream.write(place + (46 * 10**6).to_bytes(8, "little") + (4).to_bytes(8, "little"))
        stream.write(b"PK\6\7" + bytes(4) + at.to_bytes(8, "little") + (1).to_bytes(4, "little"))
        stream.write(b"PK\5\6" + bytes(4) + b"\xff" * 12 + bytes(2))


def many_small_files(path):
    header = tarfile.TarInfo("x").tobuf()
    with lzma.open(path, "wb", preset=0) as stream:
        for _ in range(600):
            stream.write(header * 1000)


BOMBS = {
    "a.zip": zip_bomb,
    "lying.zip": lying_zip_bomb,
    "a.tar.gz": lambda path: tar_bomb(path, "w:gz"),
    "a.tar.xz": lambda path: tar_bomb(path, "w:xz"),
    "nine.tar.xz": xz_bomb_of_xz_9,
    "header.tar.xz": long_header_bomb,
    "entries.zip": many_entries,
    "files.tar.xz": many_small_files,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_within_two_seconds_and_64_mebibytes(tmp_path, name):
    BOMBS[name](tmp_path / name)

    command = [sys.executable, "-c", BOMB, str(tmp_path / name), str(tmp_path / "out")]
    code, figures = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    mebibytes, seconds = map(float, figures.split())
    assert code == "LM-D051"
    assert mebibytes <= 64
    assert seconds <= 2
    assert everything_in(tmp_path) == [name]
