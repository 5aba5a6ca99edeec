"""Points over volume files: every format gives what DICOM gives, and a bad file harms no other."""

import numpy as np
import pandas as pd
import pytest
from ct_files import write_ct
from point_tables import SHAPE, UID, codes, indexed, point, with_ball, write_points
from volume_files import FORMATS, write_volume

from lungml.imaging.store import read_store
from lungml.params.data import ConsensusParams, CtParams, ViewsParams
from lungml.stages import views
from lungml.terms import View


@pytest.fixture(scope="module")
def in_every_format(tmp_path_factory):
    """The same body and point, as DICOM and in every file format: tables and nodule views of each."""
    root, made = tmp_path_factory.mktemp("formats"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUNGML_WORKERS", "1")
        for name in ("dicom", *FORMATS):
            raw, place = root / name / "raw", UID
            if name == "dicom":
                write_ct(raw / "ct", with_ball(), PatientID="P1")
            else:
                place = write_volume(raw / f"a.{name}", with_ball()).name
            rows = [point(series_uid=place, score=4) | {"patient_id": "P1", "nodule_id": "b"}]
            write_points(raw / "points.csv", rows)
            tables = indexed(root / name)
            views.run(
                CtParams(), ConsensusParams(), ViewsParams(size_px=32), view=View.NODULE, raw=raw,
                index=root / name / "index", out=root / name / "views",
            )  # fmt: skip
            made[name] = tables, read_store(root / name / "views")
    return made


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_tables_of_dicom(in_every_format, name):
    (dicom, _), (file, _) = in_every_format["dicom"], in_every_format[name]

    own = ["series_uid", "study_uid", "sop_uid", "path", "reading_id"]
    of_header = ["manufacturer", "model", "kernel", "kvp", "sex", "age_years", "slice_thickness_mm"]
    for table in dicom:
        left, right = (each[table].drop(columns=own + of_header, errors="ignore") for each in (dicom, file))
        pd.testing.assert_frame_equal(left, right, rtol=1e-6, obj=table)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_views_of_dicom(in_every_format, name):
    (_, dicom), (_, file) = in_every_format["dicom"], in_every_format[name]

    assert np.array_equal(dicom.images_hu, file.images_hu)
    assert np.array_equal(dicom.masks, file.masks)
    assert dicom.masks.sum() > 10
    assert (dicom.images_hu[0, 0][dicom.masks[0]] > -200).mean() > 0.8  # the mask is on the ball


def test_a_volume_file_no_table_names_is_left_out(tmp_path):
    write_ct(tmp_path / "raw" / "ct", with_ball())
    write_volume(tmp_path / "raw" / "a.nrrd", with_ball())

    assert len(indexed(tmp_path)["series"]) == 1
    assert codes(tmp_path) == ["LM-L012"]


def test_values_of_a_metaimage_are_no_file_of_their_own(tmp_path):
    hu = with_ball()
    hu[0, 0, :4] = (8, 8, 16720, 0)  # an element of group 0008, as a DICOM file without preamble begins
    write_volume(tmp_path / "raw" / "a.mhd", hu)
    write_points(tmp_path / "raw" / "points.csv", [point(series_uid="a", patient_id="A")])

    assert len(indexed(tmp_path)["nodules"]) == 1
    assert codes(tmp_path) == []


def test_a_bad_volume_file_is_set_aside_and_the_rest_goes_on(tmp_path):
    write_volume(tmp_path / "raw" / "a.nrrd", with_ball())
    write_volume(tmp_path / "raw" / "b.nrrd", np.full(SHAPE, 7))
    rows = [point(series_uid=f"{name}.nrrd", patient_id=name) for name in "ab"]
    write_points(tmp_path / "raw" / "points.csv", rows)

    assert indexed(tmp_path)["series"]["patient_id"].tolist() == ["a"]
    assert codes(tmp_path) == ["LM-D066"]
