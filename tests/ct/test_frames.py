import numpy as np
import pydicom
import pytest
from ct_files import (
    AXIAL,
    FUNCTIONAL_GROUPS,
    ORIENTATIONS,
    body_hu,
    edit,
    edit_frames,
    write_ct,
    write_frames,
)
from ct_index import codes, index_folder, slices_of
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    LegacyConvertedEnhancedCTImageStorage,
    RLELossless,
)

from lungml.ct.read import read_planes, read_volume


@pytest.fixture
def single(tmp_path):
    """A folder of single-frame images, of which every slice has its own rescale."""
    paths = write_ct(tmp_path / "single", body_hu())
    edit(paths[2], RescaleIntercept="-1023")
    return tmp_path / "single"


def volume_of(folder):
    return read_volume(folder, slices_of(folder))


def assert_same_volume(one, other):
    assert np.array_equal(one.hu, other.hu)
    assert np.array_equal(one.padding, other.padding)
    assert one.spacing_mm == other.spacing_mm
    assert one.origin_mm == other.origin_mm
    assert np.array_equal(one.direction, other.direction)


@pytest.mark.parametrize("own", [[], ["PixelValueTransformationSequence"], list(FUNCTIONAL_GROUPS)], ids=str)
def test_frames_give_the_volume_of_single_images(tmp_path, single, own):
    if not own:
        for path in single.iterdir():
            edit(path, RescaleIntercept="-1024")
    write_frames(tmp_path / "enhanced" / "ct.dcm", single, own=own)

    assert_same_volume(volume_of(tmp_path / "enhanced"), volume_of(single))


@pytest.mark.parametrize("orientation", ORIENTATIONS[::7], ids=str)
def test_frames_of_every_orientation_give_the_volume(tmp_path, orientation):
    write_ct(tmp_path / "single", body_hu(), orientation)
    write_frames(tmp_path / "enhanced" / "ct.dcm", tmp_path / "single")

    assert np.array_equal(volume_of(tmp_path / "enhanced").hu, body_hu())


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEGLSLossless,
        JPEG2000Lossless,
    ],
    ids=lambda syntax: syntax.name,
)
def test_frames_of_every_coding_give_the_volume(tmp_path, syntax):
    write_ct(tmp_path / "single", body_hu((6, 40, 48)))
    path = write_frames(tmp_path / "enhanced" / "ct.dcm", tmp_path / "single")
    dataset = pydicom.dcmread(path)
    if syntax.is_encapsulated:
        dataset.compress(syntax, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)

    assert_same_volume(volume_of(tmp_path / "enhanced"), volume_of(tmp_path / "single"))


def test_planes_of_frames_are_those_of_the_volume(tmp_path, single):
    write_frames(tmp_path / "ct#1" / "scan#2", single, own=FUNCTIONAL_GROUPS)
    slices = slices_of(tmp_path / "ct#1")

    hu, _ = read_planes(tmp_path / "ct#1", slices, [4, 0])

    assert np.array_equal(hu, volume_of(single).hu[[4, 0]])
    assert sorted(slices["path"]) == [f"scan#2#{frame}" for frame in range(6)]


def test_a_single_image_may_be_named_like_a_frame(tmp_path):
    for index, path in enumerate(write_ct(tmp_path, body_hu())):
        path.rename(tmp_path / f"image#{index}")

    assert np.array_equal(volume_of(tmp_path).hu, body_hu())


def test_legacy_converted_frames_keep_the_names_of_their_images(tmp_path, single):
    path = write_frames(
        tmp_path / "legacy" / "ct.dcm",
        single,
        own=FUNCTIONAL_GROUPS,
        SOPClassUID=LegacyConvertedEnhancedCTImageStorage,
    )

    def name_sources(dataset):
        for number, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            source = pydicom.Dataset()
            source.ReferencedSOPInstanceUID = f"1.2.3.{number + 1}"
            group.ConversionSourceAttributesSequence = [source]

    edit_frames(path, name_sources)
    converted, original = slices_of(tmp_path / "legacy"), slices_of(single)

    assert_same_volume(volume_of(tmp_path / "legacy"), volume_of(single))
    assert set(converted["sop_uid"]) == set(original["sop_uid"])


def test_a_frame_has_a_name_of_its_own(tmp_path, single):
    write_frames(tmp_path / "enhanced" / "ct.dcm", single)

    assert slices_of(tmp_path / "enhanced")["sop_uid"].is_unique


def without(keyword):
    def change(dataset):
        for group in (
            *dataset.SharedFunctionalGroupsSequence,
            *dataset.PerFrameFunctionalGroupsSequence[3:4],
        ):
            if keyword in group:
                delattr(group, keyword)

    return change


def a_frame_too_few(dataset):
    del dataset.PerFrameFunctionalGroupsSequence[-1]


def no_groups(dataset):
    del dataset.PerFrameFunctionalGroupsSequence


INCOMPLETE = {
    "no position": (without("PlanePositionSequence"), "no position of frame 4"),
    "no orientation": (without("PlaneOrientationSequence"), "no orientation of frame 1"),
    "no spacing": (without("PixelMeasuresSequence"), "no pixel spacing of frame 1"),
    "no rescale": (
        without("PixelValueTransformationSequence"),
        "no rescale slope, no rescale intercept of frame 1",
    ),
    "groups of too few frames": (a_frame_too_few, "functional groups of 5 of 6 frames"),
    "no groups": (no_groups, "functional groups of 0 of 6 frames"),
}


@pytest.mark.parametrize("lack", INCOMPLETE)
def test_incomplete_frames_are_refused_with_the_reason(tmp_path, single, lack):
    change, reason = INCOMPLETE[lack]
    edit_frames(write_frames(tmp_path / "enhanced" / "ct.dcm", single), change)

    (finding,) = index_folder(tmp_path / "enhanced").findings

    assert (finding.code, finding.found) == ("LM-D034", reason)


def test_pixels_of_too_few_frames_are_refused(tmp_path, single):
    path = write_frames(tmp_path / "enhanced" / "ct.dcm", single)
    edit(path, PixelData=pydicom.dcmread(path).PixelData[:-240])

    assert codes(tmp_path / "enhanced") == {"LM-D023"}


def test_a_number_that_cannot_be_read_is_named_also_in_a_frame(tmp_path, single):
    path = write_frames(tmp_path / "enhanced" / "ct.dcm", single)
    path.write_bytes(path.read_bytes().replace(b"0.8\\0.7", b"0,8\\0,7"))

    (finding,) = index_folder(tmp_path / "enhanced").findings

    assert (finding.code, finding.found) == ("LM-D049", "PixelSpacing (in 6 of 6 images)")


def test_more_frames_than_the_limit_are_refused_before_they_are_read(tmp_path, single):
    path = write_frames(tmp_path / "enhanced" / "ct.dcm", single)
    edit(path, NumberOfFrames="2000000000")

    assert codes(tmp_path / "enhanced") == {"LM-D030"}


def test_two_phases_in_one_file_are_refused(tmp_path):
    write_ct(tmp_path / "single", body_hu())
    for index, path in enumerate(write_ct(tmp_path / "more", body_hu(seed=1), AXIAL)):
        path.rename(tmp_path / "single" / f"more{index}.dcm")
    write_frames(tmp_path / "enhanced" / "ct.dcm", tmp_path / "single")

    assert codes(tmp_path / "enhanced") == {"LM-D042"}
