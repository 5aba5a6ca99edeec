"""A folder without its patients gives the same nodule table, and none of 160 marked words is in it."""

import gzip
import json
import os
import shutil

import numpy as np
import pandas as pd
import pydicom
import pytest
import SimpleITK
from canaries import Canaries, write_canaries, write_volumes
from ct_files import body_hu, write_ct, write_frames
from ct_index import slices_of
from lidc_files import lidc_xml, nodule, roi
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from shared_data import needs_shared_data, unpacked

from lungml.ct.read import read_volume
from lungml.errors import InputError
from lungml.params.data import ConsensusParams, CtParams, PhantomParams
from lungml.phantom.cohort import write_cohort
from lungml.phi.folder import LEDGER, deidentify_folder
from lungml.phi.keys import Pseudonyms
from lungml.phi.scan import scan_for_patients, short_hash
from lungml.stages.index import run as index

NAMES = Pseudonyms(b"k" * 32)
TABLES = ("series", "slices", "readings", "contours", "nodules")


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "1")


def files_in(folder):
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def indexed(raw, out):
    index(CtParams(), ConsensusParams(), raw=raw, out=out)
    return {name: pd.read_parquet(out / f"{name}.parquet") for name in TABLES}


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """The folder of marked words, its copy, and what was counted."""
    folder = tmp_path_factory.mktemp("marked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUNGML_WORKERS", "1")
        birds = write_canaries(folder / "in")
        before = {name: path.read_bytes() for name, path in files_in(folder / "in").items()}
        counts = deidentify_folder(folder / "in", folder / "out", NAMES)
    return folder, birds, before, counts


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


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, RLELossless])
def test_packed_pixels_are_the_same_bytes(tmp_path, syntax):
    path = write_ct(tmp_path / "in", body_hu((1, 64, 64)))[0]
    dataset = pydicom.dcmread(path)
    dataset.compress(syntax)
    dataset.save_as(path)

    deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    copy = pydicom.dcmread(tmp_path / "out" / NAMES.path(path.name))
    assert copy.PixelData == pydicom.dcmread(path).PixelData
    assert copy.file_meta.TransferSyntaxUID == syntax


def copied_header(tmp_path, **tags):
    path = write_ct(tmp_path / "in", body_hu()[:1], **tags)[0]
    deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)
    return pydicom.dcmread(tmp_path / "out" / NAMES.path(path.name))


def test_what_was_done_is_recorded_in_the_image(tmp_path):
    header = copied_header(tmp_path)

    assert header.PatientIdentityRemoved == "YES"
    assert [item.CodeValue for item in header.DeidentificationMethodCodeSequence] == ["113100", "113108"]
    assert header.LongitudinalTemporalInformationModified == "REMOVED"
    assert header.PatientName == header.PatientID == NAMES.name("MRN12345")
    assert header.SeriesInstanceUID == NAMES.uid("1.2.9")
    assert header.StudyDate == header.PatientBirthDate == ""
    assert "SpecificCharacterSet" not in header


@pytest.mark.parametrize(
    ("age", "kept"),
    [("061Y", "061Y"), ("089Y", "089Y"), ("090Y", "090Y"), ("104Y", "090Y"), ("018M", "018M")],
)
def test_ages_above_89_are_one_age(tmp_path, age, kept):
    assert copied_header(tmp_path, PatientAge=age).PatientAge == kept


@pytest.mark.parametrize(
    ("model", "is_kept"),
    [
        ("LightSpeed VCT", True),
        ("Sensation 64", True),
        ("SOMATOM Definition AS+", True),
        ("Ward 3 Meyer", False),
    ],
)
def test_known_products_are_kept_and_other_words_are_not(tmp_path, model, is_kept):
    header = copied_header(tmp_path, ManufacturerModelName=model)

    assert header.ManufacturerModelName == (model if is_kept else NAMES.name(model))


def test_a_number_that_is_none_does_not_pass(tmp_path):
    path = write_ct(tmp_path / "in", body_hu()[:1])[0]
    path.write_bytes(
        path.read_bytes().replace(b"KV\x04\x00120 ", b"").replace(b"DS\x04\x00120 ", b"DS\x04\x00Ann ")
    )

    deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    assert "KVP" not in pydicom.dcmread(tmp_path / "out" / NAMES.path(path.name))


def test_readings_still_name_the_series_and_a_reader_without_marks_keeps_the_numbers(tmp_path):
    write_ct(tmp_path / "in" / "ct", body_hu((8, 12, 14)))
    marks = [[nodule(roi(-95.0), malignancy=4)], [], [nodule(roi(-95.0), malignancy=2)]]
    (tmp_path / "in" / "readings.xml").write_text(lidc_xml(marks))
    deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    readings = indexed(tmp_path / "out", tmp_path / "index")["readings"]

    assert readings["reader"].tolist() == [1, 3]
    assert readings["malignancy"].tolist() == [4, 2]


