import pytest
from lidc_files import lidc_xml, nodule, non_nodule, roi, small
from shared_data import needs_shared_data, unpacked

from lungml.nodules.lidc_xml import Kind, parse_readings
from lungml.quarantine import RefusedError


def parse(folder, text, encoding="utf-8"):
    (folder / "readings.xml").write_text(text, encoding=encoding)
    return parse_readings(folder, "readings.xml")


def test_sessions_are_readers_and_kinds_are_kept_apart(tmp_path):
    file = parse(
        tmp_path,
        lidc_xml(
            [
                [nodule(roi(-10), roi(-12.5), malignancy=4, texture=5), small(-20, 100, 120)],
                [non_nodule(-30, 7, 9)],
                [],
                [nodule(roi(-10), malignancy=2)],
            ]
        ),
    )

    assert (file.series_uid, file.study_uid) == ("1.2.9", "1.2.8")
    assert [(reading.reader, reading.kind) for reading in file.readings] == [
        (1, Kind.NODULE),
        (1, Kind.SMALL),
        (2, Kind.NON_NODULE),
        (4, Kind.NODULE),
    ]
    first = file.readings[0]
    assert (first.ratings["malignancy"], first.ratings["texture"], first.invalid) == (4, 5, ())
    assert [contour.z_mm for contour in first.contours] == [-10, -12.5]
    assert first.contours[0].x_px == (2, 2, 6, 6)
    assert first.contours[0].y_px == (2, 6, 6, 2)
    point = file.readings[2].contours[0]
    assert (point.x_px, point.y_px, point.z_mm) == ((7,), (9,), -30)


def test_false_inclusion_is_a_hole(tmp_path):
    file = parse(tmp_path, lidc_xml([[nodule(roi(-10), roi(-10, inclusion="FALSE"))]]))

    assert [contour.inclusion for contour in file.readings[0].contours] == [True, False]


@pytest.mark.parametrize("namespace", ["", ' xmlns="http://elsewhere.org"', ' xmlns:l="http://www.nih.gov"'])
def test_the_namespace_does_not_matter(tmp_path, namespace):
    text = lidc_xml([[nodule(roi(-10))]], namespace=namespace)
    if ":l" in namespace:
        text = text.replace("<", "<l:").replace("<l:/", "</l:").replace("<l:?", "<?")

    assert len(parse(tmp_path, text).readings) == 1


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (6, "6"), ("N/A", "3 other characters"), (None, "nothing"), ("3.5", "3.5")]
)
def test_a_malignancy_off_its_scale_counts_as_not_given(tmp_path, value, shown):
    (reading,) = parse(tmp_path, lidc_xml([[nodule(roi(-10), malignancy=value)]])).readings

    assert reading.ratings["malignancy"] == 0
    assert reading.invalid == (f"malignancy = {shown}",)


def test_calcification_reaches_six_and_internal_structure_four(tmp_path):
    (reading,) = parse(
        tmp_path, lidc_xml([[nodule(roi(-10), calcification=6, internalStructure=5)]])
    ).readings

    assert reading.ratings["calcification"] == 6
    assert reading.ratings["internal_structure"] == 0


def test_one_point_is_a_small_nodule_whatever_its_characteristics(tmp_path):
    mark = nodule(roi(-10, [(5, 5)]), malignancy=0)

    (reading,) = parse(tmp_path, lidc_xml([[mark]])).readings

    assert (reading.kind, reading.invalid) == (Kind.SMALL, ())


BOMB = (
    '<!DOCTYPE b [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><LidcReadMessage>&c;</LidcReadMessage>'
)
REFUSED = {
    "entities": (BOMB, "a DOCTYPE"),
    "external entity": ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "a DOCTYPE"),
    "deep": ("<a>" * 33 + "</a>" * 33, "more than 32 levels"),
    "cut": (lidc_xml([[nodule(roi(-10))]])[:-30], "malformed XML"),
    "empty": ("", "malformed XML"),
    "a word as coordinate": (lidc_xml([[small(-10, "left", 3)]]), "could not convert"),
    "no coordinate": (lidc_xml([[small(-10, "", 3)]]), "could not convert"),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("fault", REFUSED)
def test_hostile_and_malformed_xml_is_refused(tmp_path, fault, encoding):
    text, found = REFUSED[fault]
    if encoding == "utf-16":
        text = text.replace("UTF-8", "UTF-16")

    with pytest.raises(RefusedError, match=f"LM-X001.*{found}"):
        parse(tmp_path, text, encoding)


def test_a_file_beyond_64_mib_is_refused_unread(tmp_path):
    with (tmp_path / "readings.xml").open("wb") as stream:
        stream.truncate(64 * 2**20 + 1)

    with pytest.raises(RefusedError, match=r"LM-X001.*67108865 bytes"):
        parse_readings(tmp_path, "readings.xml")


@pytest.mark.parametrize("text", ["<IdriReadMessage/>", "<LidcReadMessage/>", lidc_xml([], series_uid="")])
def test_xml_without_ct_readings_is_skipped(tmp_path, text):
    with pytest.raises(RefusedError, match="LM-X002"):
        parse(tmp_path, text)


@needs_shared_data
def test_a_real_file_gives_the_published_scores():
    raw = unpacked("lidc_dicom/LIDC-IDRI-0001_full133.tar.xz")
    (path,) = raw.rglob("*.xml")

    file = parse_readings(raw, str(path.relative_to(raw)))

    nodules = [reading for reading in file.readings if reading.kind is Kind.NODULE]
    assert sorted(reading.ratings["malignancy"] for reading in nodules) == [4, 5, 5, 5]
    assert {reading.reader for reading in nodules} == {1, 2, 3, 4}


@needs_shared_data
def test_readings_of_chest_x_rays_are_skipped():
    raw = unpacked("lidc_xml/cxr_idri_xml_sample.tar.xz")
    path = min(raw.rglob("*.xml"))

    with pytest.raises(RefusedError, match="LM-X002"):
        parse_readings(raw, str(path.relative_to(raw)))
