"""Archives are unpacked whole or not at all, and never beside their folder."""

import io
import lzma
import os
import subprocess
import sys
import tarfile
import warnings
import zipfile

import numpy as np
import pytest

from lungml.archives.entry import Limits
from lungml.archives.unpack import check_zip, is_archive, unpack
from lungml.quarantine import RefusedError

CLIMBING = (
    "../evil", "a/../../evil", "a/b/../../../evil", "..", "../", "a/..", "./../evil", "a/./../../evil",
    "../../../../../../tmp/evil", "a//../..//evil", "..//evil", "a/../..", "....//../evil", ".../../evil",
    ". ./.. /evil", "a/.. ./evil", "../\u200b/../evil", "x/../../../x", "a/b/c/../../../../evil",
    "../.hidden",
)  # fmt: skip
ABSOLUTE = (
    "/evil", "//evil", "/var/evil", "///var///evil", "/../evil", "/etc/cron.d/evil", "/proc/self/cwd/evil",
    "~/evil", "~root/evil", "C:/evil", "C:evil", "c:\\evil", "Z:/a/b", "\\evil", "\\\\server\\share\\evil",
    "//server/share/evil", "\\\\?\\C:\\evil", "\\\\.\\pipe\\evil", "a\\..\\..\\evil", "..\\evil",
    "..\\..\\evil",
    "a/..\\../evil", "file:///evil/../x", "a\\b",
)  # fmt: skip
HIDDEN = (
    "%2e%2e/evil", "%2e%2e%2fevil", "..%2fevil", "%2E%2E%2Fevil", "%252e%252e%252fevil",
    "%25252e%25252e/evil",
    "..%5cevil", "%2fevil", "%5c%5cserver%5cevil", "a%00b", "%c0%ae%c0%ae/../evil", "\u2025/evil",
    "\uff0e\uff0e/evil", "\uff0e\uff0e\uff0fevil", "\u2024\u2024/evil", "\uff0fevil", "a\uff3c..\uff3cevil",
    "a\0b", "evil\0.dcm", "a\nb", "a\rb", "a\tb", "\x1b[2Jevil", "a\x7fb", "a\x85b",
)  # fmt: skip
TOO_LONG = ("a" * 256, "b/" * 1100, "/".join("c" * 70), "\u00fc" * 128)
ESCAPES = (*CLIMBING, *ABSOLUTE, *HIDDEN, *TOO_LONG)
HARMLESS = (
    "a.dcm", "a/b/c.dcm", "./a.dcm", "a//b.dcm", "a..b/c..", ".hidden",
    "a b/\u00fcn\u00efcode \U0001f600.dcm", "100%.dcm",
    "a%20b.dcm", "1.3.6.1.4.1.14519.5.2.1/000001.dcm", "...a", "name with 'quotes' & $signs",
)  # fmt: skip


def write_zip(path, entries):
    """Entries of any name, as a careless or hostile program would write them."""
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path, "w") as archive:
        for name, data in entries:
            info = zipfile.ZipInfo("x")
            info.filename = name
            archive.writestr(info, data)


def write_tar(path, entries, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, data in entries:
            info = tarfile.TarInfo()
            info.name, info.size = name, len(data)
            archive.addfile(info, io.BytesIO(data))


def with_link(path, name, target, kind):
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, target
        archive.addfile(info)
        info = tarfile.TarInfo(f"{name}/through" if kind == tarfile.SYMTYPE else "after")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"evil"))


WRITERS = {"a.zip": write_zip, "a.tar": write_tar}


def everything_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_the_corpus_is_large_enough():
    assert len(set(ESCAPES)) >= 60


IN_ARCHIVES = [
    (archive, name) for archive in WRITERS for name in ESCAPES if archive == "a.zip" or "\0" not in name
]
"""A tar header's name ends at NUL, so there is none in it."""


@pytest.mark.parametrize(("archive", "name"), IN_ARCHIVES, ids=ascii)
def test_a_name_that_leads_outside_refuses_the_archive_and_writes_nothing(tmp_path, archive, name):
    (tmp_path / "work").mkdir()
    WRITERS[archive](tmp_path / archive, [("good.dcm", b"good"), (name, b"evil")])

    with pytest.raises(RefusedError, match="LM-D051"):
        unpack(tmp_path / archive, tmp_path / "work" / "out")

    assert everything_in(tmp_path) == [archive, "work"]


