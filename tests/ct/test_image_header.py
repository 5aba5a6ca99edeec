"""Text headers of NRRD and MetaImage files: values that are not there and places that are none."""

import pytest
from ct_files import body_hu
from volume_files import code_of, edit_header, write_volume


def test_a_file_of_values_that_ends_early_or_is_not_there_is_refused(tmp_path):
    path = write_volume(tmp_path / "a.mhd", body_hu())
    values = tmp_path / "a.raw"
    values.write_bytes(values.read_bytes()[:-2])
    short = code_of(path)
    values.unlink()

    assert [short, code_of(path)] == ["LM-D060", "LM-D060"]


@pytest.mark.parametrize("name", ["../a.raw", "/etc/passwd", "LIST", "sub/a.raw"])
def test_a_header_that_points_elsewhere_is_refused(tmp_path, name):
    write_volume(tmp_path / "a.mhd", body_hu())
    path = write_volume(tmp_path / "in" / "b.mhd", body_hu())
    edit_header(path, {"ElementDataFile": name})

    assert code_of(path) == ("LM-D060" if name == "LIST" else "LM-D067")


def test_an_nrrd_that_points_to_another_file_is_refused(tmp_path):
    write_volume(tmp_path / "a.nrrd", body_hu())
    path = tmp_path / "b.nrrd"
    path.write_bytes(
        (tmp_path / "a.nrrd").read_bytes().replace(b"encoding: raw", b"encoding: raw\ndata file: x")
    )

    assert code_of(path) == "LM-D067"


@pytest.mark.parametrize(
    "fields",
    [
        {"space": "scanner-xyz"},
        {"space": None},
        {"space directions": "none none none"},
        {"space directions": "(0.7,0,0) (0.7,0.1,0) (0,0,2.5)"},
        {"space directions": "(0.7,0,0) (0,0.8,0) (0,0,200)"},
        {"space directions": "(0.7,0,0) (0,0.8,0) (0,0,nan)"},
    ],
    ids=["scanner", "no space", "none", "sheared", "too far", "nan"],
)
def test_an_nrrd_without_a_usable_place_is_refused(tmp_path, fields):
    path = write_volume(tmp_path / "a.nrrd", body_hu())
    edit_header(path, fields)

    assert code_of(path) in {"LM-D064", "LM-D060"}


@pytest.mark.parametrize(
    "fields",
    [
        {"ElementSpacing": "0 0.8 2.5"},
        {"TransformMatrix": "1 0 0 0.5 1 0 0 0 1"},
        {"TransformMatrix": "0 0 0 0 0 0 0 0 0"},
    ],
    ids=["zero spacing", "sheared", "zero"],
)
def test_a_metaimage_without_a_usable_place_is_refused(tmp_path, fields):
    path = write_volume(tmp_path / "a.mha", body_hu())
    edit_header(path, fields)

    assert code_of(path) in {"LM-D064", "LM-D060"}
