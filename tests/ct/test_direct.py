"""The direct road must give exactly what the general one gives, or give nothing."""

import numpy as np
import pytest
from ct_files import ct_dataset

from lungml.ct.direct import DirectReader, place
from lungml.ct.hounsfield import to_hounsfield
from lungml.ct.pixels import read_stored
from lungml.ct.read_header import read_header
from lungml.quarantine import RefusedError

SHAPE = (4, 6)


def written(folder, words, *, signed=True, bits=16, **tags):
    """Header of a file with these 16-bit words; tags may be PixelPaddingValue and others."""
    dataset = ct_dataset(np.zeros(SHAPE, dtype=np.int16), signed=signed)
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelData = np.ascontiguousarray(words).astype("<i8").astype("<u2").tobytes()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    for name, value in tags.items():
        if name.startswith("PixelPadding"):
            dataset.add_new(name, "SS" if signed else "US", value)
        else:
            setattr(dataset, name, value)
    dataset.save_as(folder / "image.dcm", enforce_file_format=True)
    return read_header(folder, "image.dcm")


def both_roads(folder, header):
    """(HU, padding) by the direct road, None if it hands over; by the general one, None if it refuses."""
    hu, padding = np.full(SHAPE, 7, dtype=np.int16), np.ones(SHAPE, dtype=np.bool_)
    direct = (hu, padding) if DirectReader(folder, SHAPE).read_into(header, hu, padding) else None
    try:
        general = to_hounsfield(read_stored(folder, header), header)
    except RefusedError:
        general = None
    return direct, general


CIRCLE = np.arange(24).reshape(SHAPE) % 5 == 0
TISSUE = np.linspace(0, 3000, 24).astype(int).reshape(SHAPE)


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (TISSUE, {}),
        (np.where(CIRCLE, -2000, TISSUE), {}),
        (np.where(CIRCLE, -2000, TISSUE), {"PixelPaddingValue": -2000}),
        (np.where(CIRCLE, -1000, TISSUE), {"PixelPaddingValue": -1000}),
        (np.where(CIRCLE, 0, TISSUE + 24), {"signed": False, "PixelPaddingValue": 0}),
        (np.where(CIRCLE, 10, TISSUE + 24), {"PixelPaddingValue": 5, "PixelPaddingRangeLimit": 12}),
        (TISSUE, {"PixelPaddingValue": 1024}),
        (TISSUE, {"signed": False, "bits": 12}),
        (TISSUE - 1500, {"bits": 12, "RescaleIntercept": "0"}),
    ],
    ids=[
        "no padding",
        "undeclared",
        "declared",
        "air",
        "zero",
        "range",
        "tissue",
        "12 bits",
        "12 signed bits",
    ],
)
def test_plain_images_are_read_as_on_the_general_road(tmp_path, words, options):
    direct, general = both_roads(tmp_path, written(tmp_path, words, **options))

    assert np.array_equal(direct[0], general[0])
    assert np.array_equal(direct[1], general[1])


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (np.where(CIRCLE, 63536, TISSUE), {"signed": False}),
        (np.where(CIRCLE, 5000, TISSUE), {"bits": 12}),
        (TISSUE + 30000, {"RescaleIntercept": "1000"}),
        (TISSUE, {"RescaleIntercept": "-40000"}),
        (TISSUE, {"RescaleIntercept": "-1024.5"}),
        (TISSUE, {"RescaleSlope": "2"}),
        (TISSUE & 0xFF, {"HighBit": 14}),
    ],
    ids=["63536", "beyond the bits", "beyond 16 bits", "intercept", "fraction", "slope", "high bit"],
)
def test_what_is_not_plain_is_handed_over_and_nothing_is_written(tmp_path, words, options):
    header = written(tmp_path, words, **options)
    hu, padding = np.full(SHAPE, 7, dtype=np.int16), np.ones(SHAPE, dtype=np.bool_)

    assert not DirectReader(tmp_path, SHAPE).read_into(header, hu, padding)
    assert (hu == 7).all()
    assert padding.all()


def test_a_file_cut_after_its_header_was_read_is_handed_over(tmp_path):
    header = written(tmp_path, TISSUE)
    path = tmp_path / "image.dcm"
    path.write_bytes(path.read_bytes()[:-1])

    direct, general = both_roads(tmp_path, header)

    assert direct is None
    assert general is None


@pytest.mark.parametrize("seed", range(40))
def test_any_image_that_the_direct_road_reads_equals_the_general_road(tmp_path, seed):
    rng = np.random.default_rng(seed)
    signed, bits = bool(rng.integers(2)), int(rng.choice([10, 12, 15, 16]))
    least = -(1 << (bits - 1)) if signed else 0
    words = rng.integers(least, least + (1 << bits), SHAPE) // int(rng.choice([1, 2, 16]))
    options = {"RescaleIntercept": str(rng.choice([-1024, 0, -8192, 31, -32768]))}
    if rng.integers(2):
        options["PixelPaddingValue"] = int(rng.choice(words.ravel()))

    direct, general = both_roads(tmp_path, written(tmp_path, words, signed=signed, bits=bits, **options))

    if direct is not None:
        assert np.array_equal(direct[0], general[0])
        assert np.array_equal(direct[1], general[1])


@pytest.mark.parametrize("seed", range(20))
def test_decoded_values_are_placed_as_on_the_general_road_or_not_at_all(tmp_path, seed):
    """What a decoder gives is read-only at times, and of 8 or 32 bits."""
    rng = np.random.default_rng(seed)
    options = {"RescaleIntercept": str(rng.choice([-1024, 0, 31])), "PixelPaddingValue": -2000}
    header = written(tmp_path, TISSUE, **options)
    stored = np.where(CIRCLE, -2000, rng.integers(-1024, 3000, SHAPE)).astype(rng.choice(["<i2", "<i4"]))
    stored.flags.writeable = False
    hu, padding = np.full(SHAPE, 7, dtype=np.int16), np.ones(SHAPE, dtype=np.bool_)

    placed = place(stored, header, hu, padding)

    assert placed == (stored.dtype == np.int16)
    expected = to_hounsfield(stored, header) if placed else (7, True)
    assert np.array_equal(hu, np.broadcast_to(expected[0], SHAPE))
    assert np.array_equal(padding, np.broadcast_to(expected[1], SHAPE))