@pytest.mark.parametrize("archive", WRITERS)
@pytest.mark.parametrize("name", HARMLESS)
def test_unusual_names_that_stay_inside_are_unpacked(tmp_path, archive, name):
    WRITERS[archive](tmp_path / archive, [(name, b"content")])

    assert unpack(tmp_path / archive, tmp_path / "out") == 1

    assert (tmp_path / "out" / name).read_bytes() == b"content"


@pytest.mark.parametrize("packing", ["w", "w:gz", "w:xz"])
def test_a_tar_file_gives_its_files_back(tmp_path, packing):
    content = {f"folder/{number:03}.dcm": os.urandom(3000 + number) for number in range(20)}
    content["a/" + "long" * 40 + "/name.dcm"] = b"long names need more headers"
    write_tar(tmp_path / "a.tar.gz", content.items(), packing)

    assert unpack(tmp_path / "a.tar.gz", tmp_path / "out") == 21

    assert {name: (tmp_path / "out" / name).read_bytes() for name in content} == content


def test_a_zip_file_gives_its_files_back(tmp_path):
    content = {f"folder/{number:03}.dcm": os.urandom(3000) + bytes(3000) for number in range(20)}
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as stream:
                stream.write(data)

    assert unpack(tmp_path / "a.zip", tmp_path / "out") == 20

    assert {name: (tmp_path / "out" / name).read_bytes() for name in content} == content


