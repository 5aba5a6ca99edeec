import os
import subprocess
import sys
from tempfile import TemporaryDirectory

import pytest
from ct_files import body_hu, write_ct

from lungml.ct.scan import scan_folder


def test_files_are_told_apart_by_their_bytes_in_any_layout(tmp_path):
    write_ct(tmp_path / "a b" / "ü" / "c", body_hu()[:1])
    (tmp_path / "readings").write_text("\ufeff<?xml version='1.0'?><LidcReadMessage/>", encoding="utf-8")
    (tmp_path / "utf16.xml").write_text("<?xml version='1.0'?><LidcReadMessage/>", encoding="utf-16")
    (tmp_path / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (tmp_path / "DICOMDIR").write_bytes(bytes(128) + b"DICM")

    scan = scan_folder(tmp_path)

    assert scan.dicom == ("a b/ü/c/000.dcm",)
    assert scan.xml == ("readings", "utf16.xml")
    assert [(finding.code, finding.path) for finding in scan.findings] == [
        ("LM-D002", "DICOMDIR"),
        ("LM-D002", "Thumbs.db"),
    ]


def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    (finding,) = scan_folder(tmp_path).findings

    assert (finding.code, finding.path) == ("LM-D050", "pipe")


def test_the_order_of_findings_and_files_is_that_of_their_paths(tmp_path):
    for name in ("b", "a/z", "a/b", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")

    assert [finding.path for finding in scan_folder(tmp_path).findings] == ["a/b", "a/z", "b", "c"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named(tmp_path):
    (tmp_path / "secret.dcm").write_bytes(b"text")
    (tmp_path / "secret.dcm").chmod(0)
    (tmp_path / "folder").mkdir(mode=0)

    findings = scan_folder(tmp_path).findings

    assert [(finding.code, finding.path) for finding in findings] == [
        ("LM-D050", "folder"),
        ("LM-D050", "secret.dcm"),
    ]


def test_a_name_that_is_not_utf8_is_shown_by_its_numbers(tmp_path):
    os.mkdir(os.fsencode(tmp_path) + b"/\xff")  # noqa: PTH102
    write_ct(tmp_path / os.fsdecode(b"\xff"), body_hu()[:1])

    (finding,) = scan_folder(tmp_path).findings

    assert (finding.code, finding.path) == ("LM-D050", "\\xff/000.dcm")
    assert "not UTF-8" in finding.text


@pytest.fixture
def a_million_files():
    """Empty ones in one folder, which is removed at once: pytest keeps its own for days."""
    with TemporaryDirectory() as folder:
        for number in range(1_000_000):
            os.close(os.open(f"{folder}/{number:07}", os.O_CREAT | os.O_WRONLY))
        yield folder


@pytest.mark.slow
def test_a_million_files_of_another_kind_are_listed_in_a_minute_and_300_megabytes(a_million_files):
    command = [sys.executable, "-c", LIST_AND_MEASURE, a_million_files]

    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    findings, cpu_s, peak_bytes = (float(number) for number in printed.split())
    assert findings == 1_000_000
    assert cpu_s < 60
    assert peak_bytes < 300e6


LIST_AND_MEASURE = """
import resource, sys, time
from pathlib import Path
from lungml.ct.scan import scan_folder

started = time.process_time()
scan = scan_folder(Path(sys.argv[1]))
seconds = time.process_time() - started
print(len(scan.findings), seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
