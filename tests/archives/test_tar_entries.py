"""Links, devices and cuts of tar files."""

import os
import tarfile

import numpy as np
import pytest
from archive_files import everything_in, with_link, write_tar

from lungml.archives.unpack import unpack
from lungml.quarantine import RefusedError


@pytest.mark.parametrize("target", ["/etc", "../..", "../../evil", "a/../../..", "/proc/self/root"])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_that_leads_outside_refuses_the_archive(tmp_path, kind, target):
    with_link(tmp_path / "a.tar", "link", target, kind)

    with pytest.raises(RefusedError, match="a link that leads outside"):
        unpack(tmp_path / "a.tar", tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_a_link_inside_is_left_out(tmp_path):
    with_link(tmp_path / "a.tar", "link", "after", tarfile.LNKTYPE)

    assert unpack(tmp_path / "a.tar", tmp_path / "out") == 1

    assert everything_in(tmp_path / "out") == ["after"]


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_device_refuses_the_archive(tmp_path, kind):
    with_link(tmp_path / "a.tar", "device", "", kind)

    with pytest.raises(RefusedError, match="a device"):
        unpack(tmp_path / "a.tar", tmp_path / "out")


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
