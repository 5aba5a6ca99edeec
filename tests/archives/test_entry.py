"""Names, number and size of an archive's entries: nothing is written beside the folder."""

import pytest
from archive_files import WRITERS, everything_in, write_zip

from lungml.archives.entry import Limits
from lungml.archives.unpack import unpack
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


def test_more_bytes_or_entries_than_allowed_are_refused(tmp_path):
    write_zip(tmp_path / "a.zip", [("a", b"x" * 5000), ("b", b"y")])

    with pytest.raises(RefusedError, match="unpacked bytes"):
        unpack(tmp_path / "a.zip", tmp_path / "out", Limits(total_bytes=4000))
    with pytest.raises(RefusedError, match="entries"):
        unpack(tmp_path / "a.zip", tmp_path / "out", Limits(entries=1))