@pytest.mark.parametrize("target", ["/etc", "../..", "../../evil", "a/../../..", "/proc/self/root"])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_that_leads_outside_refuses_the_archive(tmp_path, kind, target):
    with_link(tmp_path / "a.tar", "link", target, kind)

    with pytest.raises(RefusedError, match="a link that leads outside"):
        unpack(tmp_path / "a.tar", tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_a_link_in_a_zip_file_that_leads_outside_refuses_it(tmp_path):
    info = zipfile.ZipInfo("link")
    info.external_attr, info.create_system = 0o120777 << 16, 3
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")

    with pytest.raises(RefusedError, match="a link that leads outside"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_link_inside_is_left_out(tmp_path):
    with_link(tmp_path / "a.tar", "link", "after", tarfile.LNKTYPE)

    assert unpack(tmp_path / "a.tar", tmp_path / "out") == 1

    assert everything_in(tmp_path / "out") == ["after"]


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_device_refuses_the_archive(tmp_path, kind):
    with_link(tmp_path / "a.tar", "device", "", kind)

    with pytest.raises(RefusedError, match="a device"):
        unpack(tmp_path / "a.tar", tmp_path / "out")


@pytest.mark.parametrize("archive", WRITERS)
@pytest.mark.parametrize(
    "names",
    [
        ("a", "a"),
        ("a.dcm", "A.DCM"),
        ("a", "a/b"),
        ("a/b", "a"),
        ("A/b", "a/c"),
        ("\u00e9", "e\u0301"),
        ("a", "./a"),
    ],
)
def test_two_entries_of_one_name_refuse_the_archive(tmp_path, archive, names):
    WRITERS[archive](tmp_path / archive, [(name, b"content") for name in names])

    with pytest.raises(RefusedError, match="two entries of one name"):
        unpack(tmp_path / archive, tmp_path / "out")


def damaged_zips(path):
    """Name -> bytes of a zip file that is broken in one way."""
    write_zip(path, [("a.dcm", b"content" * 100), ("b.dcm", b"x")])
    good = path.read_bytes()
    central = good.index(b"PK\1\2")
    encrypted = bytearray(good)
    encrypted[central + 8] |= 1
    method = bytearray(good)
    method[central + 10] = 12
    other_name = bytearray(good)
    other_name[30] = ord("z")
    data = bytearray(good)
    data[40] ^= 1
    larger = bytearray(good)
    larger[central + 24 : central + 28] = (5000).to_bytes(4, "little")
    return {
        "cut": good[:-30], "encrypted": bytes(encrypted), "method": bytes(method), "name": bytes(other_name),
        "data": bytes(data), "size": bytes(larger), "empty": b"PK\3\4",
    }  # fmt: skip


@pytest.mark.parametrize("what", ["cut", "encrypted", "method", "name", "data", "size", "empty"])
def test_a_damaged_zip_file_is_refused(tmp_path, what):
    (tmp_path / "bad.zip").write_bytes(damaged_zips(tmp_path / "a.zip")[what])

    with pytest.raises(RefusedError, match="LM-D051"):
        unpack(tmp_path / "bad.zip", tmp_path / "out")

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("packing", ["w", "w:gz", "w:xz"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_tar_file_that_was_cut_is_refused(tmp_path, packing, share):
    write_tar(tmp_path / "a.tar", [(f"{number}.dcm", os.urandom(20_000)) for number in range(10)], packing)
    data = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(data[: int(len(data) * share)])

    with pytest.raises(RefusedError, match="LM-D051"):
        unpack(tmp_path / "a.tar", tmp_path / "out")

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("packing", ["w:gz", "w:xz"])
def test_a_packed_tar_file_that_was_cut_behind_an_entry_is_refused(tmp_path, packing):
    """The sixth entry ends here: what comes out before the cut is a tar file of six whole entries."""
    random = np.random.default_rng(1)
    write_tar(tmp_path / "a.tar", [(f"{number}.dcm", random.bytes(20_000)) for number in range(10)], packing)
    data = (tmp_path / "a.tar").read_bytes()

    for length in range(121_700, 121_900, 4):
        (tmp_path / "a.tar").write_bytes(data[:length])
        with pytest.raises(RefusedError, match="LM-D051"):
            unpack(tmp_path / "a.tar", tmp_path / "out")


def test_entries_that_overlap_are_refused(tmp_path):
    """As in the bombs of Fifield 2019, where all entries share one block of packed bytes."""
    write_zip(tmp_path / "a.zip", [("a", b"x" * 50_000), ("b", b"y")])
    data = (tmp_path / "a.zip").read_bytes()
    central, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    record = data[central : data.index(b"PK\1\2", central + 1)]
    records = b"".join(record[:46] + b"%c" % (97 + n) + record[47:] for n in range(20))
    tail = bytearray(data[end:])
    tail[8:12] = (20).to_bytes(2, "little") * 2
    (tmp_path / "b.zip").write_bytes(data[:central] + records + bytes(tail))

    with pytest.raises(RefusedError, match="overlap"):
        unpack(tmp_path / "b.zip", tmp_path / "out")


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


def zeros(stream, mebibytes):
    for _ in range(mebibytes):
        stream.write(bytes(2**20))


def zip_bomb(path):
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("zeros.dcm", "w") as stream,
    ):
        zeros(stream, 100)


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


def test_more_bytes_or_entries_than_allowed_are_refused(tmp_path):
    write_zip(tmp_path / "a.zip", [("a", b"x" * 5000), ("b", b"y")])

    with pytest.raises(RefusedError, match="unpacked bytes"):
        unpack(tmp_path / "a.zip", tmp_path / "out", Limits(total_bytes=4000))
    with pytest.raises(RefusedError, match="entries"):
        unpack(tmp_path / "a.zip", tmp_path / "out", Limits(entries=1))


def test_a_refusal_does_not_name_the_archive_or_an_entry(tmp_path):
    write_zip(tmp_path / "Doe_Jane.zip", [("../Doe_Jane.dcm", b"")])

    with pytest.raises(RefusedError) as caught:
        unpack(tmp_path / "Doe_Jane.zip", tmp_path / "out", shown_as="archive 1")

    assert "Doe" not in str(caught.value)
    assert "archive 1" in str(caught.value)


def test_a_spreadsheet_is_checked_without_unpacking_it(tmp_path):
    zip_bomb(tmp_path / "a.xlsx")

    with pytest.raises(RefusedError, match="times its size"):
        check_zip(tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    ("name", "is_one"), [("a.ZIP", True), ("a.tar.xz", True), ("a.tgz", True), ("a.dcm", False)]
)
def test_archives_are_known_by_their_names(tmp_path, name, is_one):
    assert is_archive(tmp_path / name) is is_one
