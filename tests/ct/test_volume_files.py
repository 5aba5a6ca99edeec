"""The same body in every format is the same volume; what no CT volume can be is refused by its code."""

import gzip
from contextlib import suppress

import numpy as np
import pytest
import SimpleITK
from ct_files import AXIAL, ORIENTATIONS, ORIGIN_MM, SPACING_MM, body_hu, write_ct
from ct_index import slices_of
from volume_files import FORMATS, edit_header, edit_nifti, write_picture, write_volume

from lungml.ct.image_files import inspect_image, read_image_file
from lungml.ct.itk_files import volume_suffix
from lungml.ct.read import read_volume
from lungml.ct.volume_files import geometry_of_file, inspect_volume_file, read_volume_file
from lungml.params.data import CtParams
from lungml.quarantine import RefusedError

CANONICAL = [[0, 0, 1], [0, 1, 0], [1, 0, 0]]


def code_of(path, read=lambda raw, path: inspect_volume_file(raw, path, CtParams())):
    with pytest.raises(RefusedError) as refused:
        read(path.parent, path.name)
    return refused.value.finding.code


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_volume_of_the_dicom_series(tmp_path, suffix):
    hu = body_hu()
    hu[2, 0, 0] = -2000  # padding, as scanners leave it
    write_ct(tmp_path / "dicom", hu)
    dicom = read_volume(tmp_path, slices_of(tmp_path))
    write_volume(tmp_path / "file" / f"body.{suffix}", hu)

    volume = read_volume_file(tmp_path, f"file/body.{suffix}")

    assert np.array_equal(volume.hu, dicom.hu)
    assert np.array_equal(volume.padding, dicom.padding)
    assert volume.padding.sum() == 1
    assert volume.spacing_mm == dicom.spacing_mm
    assert volume.origin_mm == pytest.approx(dicom.origin_mm, abs=1e-9)
    assert np.allclose(volume.direction, dicom.direction)


@pytest.mark.parametrize("suffix", ["nii", "nrrd", "mha"])
@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_every_way_to_store_a_body_gives_the_same_volume(tmp_path, orientation, suffix):
    hu = body_hu()
    write_volume(tmp_path / f"body.{suffix}", hu, orientation)

    volume = read_volume_file(tmp_path, f"body.{suffix}")

    assert np.array_equal(volume.hu, hu)
    assert volume.spacing_mm == SPACING_MM
    assert np.allclose(volume.origin_mm, ORIGIN_MM, atol=1e-5)
    assert np.allclose(volume.direction, CANONICAL)


@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd", "mha"])
def test_an_oblique_file_keeps_its_obliqueness(tmp_path, suffix):
    angle = np.radians(10)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    picture = SimpleITK.GetImageFromArray(body_hu())
    picture.SetDirection(turn.ravel().tolist())
    SimpleITK.WriteImage(picture, str(tmp_path / f"a.{suffix}"))

    volume = read_volume_file(tmp_path, f"a.{suffix}")

    assert np.allclose(volume.direction, turn[:, ::-1], atol=1e-6)
    assert np.array_equal(volume.hu, body_hu())


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("suffix", ["nii", "nrrd", "mha"])
def test_every_type_of_number_gives_the_same_hu(tmp_path, dtype, suffix):
    write_volume(tmp_path / f"a.{suffix}", body_hu(), dtype=dtype)

    assert np.array_equal(read_volume_file(tmp_path, f"a.{suffix}").hu, body_hu())


@pytest.mark.parametrize("suffix", ["nrrd", "mha", "mhd"])
def test_compressed_files_give_the_same_hu(tmp_path, suffix):
    write_volume(tmp_path / f"a.{suffix}", body_hu(), compress=True)

    assert np.array_equal(read_volume_file(tmp_path, f"a.{suffix}").hu, body_hu())


def test_slope_and_intercept_of_nifti_are_applied(tmp_path):
    hu = body_hu() // 2 * 2
    path = write_volume(tmp_path / "a.nii", (hu + 1100) // 2, dtype=np.uint16)
    edit_nifti(path, scl_slope=2.0, scl_inter=-1100.0)

    assert np.array_equal(read_volume_file(tmp_path, "a.nii").hu, hu)


def test_a_slope_of_zero_means_none(tmp_path):
    path = write_volume(tmp_path / "a.nii", body_hu())
    edit_nifti(path, scl_slope=0.0)

    assert np.array_equal(read_volume_file(tmp_path, "a.nii").hu, body_hu())


@pytest.mark.parametrize("unset", ["qform_code", "sform_code"])
def test_one_of_qform_and_sform_is_enough(tmp_path, unset):
    path = write_volume(tmp_path / "a.nii", body_hu(), ORIENTATIONS[7])
    edit_nifti(path, **{unset: 0})

    volume = read_volume_file(tmp_path, "a.nii")

    assert np.array_equal(volume.hu, body_hu())
    assert np.allclose(volume.origin_mm, ORIGIN_MM, atol=1e-5)


def test_ras_and_las_files_are_turned_to_lps(tmp_path):
    hu = body_hu()
    path = write_volume(tmp_path / "a.nrrd", hu)
    edit_header(path, {"space": "right-anterior-superior"})

    volume = read_volume_file(tmp_path, "a.nrrd")

    assert np.array_equal(volume.hu, hu[:, ::-1, ::-1])


def test_statistics_and_grid_need_one_look_at_the_file(tmp_path):
    write_volume(tmp_path / "a.mha", body_hu(), ORIENTATIONS[1])

    found = inspect_volume_file(tmp_path, "a.mha", CtParams())

    assert found.geometry.shape == body_hu().shape
    assert found.statistics.hu_min == body_hu().min()
    assert geometry_of_file(tmp_path, "a.mha", CtParams()).spacing_mm == SPACING_MM


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_a_file_that_ends_early_is_never_filled_up(tmp_path, suffix, share):
    path = write_volume(tmp_path / f"a.{suffix}", body_hu())
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])

    assert code_of(path) == "LM-D060"


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


