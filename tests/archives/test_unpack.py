"""Archives are unpacked whole or not at all, and are checked without being unpacked."""

import os
import zipfile

import pytest
from archive_files import write_tar, write_zip, zip_bomb

from lungml.archives.unpack import check_zip, is_archive, unpack
from lungml.quarantine import RefusedError


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
