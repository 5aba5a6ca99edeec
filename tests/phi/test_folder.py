"""A folder without its patients gives the same nodule table, and none of 160 marked words is in it."""

import json
import os
import shutil

import numpy as np
import pandas as pd
import pydicom
import pytest
from ct_files import body_hu, write_ct
from lidc_files import lidc_xml
from nameless_copies import NAMES, TABLES, files_in, indexed, left_out
from shared_data import needs_shared_data, unpacked

from lungml.errors import InputError
from lungml.params.data import PhantomParams
from lungml.phantom.cohort import write_cohort
from lungml.phi.folder import LEDGER, deidentify_folder
from lungml.phi.scan import scan_for_patients, short_hash


def test_every_marked_word_is_found_before_and_none_after(marked):
    folder, birds, _, _ = marked
    hashes = {short_hash(word): place for place, word in birds.words.items()}

    before = scan_for_patients(folder / "in", birds.words.values())
    after = scan_for_patients(folder / "out", birds.words.values())

    found = {hashes.get(place.what.removeprefix("known word ")) for place in before}
    assert len(birds.words) >= 160
    assert set(birds.words) - found == set()
    assert [place for place in after if place.sure] == []


def test_the_copy_holds_what_was_sound_and_counts_the_rest(marked):
    _, _, _, counts = marked

    assert counts.written == {
        "CT image": 18,
        "file of readings": 1,
        "table": 2,
        "volume": 8,
        "voxels of a volume file": 1,
    }
    assert counts.left_out == {
        "LM-D046": 1, "LM-D047": 1, "LM-P001": 1, "LM-P002": 1, "LM-P003": 8, "LM-X002": 2,
    }  # fmt: skip


def test_the_source_is_not_touched(marked):
    folder, _, before, _ = marked

    assert {name: path.read_bytes() for name, path in files_in(folder / "in").items()} == before


def test_the_record_says_what_was_done_and_names_nobody(marked):
    folder, _, _, counts = marked

    record = json.loads((folder / "out" / LEDGER).read_text())

    assert record["left_out"] == counts.left_out
    assert record["profile"] == ["DCM 113100", "DCM 113108"]


def test_the_index_of_marked_files_tells_nobody_beyond_the_patient_id(marked, tmp_path, capsys):
    """Only names of folders and files, which slices.parquet needs, are not known to be a patient's."""
    folder, birds, _, _ = marked
    indexed(folder / "in", tmp_path / "index")

    told = scan_for_patients(tmp_path / "index", birds.words.values())
    said = capsys.readouterr()

    places = {f"known word {short_hash(word)}": place for place, word in birds.words.items()}
    in_tables = {places[place.what] for place in told if place.what in places}
    elsewhere = {places[p.what] for p in told if p.what in places and not p.path.endswith(".parquet")}
    assert in_tables <= PATHS | {
        "LO PatientID", "LO Manufacturer", "LO ManufacturerModelName", "SH ConvolutionKernel",
        "CS PatientSex", "UI StudyInstanceUID",
    }  # fmt: skip
    assert elsewhere <= PATHS
    assert not [word for word in birds.words.values() if word in said.out + said.err]


PATHS = {"folder name", "file name", "MHD data file"}


def test_the_index_of_the_copy_tells_nobody(marked, tmp_path):
    folder, birds, _, _ = marked
    indexed(folder / "out", tmp_path / "index")

    assert scan_for_patients(tmp_path / "index", birds.words.values()) == []


