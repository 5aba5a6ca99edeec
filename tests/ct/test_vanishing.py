"""Files that are gone, or something else, between one look and the next."""

import pytest
from ct_files import body_hu, write_ct
from ct_index import slices_of

from lungml.ct.inspect_series import inspect_series
from lungml.ct.read import read_planes, read_volume
from lungml.ct.read_header import read_header
from lungml.params.data import CtParams
from lungml.quarantine import RefusedError


def test_a_file_that_vanished_after_the_scan_is_named(tmp_path):
    with pytest.raises(RefusedError, match=r"LM-D050 gone\.dcm.*no such file"):
        read_header(tmp_path, "gone.dcm")


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path):
    (tmp_path / "image.dcm").mkdir()

    with pytest.raises(RefusedError, match=r"LM-D050 image\.dcm.*is a directory"):
        read_header(tmp_path, "image.dcm")


def test_a_file_that_vanished_after_its_header_costs_its_series(tmp_path):
    paths = write_ct(tmp_path, body_hu())
    headers = [read_header(tmp_path, path.name) for path in paths]
    paths[2].unlink()

    with pytest.raises(RefusedError, match=r"LM-D050.*no such file"):
        inspect_series(tmp_path, headers, CtParams())


def test_a_file_that_vanished_after_the_index_is_named(tmp_path):
    paths = write_ct(tmp_path, body_hu())
    slices = slices_of(tmp_path)
    paths[2].unlink()

    with pytest.raises(RefusedError, match="LM-D050"):
        read_volume(tmp_path, slices)
    with pytest.raises(RefusedError, match="LM-D050"):
        read_planes(tmp_path, slices, [2])
