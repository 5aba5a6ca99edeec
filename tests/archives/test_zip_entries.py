"""Links, damage and overlaps of zip files."""

import zipfile

import pytest
from archive_files import write_zip

from lungml.archives.unpack import unpack
from lungml.quarantine import RefusedError


def test_a_link_in_a_zip_file_that_leads_outside_refuses_it(tmp_path):
    info = zipfile.ZipInfo("link")
    info.external_attr, info.create_system = 0o120777 << 16, 3
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")

    with pytest.raises(RefusedError, match="a link that leads outside"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


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
