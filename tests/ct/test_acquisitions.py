import pytest
from ct_files import body_hu, edit, write_ct
from ct_index import index_folder

from lungml.ct.acquisitions import without_rivals
from lungml.ct.read_header import read_header
from lungml.params.data import CtParams


def headers(folder, numbers):
    """Of the slices of a series from the feet up, slice k with AcquisitionNumber `numbers[k]`."""
    paths = write_ct(folder, body_hu((len(numbers), 10, 12)))
    for path, number in zip(paths, numbers, strict=True):
        edit(path, AcquisitionNumber=number)
    return [read_header(folder, path.name) for path in paths]


def kept(found):
    return [header.acquisition for header in found]


@pytest.mark.parametrize("numbers", ["111111", "111222", "112233", "321444"])
def test_acquisitions_beside_each_other_are_parts_of_one_volume(tmp_path, numbers):
    found, findings = without_rivals(headers(tmp_path, numbers), CtParams())

    assert kept(found) == list(numbers)
    assert findings == []


def test_of_acquisitions_of_the_same_region_the_one_with_most_images_stays(tmp_path):
    found, findings = without_rivals(headers(tmp_path, "2122122"), CtParams())

    assert set(kept(found)) == {"2"}
    assert [(each.code, each.found) for each in findings] == [("LM-D057", "2 images of another acquisition")]


def test_of_equally_many_images_those_with_the_lower_number_stay(tmp_path):
    found, _ = without_rivals(headers(tmp_path, ["10", "9", "10", "9"]), CtParams())

    assert set(kept(found)) == {"9"}


def test_what_is_left_out_is_not_in_the_tables(tmp_path):
    paths = write_ct(tmp_path, body_hu(), AcquisitionNumber=1)
    for number, path in enumerate(paths[1:4]):
        copy = tmp_path / f"again{number}.dcm"
        copy.write_bytes(path.read_bytes())
        edit(copy, AcquisitionNumber=2, SOPInstanceUID=f"1.2.4.{number}", InstanceNumber=50 + number)

    rows = index_folder(tmp_path)

    assert [finding.code for finding in rows.findings] == ["LM-D057"]
    assert not [row for row in rows.tables["slices"] if "again" in row["path"]]