@pytest.mark.parametrize("suffix", ["nii", "nrrd", "mha"])
def test_a_picture_of_eight_bits_is_no_ct(tmp_path, suffix):
    grey = ((body_hu().astype(int) + 1000) // 8).clip(0, 255)

    assert code_of(write_volume(tmp_path / f"a.{suffix}", grey, dtype=np.uint8)) == "LM-D061"


@pytest.mark.parametrize("suffix", ["nii", "nrrd", "mha"])
def test_colour_is_no_ct(tmp_path, suffix):
    colour = SimpleITK.GetImageFromArray(np.zeros((6, 10, 12, 3), np.uint8), isVector=True)
    SimpleITK.WriteImage(colour, str(tmp_path / f"a.{suffix}"))

    assert code_of(tmp_path / f"a.{suffix}") == "LM-D061"


@pytest.mark.parametrize("suffix", ["nii", "nrrd", "mha"])
@pytest.mark.parametrize("axes", [2, 4])
def test_other_numbers_of_axes_are_refused(tmp_path, suffix, axes):
    picture = SimpleITK.GetImageFromArray(
        np.stack([body_hu()] * 2) if axes == 4 else body_hu()[0], isVector=False
    )
    SimpleITK.WriteImage(picture, str(tmp_path / f"a.{suffix}"))

    assert code_of(tmp_path / f"a.{suffix}") == "LM-D062"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("suffix", ["nii", "nrrd", "mha"])
def test_values_that_are_no_numbers_are_refused(tmp_path, suffix, value):
    hu = body_hu().astype(np.float32)
    hu[3, 4, 5] = value

    assert code_of(write_volume(tmp_path / f"a.{suffix}", hu, dtype=np.float32)) == "LM-D063"


def test_a_slope_that_is_no_number_is_refused(tmp_path):
    path = write_volume(tmp_path / "a.nii", body_hu())
    edit_nifti(path, scl_slope=np.nan)

    assert code_of(path) == "LM-D063"


def test_a_nifti_without_a_place_is_refused(tmp_path):
    path = write_volume(tmp_path / "a.nii", body_hu())
    edit_nifti(path, qform_code=0, sform_code=0)

    assert code_of(path) == "LM-D064"


def test_a_nifti_that_contradicts_itself_is_refused(tmp_path):
    path = write_volume(tmp_path / "a.nii", body_hu())
    edit_nifti(path, qoffset=[10.0, -20.0, -95.0])

    assert code_of(path) == "LM-D065"


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


@pytest.mark.parametrize("suffix", ["nrrd", "mha"])
def test_values_in_the_wrong_byte_order_are_not_plausible(tmp_path, suffix):
    path = write_volume(tmp_path / f"a.{suffix}", body_hu())
    swapped = {"nrrd": {"endian": "big"}, "mha": {"BinaryDataByteOrderMSB": "True"}}
    edit_header(path, swapped[suffix])

    assert code_of(path) == "LM-D025"


def test_values_beyond_any_hu_are_refused(tmp_path):
    hu = body_hu().astype(np.float32)
    hu[0, 0, 0] = 1e9

    assert code_of(write_volume(tmp_path / "a.nrrd", hu, dtype=np.float32)) == "LM-D025"


def test_one_value_throughout_is_no_image(tmp_path):
    assert code_of(write_volume(tmp_path / "a.nii", np.full((6, 10, 12), -1000))) == "LM-D066"


def test_too_few_slices_and_too_large_files_are_refused(tmp_path):
    few = write_volume(tmp_path / "a.mha", body_hu((2, 10, 12)))
    large = write_volume(tmp_path / "b.mha", body_hu())

    def read(raw, path):
        return read_volume_file(raw, path, CtParams(max_volume_gib=1e-7))

    assert [code_of(few), code_of(large, read)] == ["LM-D053", "LM-D030"]


def test_a_header_that_claims_a_huge_volume_allocates_nothing(tmp_path):
    path = write_volume(tmp_path / "a.nii", body_hu())
    edit_nifti(path, sizes=[3, 4000, 4000, 4000, 1, 1, 1, 1])

    assert code_of(path) == "LM-D030"


def test_a_changed_byte_in_a_compressed_file_is_found_by_its_checksum(tmp_path):
    path = write_volume(tmp_path / "a.nii", body_hu())
    stored = bytearray(gzip.compress(path.read_bytes(), compresslevel=0))
    stored[-100] ^= 1
    (tmp_path / "a.nii.gz").write_bytes(stored)

    assert code_of(tmp_path / "a.nii.gz") == "LM-D060"


def test_a_compressed_file_of_several_members_is_read(tmp_path):
    data = write_volume(tmp_path / "a.nii", body_hu()).read_bytes()
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(data[:100]) + gzip.compress(data[100:]))

    assert np.array_equal(read_volume_file(tmp_path, "a.nii.gz").hu, body_hu())