@pytest.mark.parametrize(
    "name",
    ["raw.nrrd", "packed.nrrd", "volume.nii", "volume.nii.gz", "volume.mha", "packed.mha", "header.mhd"],
)
def test_volumes_keep_their_voxels_and_their_place(marked, name):
    folder, _, _, _ = marked

    image = SimpleITK.ReadImage(str(folder / "out" / NAMES.path(name)))
    source = SimpleITK.ReadImage(str(folder / "in" / name))

    assert SimpleITK.GetArrayFromImage(image).ravel().tolist() == list(range(24))
    assert image.GetSpacing() == source.GetSpacing()
    assert image.GetOrigin() == source.GetOrigin()
    assert image.GetDirection() == source.GetDirection()


def test_paths_in_tables_lead_to_the_renamed_files(marked):
    folder, birds, _, _ = marked

    table = pd.read_csv(folder / "out" / NAMES.path("points.csv"))

    assert list(table) == ["series", "patient_id", "x", "y", "z", "label"]
    assert table["series"].tolist()[1] == NAMES.path("a.nrrd")
    assert table["patient_id"][0] == NAMES.name(birds.words["CSV patient id"])
    assert table["label"].tolist() == ["1", "benign"]
    assert np.isnan(table["x"][1])


def test_a_sheet_keeps_its_known_columns(marked):
    folder, birds, _, _ = marked

    table = pd.read_excel(folder / "out" / NAMES.path("labels.xlsx"))

    assert list(table) == ["Full_slice", "Nodule", "TumorClass", "PatientID"]
    assert table["Full_slice"][0] == NAMES.path("a.nrrd")
    assert table["PatientID"][0] == NAMES.name(birds.words["xlsx patient id"])


def test_a_folder_with_nothing_to_copy_leaves_nothing(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "letter.txt").write_text("Dear Ms Doe")

    with pytest.raises(InputError, match="LM-P003"):
        deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    assert not (tmp_path / "out").exists()


def test_a_table_still_names_volumes_that_are_called_by_their_series_uid(tmp_path):
    """As in LUNA16: `<SeriesInstanceUID>.mhd`, and the same UID in the table."""
    uid = "1.3.6.1.4.1.14519.5.2.1.6279.6001.1"
    (tmp_path / "in").mkdir()
    image = SimpleITK.GetImageFromArray(np.zeros((2, 3, 4), np.int16))
    SimpleITK.WriteImage(image, str(tmp_path / "in" / f"{uid}.mhd"))
    (tmp_path / "in" / "annotations.csv").write_text(
        f"seriesuid,coordX,coordY,coordZ,diameter_mm\n{uid},-1.5,2,3,5\n"
    )

    deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    table = pd.read_csv(tmp_path / "out" / NAMES.path("annotations.csv"))
    assert (tmp_path / "out" / f"{table['seriesuid'][0]}.mhd").is_file()
    assert table["coordX"][0] == -1.5


def test_crops_and_their_table_still_fit(tmp_path):
    (tmp_path / "in").mkdir()
    views = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    np.savez(tmp_path / "in" / "crops.npz", hu=views, nodule_id=["Doe-1", "Doe-2"], note=["Doe"])
    table = "nodule_id,patient_id,pixel_spacing_mm,r1,remark\nDoe-1,Doe,0.7,3,x\nDoe-2,Doe,0.7,4,y\n"
    (tmp_path / "in" / "crops.csv").write_text(table)

    deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    copy = pd.read_csv(tmp_path / "out" / NAMES.path("crops.csv"))
    with np.load(tmp_path / "out" / NAMES.path("crops.npz")) as arrays:
        assert sorted(arrays.files) == ["hu", "nodule_id"]
        assert arrays["nodule_id"].tolist() == copy["nodule_id"].tolist()
        np.testing.assert_array_equal(arrays["hu"], views)
    assert copy["patient_id"].nunique() == 1
    assert not [path for path in files_in(tmp_path / "out").values() if b"Doe" in path.read_bytes()]


def left_out(tmp_path, name, content):
    """Codes of what is left out of a folder of this file and a sound one."""
    write_ct(tmp_path / "in", body_hu()[:1])
    (tmp_path / "in" / name).write_bytes(content)
    return deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES).left_out


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


@pytest.mark.parametrize("short", [1, 20, 47])
@pytest.mark.parametrize("name", ["raw.nrrd", "packed.nrrd", "volume.nii", "packed.mha"])
def test_volumes_with_too_few_voxels_are_left_out(tmp_path, name, short):
    write_volumes(tmp_path, Canaries())
    data = (tmp_path / name).read_bytes()
    marked = b"CNRY" in data[-10:]

    assert left_out(tmp_path / "case", name, data[: len(data) - short - 10 * marked]) == {"LM-P003": 1}


