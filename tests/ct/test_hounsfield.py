import numpy as np
import pytest
from ct_files import ct_dataset

from lungml.ct.hounsfield import to_hounsfield
from lungml.ct.pixels import read_stored
from lungml.ct.read_header import read_header
from lungml.quarantine import RefusedError


def read(folder, dataset, stored=None):
    """HU and padding of one file of 1 x 4 pixels, and its header."""
    if stored is not None:
        dtype = "<i2" if dataset.PixelRepresentation else "<u2"
        dataset.PixelData = np.array([stored]).astype(dtype).tobytes()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.ImagePositionPatient, dataset.PixelSpacing = [0, 0, 0], [1, 1]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.save_as(folder / "image.dcm", enforce_file_format=True)
    header = read_header(folder, "image.dcm")
    return to_hounsfield(read_stored(folder, header), header)


def image(**options):
    return ct_dataset(np.zeros((1, 4), dtype=np.int16), **options)


def test_hu_is_slope_times_stored_plus_intercept(tmp_path):
    dataset = image()
    dataset.RescaleSlope, dataset.RescaleIntercept = "2", "-1000"

    hu, padding = read(tmp_path, dataset, [0, 1, 500, 1500])

    assert hu.tolist() == [[-1000, -998, 0, 2000]]
    assert not padding.any()
    assert hu.dtype == np.int16


def test_fractional_hu_are_rounded_to_the_nearest(tmp_path):
    dataset = image(intercept=0)
    dataset.RescaleSlope, dataset.RescaleIntercept = "0.3", "-0.05"

    hu, _ = read(tmp_path, dataset, [1, 2, 3, -4])

    assert hu.tolist() == [[0, 1, 1, -1]]  # 0.25, 0.55, 0.85, -1.25


def test_signed_padding_declared_as_63536_is_minus_2000(tmp_path):
    dataset = image()
    dataset.add_new("PixelPaddingValue", "US", 63536)

    hu, padding = read(tmp_path, dataset, [-2000, 24, 1064, 24])

    assert hu.tolist() == [[-1000, -1000, 40, -1000]]
    assert padding.tolist() == [[True, False, False, False]]


def test_unsigned_padding_declared_as_minus_2000_is_63536(tmp_path):
    dataset = image(signed=False)
    dataset.add_new("PixelPaddingValue", "SS", -2000)

    hu, padding = read(tmp_path, dataset, [63536, 24, 1064, 24])

    assert hu.tolist() == [[-1000, -1000, 40, -1000]]
    assert padding.tolist() == [[True, False, False, False]]


def test_undeclared_63536_in_unsigned_pixels_is_padding(tmp_path):
    hu, padding = read(tmp_path, image(signed=False), [63536, 24, 1064, 24])

    assert hu[0, 0] == -1000
    assert padding.tolist() == [[True, False, False, False]]


@pytest.mark.parametrize(("intercept", "stored"), [(-1024, -2000), (0, -2000), (0, -3024), (-1024, -1024)])
def test_undeclared_values_no_tissue_reaches_are_padding(tmp_path, intercept, stored):
    air = -1000 - intercept

    hu, padding = read(tmp_path, image(intercept=intercept), [stored, air, air, air])

    assert hu.tolist() == [[-1000] * 4]
    assert padding.tolist() == [[True, False, False, False]]


def test_noise_below_air_is_not_padding(tmp_path):
    hu, padding = read(tmp_path, image(intercept=0), [-1180, -1024, -1000, 40])

    assert hu.tolist() == [[-1180, -1024, -1000, 40]]
    assert not padding.any()


def test_a_padding_range_is_padding_to_both_ends(tmp_path):
    dataset = image(intercept=0)
    dataset.add_new("PixelPaddingValue", "SS", -1100)
    dataset.add_new("PixelPaddingRangeLimit", "SS", -1050)

    _, padding = read(tmp_path, dataset, [-1101, -1100, -1050, -1049])

    assert padding.tolist() == [[False, True, True, False]]


def test_padding_declared_as_water_is_not_believed(tmp_path):
    dataset = image(intercept=0)
    dataset.add_new("PixelPaddingValue", "SS", 0)

    hu, padding = read(tmp_path, dataset, [0, 0, 40, -1000])

    assert hu.tolist() == [[0, 0, 40, -1000]]
    assert not padding.any()


def test_hu_beyond_16_bits_are_refused_and_never_wrap_around(tmp_path):
    dataset = image()
    dataset.RescaleSlope = "20"

    with pytest.raises(RefusedError, match=r"LM-D025.*HU from -1024 to 38976"):
        read(tmp_path, dataset, [0, 1000, 2000, 1])


def test_monochrome1_does_not_invert_hu(tmp_path):
    dataset = image()
    dataset.PhotometricInterpretation = "MONOCHROME1"

    hu, _ = read(tmp_path, dataset, [24, 1024, 1064, 24])

    assert hu.tolist() == [[-1000, 0, 40, -1000]]
