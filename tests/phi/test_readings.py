"""Copies of LIDC readings name the series and the reader as before."""

from ct_files import body_hu, write_ct
from lidc_files import lidc_xml, nodule, roi
from nameless_copies import NAMES, indexed

from lungml.phi.folder import deidentify_folder


def test_readings_still_name_the_series_and_a_reader_without_marks_keeps_the_numbers(tmp_path):
    write_ct(tmp_path / "in" / "ct", body_hu((8, 12, 14)))
    marks = [[nodule(roi(-95.0), malignancy=4)], [], [nodule(roi(-95.0), malignancy=2)]]
    (tmp_path / "in" / "readings.xml").write_text(lidc_xml(marks))
    deidentify_folder(tmp_path / "in", tmp_path / "out", NAMES)

    readings = indexed(tmp_path / "out", tmp_path / "index")["readings"]

    assert readings["reader"].tolist() == [1, 3]
    assert readings["malignancy"].tolist() == [4, 2]