@pytest.mark.parametrize("offset", [np.nan, 1e30, 1e6])
def test_values_that_begin_nowhere_are_refused(tmp_path, offset):
    path = write_volume(tmp_path / "a.nii", body_hu())
    edit_nifti(path, vox_offset=offset)

    assert code_of(path) == "LM-D060"


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha"])
def test_files_changed_at_random_are_read_or_refused(tmp_path, suffix):
    rng = np.random.default_rng(0)
    whole = write_volume(tmp_path / f"a.{suffix}", body_hu()).read_bytes()
    head = len(whole) if suffix == "nii.gz" else 400
    for _ in range(1000):
        data = bytearray(whole)
        for at in rng.integers(0, head, rng.integers(1, 6)):
            data[at] = rng.integers(256)
        (tmp_path / f"b.{suffix}").write_bytes(
            data[: rng.integers(len(data)) if rng.random() < 0.2 else None]
        )

        with suppress(RefusedError):
            inspect_volume_file(tmp_path, f"b.{suffix}", CtParams())


def test_a_compressed_file_is_read_no_further_than_its_header_says(tmp_path):
    path = write_volume(tmp_path / "a.nii", body_hu())
    with gzip.open(tmp_path / "bomb.nii.gz", "wb") as stream:
        stream.write(path.read_bytes() + bytes(1 << 26))

    assert np.array_equal(read_volume_file(tmp_path, "bomb.nii.gz").hu, body_hu())


def test_a_file_is_read_as_what_its_suffix_says(tmp_path):
    write_volume(tmp_path / "a.mha", body_hu()).rename(tmp_path / "a.nrrd")

    assert code_of(tmp_path / "a.nrrd") == "LM-D060"


def test_suffixes_are_known_in_any_case():
    names = ["A.NII", "b.nii.gz", "c.NRRD", "d.gz", "e.nhdr", "nrrd"]

    assert [volume_suffix(name) for name in names] == [".nii", ".nii.gz", ".nrrd", "", "", ""]


@pytest.mark.parametrize("spacing_mm", [(0.8, 0.7), None])
def test_a_single_image_says_its_spacing_or_that_it_has_none(tmp_path, spacing_mm):
    hu = body_hu()[0]
    write_picture(tmp_path / "a.nrrd", hu, spacing_mm)

    image = read_image_file(tmp_path, "a.nrrd")

    assert np.array_equal(image.hu, hu)
    assert image.spacing_mm == pytest.approx(spacing_mm or (np.nan, np.nan), nan_ok=True)


def test_a_volume_of_one_slice_is_a_single_image(tmp_path):
    write_volume(tmp_path / "a.nrrd", body_hu()[:1], AXIAL)

    image = read_image_file(tmp_path, "a.nrrd")

    assert np.array_equal(image.hu, body_hu()[0])
    assert image.spacing_mm == SPACING_MM[1:]


def test_an_image_of_three_axes_needs_no_place_in_a_body(tmp_path):
    path = write_volume(tmp_path / "a.nrrd", body_hu()[:1])
    edit_header(path, {"space": None, "space directions": None, "space origin": None})

    image = read_image_file(tmp_path, "a.nrrd")

    assert np.array_equal(image.hu, body_hu()[0])
    assert np.isnan(image.spacing_mm).all()


def test_a_volume_is_no_single_image(tmp_path):
    assert code_of(write_volume(tmp_path / "a.nrrd", body_hu()), read_image_file) == "LM-D062"


def test_a_single_image_without_a_body_is_refused(tmp_path):
    write_picture(tmp_path / "air.nrrd", np.arange(120, dtype=np.int16).reshape(10, 12) - 1060)
    write_picture(tmp_path / "flat.nrrd", np.full((10, 12), 40, np.int16))

    def inspect(raw, path):
        return inspect_image(read_image_file(raw, path), path)

    codes = [code_of(tmp_path / name, inspect) for name in ("air.nrrd", "flat.nrrd")]
    assert codes == ["LM-D025", "LM-D066"]