def test_a_phantom_cohort_gives_the_same_tables_but_for_names(tmp_path):
    write_cohort(PhantomParams(patients=4), ct=tmp_path / "ct", truth=tmp_path / "truth")
    deidentify_folder(tmp_path / "ct", tmp_path / "copy", NAMES)

    one, two = indexed(tmp_path / "ct", tmp_path / "1"), indexed(tmp_path / "copy", tmp_path / "2")

    renamed = {
        "patient_id": NAMES.name,
        "series_uid": NAMES.uid,
        "study_uid": NAMES.uid,
        "sop_uid": NAMES.uid,
    }
    for name in TABLES:
        expected = one[name]
        for column in renamed.keys() & set(expected):
            expected = expected.assign(**{column: expected[column].map(renamed[column])})
        same = [column for column in expected if column not in {"nodule_id", "reading_id", "path"}]
        keys = [key for key in ("series_uid", "z_index", "y_index", "x_index", "contour") if key in same]
        keys = [key for key in keys if not isinstance(expected[key].iloc[0], np.ndarray)]
        shown = [
            frame[same].assign(text=frame[same].map(str).agg("|".join, axis=1)).sort_values([*keys, "text"])
            for frame in (expected, two[name])
        ]
        assert shown[0]["text"].tolist() == shown[1]["text"].tolist(), name
    assert len(one["nodules"]) > 5


def test_a_folder_with_nothing_to_copy_leaves_nothing(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "letter.txt").write_text("Dear Ms Doe")

    with pytest.raises(InputError, match="LM-P003"):
        deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("letters.csv", b"to,text\nMs Doe,Dear\n", "LM-P004"),
        ("empty.csv", b"", "LM-P004"),
        ("cut.dcm", b"\0" * 128 + b"DICM" + b"\2\0\0\0UL\4\0", "LM-D005"),
        ("bomb.xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "LM-X001"),
        ("broken.xlsx", b"PK\3\4", "LM-P003"),
        ("broken.npz", b"PK\3\4", "LM-P003"),
        ("broken.nrrd", b"NRRD0004\ntype: short\n", "LM-P003"),
        ("broken.nii", bytes(400), "LM-P003"),
        ("broken.nii.gz", b"\x1f\x8b", "LM-P003"),
        ("broken.mha", b"ElementDataFile = LOCAL\n", "LM-P003"),
    ],
)
def test_what_cannot_be_copied_safely_is_left_out_with_its_code(tmp_path, name, content, code):
    assert left_out(tmp_path, name, content) == {code: 1}


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "secret.xml").write_text(lidc_xml([]))
    write_ct(tmp_path / "in", body_hu()[:1])
    (tmp_path / "in" / "link.xml").symlink_to(tmp_path / "secret.xml")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")

    counts = deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    assert counts.written == {"CT image": 1}


@needs_shared_data
def test_real_lidc_series_give_the_same_nodule_with_the_same_scores(tmp_path):
    series = unpacked("lidc_dicom/LIDC-IDRI-0003_11slices.tar.xz")
    first = next(path for path in series.rglob("*.dcm"))
    uid = pydicom.dcmread(first, stop_before_pixels=True).SeriesInstanceUID.encode()
    readings = unpacked("lidc_xml/lidc_ct_xml.tar.xz").rglob("*.xml")
    shutil.copytree(series, tmp_path / "in")
    shutil.copy(next(path for path in readings if uid in path.read_bytes()), tmp_path / "in")
    deidentify_folder(tmp_path / "in", tmp_path / "copy", NAMES)

    one, two = indexed(tmp_path / "in", tmp_path / "1"), indexed(tmp_path / "copy", tmp_path / "2")

    same = ["n_readers", "diameter_mm", "volume_mm3", "z_index", "y_index", "x_index", "ambiguous"]
    pd.testing.assert_frame_equal(one["nodules"][same], two["nodules"][same])
    assert [list(each) for each in one["nodules"]["scores"]] == [
        list(each) for each in two["nodules"]["scores"]
    ]
    assert one["series"]["pixels_sha256"].tolist() == two["series"]["pixels_sha256"].tolist()
    assert len(one["nodules"]) >= 1


def test_a_name_that_is_no_utf_8_is_replaced_like_others(tmp_path):
    path = write_ct(tmp_path / "in", body_hu()[:1])[0]
    os.rename(path, os.fsencode(tmp_path / "in") + b"/M\xfcller.dcm")  # noqa: PTH104

    counts = deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    assert counts.written == {"CT image": 1}
    assert next((tmp_path / "out").glob("*.dcm")).name.startswith("anon-")