def test_a_volume_that_would_grow_beyond_measure_is_left_out_unread(tmp_path):
    header = "NRRD0004\ntype: short\ndimension: 3\nsizes: 2048 2048 1000\nencoding: gzip\n\n"

    assert left_out(tmp_path, "a.nrrd", header.encode() + gzip.compress(bytes(1 << 20))) == {"LM-P003": 1}


@pytest.mark.parametrize(
    "part",
    ["/etc/passwd", "../secret.raw", "a/b.raw", "..", "C:\\x.raw", "\\\\host\\x", "%2e%2e/x", "LIST", ""],
)
@pytest.mark.parametrize("name", ["a.mhd", "a.nhdr"])
def test_voxels_that_lie_elsewhere_are_not_read(tmp_path, name, part):
    (tmp_path / "secret.raw").write_bytes(bytes(48))
    headers = {
        "a.mhd": f"NDims = 3\nDimSize = 4 3 2\nElementType = MET_SHORT\nElementDataFile = {part}\n",
        "a.nhdr": f"NRRD0004\ntype: short\ndimension: 3\nsizes: 4 3 2\nencoding: raw\ndata file: {part}\n\n",
    }

    assert left_out(tmp_path, name, headers[name].encode()) == {"LM-P003": 1}


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "secret.xml").write_text(lidc_xml([]))
    write_ct(tmp_path / "in", body_hu()[:1])
    (tmp_path / "in" / "link.xml").symlink_to(tmp_path / "secret.xml")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")

    counts = deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    assert counts.written == {"CT image": 1}


def test_two_patients_whose_ids_are_no_utf_8_stay_two(tmp_path):
    ids = set()
    for number, patient in enumerate((b"M\xfcller12", b"M\xe4ller12")):
        path = write_ct(tmp_path / f"in{number}", body_hu()[:1])[0]
        path.write_bytes(path.read_bytes().replace(b"MRN12345", patient))
        deidentify_folder(path.parent, tmp_path / f"out{number}", NAMES)
        ids.add(pydicom.dcmread(tmp_path / f"out{number}" / NAMES.path(path.name)).PatientID)

    assert len(ids) == 2


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


@pytest.mark.parametrize("name", ["a.nrrd", "a.nii", "a.nii.gz", "a.mha", "a.mhd"])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("shape", [(8, 256, 256), (3, 301, 257)])
def test_volumes_of_a_whole_and_a_broken_number_of_mebibytes_are_copied(tmp_path, name, packed, shape):
    hu = np.random.default_rng(0).integers(-1000, 400, shape, dtype=np.int16)
    image = SimpleITK.GetImageFromArray(hu)
    image.SetOrigin((-1.5, 2.25, 3))
    image.SetSpacing((0.7, 0.8, 2.5))
    (tmp_path / "in").mkdir()
    SimpleITK.WriteImage(image, str(tmp_path / "in" / name), useCompression=packed)

    deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    copy = SimpleITK.ReadImage(str(tmp_path / "out" / NAMES.path(name)))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(copy), hu)
    assert copy.GetOrigin() == SimpleITK.ReadImage(str(tmp_path / "in" / name)).GetOrigin()
    assert copy.GetSpacing() == SimpleITK.ReadImage(str(tmp_path / "in" / name)).GetSpacing()


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_enhanced_ct_keeps_the_place_and_the_values_of_its_frames(tmp_path, syntax):
    write_ct(tmp_path / "single", body_hu())
    path = tmp_path / "in" / "ct.dcm"
    write_frames(path, tmp_path / "single", own=["PixelValueTransformationSequence"])
    dataset = pydicom.dcmread(path)
    dataset.PerFrameFunctionalGroupsSequence[0].PixelValueTransformationSequence[0].ImageComments = "Jane"
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<i2").astype(">i2").tobytes()
    is_little, is_implicit = syntax != ExplicitVRBigEndian, syntax == ImplicitVRLittleEndian
    pydicom.dcmwrite(path, dataset, implicit_vr=is_implicit, little_endian=is_little)

    deidentify_folder(tmp_path / "in", tmp_path / "copy", NAMES)

    volumes = [read_volume(folder, slices_of(folder)) for folder in (tmp_path / "single", tmp_path / "copy")]
    np.testing.assert_array_equal(volumes[0].hu, volumes[1].hu)
    assert volumes[0].spacing_mm == volumes[1].spacing_mm
    assert volumes[0].origin_mm == volumes[1].origin_mm
    assert b"Jane" not in (tmp_path / "copy" / NAMES.path("ct.dcm")).read_bytes()


def test_a_name_that_is_no_utf_8_is_replaced_like_others(tmp_path):
    path = write_ct(tmp_path / "in", body_hu()[:1])[0]
    os.rename(path, os.fsencode(tmp_path / "in") + b"/M\xfcller.dcm")  # noqa: PTH104

    counts = deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    assert counts.written == {"CT image": 1}
    assert next((tmp_path / "out").glob("*.dcm")).name.startswith("anon-")
