"""The reading file has the form of LIDC-IDRI's."""

# ruff: noqa: S314 - the files parsed here are our own, or LIDC-IDRI's as published

from xml.etree import ElementTree

import pytest
from shared_data import needs_shared_data, unpacked

from lungml.phantom.lidc_xml import PlaneReference, ReadMessage, read_message_xml
from lungml.phantom.readings import Contour, Reading
from lungml.phantom.scores import Rating

NAME = {"n": "http://www.nih.gov"}
RATING = Rating(
    reader=0,
    subtlety=4,
    internal_structure=1,
    calcification=6,
    sphericity=3,
    margin=5,
    lobulation=2,
    spiculation=1,
    texture=5,
    malignancy=3,
)


def message(mirrored=None):
    diamond = ((1, 2), (2, 3), (3, 2), (2, 1))
    first = (
        Reading(0, "nodule", RATING, (Contour(0, diamond), Contour(1, diamond))),
        Reading(0, "small", None, (Contour(1, ((7, 8),)),)),
        Reading(0, "non-nodule", None, (Contour(1, ((5, 4),)),)),
    )
    planes = (PlaneReference("2.25.10", "-20.5"), PlaneReference("2.25.11", "-18"))
    return ReadMessage("2.25.1", "2.25.2", "2.25.3", planes, (first, (), (), ()), mirrored)


def parsed(**options):
    return ElementTree.fromstring(read_message_xml(message(**options)))


def texts(element, path):
    return [found.text for found in element.findall(path, NAME)]


def test_the_header_names_study_and_series():
    root = parsed()

    assert root.tag == "{http://www.nih.gov}LidcReadMessage"
    assert texts(root, "n:ResponseHeader/n:SeriesInstanceUid") == ["2.25.3"]
    assert texts(root, "n:ResponseHeader/n:StudyInstanceUID") == ["2.25.2"]


def test_there_is_one_session_per_reader_even_without_marks():
    assert len(parsed().findall("n:readingSession", NAME)) == 4


def test_a_nodule_has_its_characteristics_and_a_closed_outline_per_plane():
    nodule = parsed().find(".//n:unblindedReadNodule", NAME)

    scores = {child.tag.split("}")[1]: child.text for child in nodule.find("n:characteristics", NAME)}
    assert scores["malignancy"] == "3"
    assert scores["calcification"] == "6"
    assert scores["internalStructure"] == "1"
    assert len(scores) == 9
    assert texts(nodule, "n:roi/n:imageZposition") == ["-20.5", "-18"]
    assert texts(nodule, "n:roi/n:imageSOP_UID") == ["2.25.10", "2.25.11"]
    assert texts(nodule, "n:roi/n:inclusion") == ["TRUE", "TRUE"]
    first = nodule.find("n:roi", NAME)
    assert texts(first, "n:edgeMap/n:xCoord") == ["2", "3", "2", "1", "2"]
    assert texts(first, "n:edgeMap/n:yCoord") == ["1", "2", "3", "2", "1"]


def test_a_small_nodule_is_one_point_without_characteristics():
    small = parsed().findall(".//n:unblindedReadNodule", NAME)[1]

    assert small.find("n:characteristics", NAME) is None
    assert texts(small, "n:roi/n:edgeMap/n:xCoord") == ["8"]
    assert texts(small, "n:roi/n:edgeMap/n:yCoord") == ["7"]


def test_a_non_nodule_is_a_locus():
    mark = parsed().find(".//n:nonNodule", NAME)

    assert texts(mark, "n:imageSOP_UID") == ["2.25.11"]
    assert texts(mark, "n:locus/n:xCoord") == ["4"]
    assert texts(mark, "n:locus/n:yCoord") == ["5"]


def test_where_rows_run_backwards_columns_are_counted_from_the_other_end():
    first = parsed(mirrored=10).find(".//n:roi", NAME)

    assert texts(first, "n:edgeMap/n:xCoord") == ["7", "6", "7", "8", "7"]
    assert texts(first, "n:edgeMap/n:yCoord") == ["1", "2", "3", "2", "1"]


@needs_shared_data
@pytest.mark.parametrize("path", ["n:readingSession//n:characteristics/..", ".//n:roi", ".//n:nonNodule"])
def test_elements_follow_one_another_as_in_real_files(path):
    assert children(parsed(), path) == children(real_root(), path)


@needs_shared_data
def test_the_header_holds_what_real_headers_hold():
    assert set(children(parsed(), "n:ResponseHeader")) <= set(children(real_root(), "n:ResponseHeader"))


def real_root():
    first = sorted(unpacked("lidc_xml/lidc_ct_xml.tar.xz").rglob("*.xml"))[0]
    return ElementTree.parse(first).getroot()


def children(root, path):
    """Names of an element's children without repetition, in order."""
    return list(dict.fromkeys(child.tag for child in root.find(path, NAME)))
