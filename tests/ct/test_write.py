"""What is written is what pydicom and SimpleITK read back."""

import numpy as np
import pydicom
import pytest
import SimpleITK

from lungml.ct.write import PixelStorage, PlaneHeader, SeriesHeader, to_stored, write_nrrd, write_series
from lungml.errors import OutputError

STORAGES = {
    "signed 16 bits, intercept -1024": PixelStorage(-1024, signed=True, bits_stored=16),
    "signed 16 bits, intercept 0": PixelStorage(0, signed=True, bits_stored=16),
    "unsigned 12 bits, intercept -1024": PixelStorage(-1024, signed=False, bits_stored=12),
    "signed 12 bits, intercept 0": PixelStorage(0, signed=True, bits_stored=12),
}
HU = np.random.default_rng(0).integers(-1024, 2000, (3, 6, 8)).astype(np.int16)


def header(storage):
    return SeriesHeader(
        patient_id="PHANTOM-0001",
        sex="F",
        age_years=61,
        study_uid="2.25.2",
        series_uid="2.25.3",
        frame_uid="2.25.4",
        manufacturer="SIEMENS",
        model="Sensation 64",
        kernel="B45f",
        kvp=120,
        current_ma=100,
        slice_thickness_mm=3.0,
        reconstruction_diameter_mm=300.0,
        patient_position="HFS",
        rows_direction=(1.0, 0.0, 0.0),
        columns_direction=(0.0, 1.0, 0.0),
        pixel_spacing_mm=(1.4, 1.3),
        description="a test",
        storage=storage,
    )


def planes():
    return [PlaneHeader(f"{n}.dcm", f"2.25.9{n}", 7 - n, (-10.0, 5.5, 2.0 * n)) for n in range(3)]


def written(folder, storage, outside=None):
    write_series(folder, to_stored(HU, outside, storage), header(storage), planes())
    return [pydicom.dcmread(folder / f"{n}.dcm") for n in range(3)]


@pytest.mark.parametrize("storage", STORAGES.values(), ids=STORAGES)
def test_hu_come_back_whatever_the_storage(storage, tmp_path):
    slices = written(tmp_path, storage)

    back = np.stack(
        [one.pixel_array.astype(int) * int(one.RescaleSlope) + int(one.RescaleIntercept) for one in slices]
    )
    assert np.array_equal(back, HU)


@pytest.mark.parametrize("storage", STORAGES.values(), ids=STORAGES)
def test_simpleitk_reads_the_same_volume_and_geometry(storage, tmp_path):
    written(tmp_path, storage)
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path)))

    volume = reader.Execute()

    assert np.array_equal(SimpleITK.GetArrayFromImage(volume), HU)
    assert volume.GetSpacing() == pytest.approx((1.3, 1.4, 2.0))
    assert volume.GetOrigin() == pytest.approx((-10.0, 5.5, 0.0))


@pytest.mark.parametrize("declared", [True, False])
def test_padding_is_the_same_stored_value_whatever_the_intercept(declared, tmp_path):
    outside = np.zeros((6, 8), bool)
    outside[0] = True

    for number, intercept in enumerate((-1024, 0)):
        storage = PixelStorage(intercept, True, 16, padding_stored=-2000, padding_declared=declared)
        slices = written(tmp_path / str(number), storage, outside)

        assert (slices[0].pixel_array[0] == -2000).all()
        assert np.array_equal(slices[0].pixel_array[1:] + intercept, HU[0, 1:])
        assert ("PixelPaddingValue" in slices[0]) == declared


def test_values_beyond_the_bits_are_clipped_not_wrapped():
    low_and_high = np.array([-3000, 4000], np.int16)

    assert to_stored(low_and_high, None, PixelStorage(-1024, False, 12)).tolist() == [0, 4095]
    assert to_stored(low_and_high, None, PixelStorage(0, True, 12)).tolist() == [-2048, 2047]


def test_files_hold_their_own_position_and_the_series_header(tmp_path):
    slices = written(tmp_path, STORAGES["signed 16 bits, intercept -1024"])

    assert [list(one.ImagePositionPatient) for one in slices] == [[-10, 5.5, 2.0 * n] for n in range(3)]
    assert [one.InstanceNumber for one in slices] == [7, 6, 5]
    assert {one.SeriesInstanceUID for one in slices} == {"2.25.3"}
    assert slices[0].PatientAge == "061Y"
    assert list(slices[0].PixelSpacing) == [1.4, 1.3]
    assert slices[0].QualityControlSubject == "YES"


def test_the_same_series_is_the_same_bytes(tmp_path):
    storage = STORAGES["unsigned 12 bits, intercept -1024"]
    written(tmp_path / "one", storage)
    written(tmp_path / "two", storage)

    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(OutputError, match="cannot write a CT series"):
        written(tmp_path / "file" / "series", STORAGES["signed 16 bits, intercept 0"])


def test_a_plane_as_nrrd_keeps_hu_and_spacing(tmp_path):
    write_nrrd(tmp_path / "plane.nrrd", HU[0], (1.4, 1.3))

    back = SimpleITK.ReadImage(str(tmp_path / "plane.nrrd"))
    assert np.array_equal(SimpleITK.GetArrayFromImage(back), HU[0])
    assert back.GetSpacing() == pytest.approx((1.3, 1.4))


def test_nrrd_into_a_folder_that_is_not_there_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="NRRD"):
        write_nrrd(tmp_path / "nowhere" / "plane.nrrd", HU[0], (1.0, 1.0))
