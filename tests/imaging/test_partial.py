"""Views of finished series, kept while a store is being made."""

import numpy as np
import pytest

from lungml.imaging.partial import PartialStore
from lungml.imaging.views import Cut

KEY = "k" * 64


def cuts(count):
    return [
        (f"P-n{n}", Cut(np.full((1, 4, 4), n - 900, np.int16), np.arange(16).reshape(4, 4) == n, 0.5 + n))
        for n in range(count)
    ]


def test_a_finished_series_comes_back_as_it_was(tmp_path):
    PartialStore(tmp_path / "partial").keep(KEY, cuts(3))

    found = PartialStore(tmp_path / "partial").read(KEY)

    assert [name for name, _ in found] == ["P-n0", "P-n1", "P-n2"]
    for (_, one), (_, other) in zip(found, cuts(3), strict=True):
        assert np.array_equal(one.image_hu, other.image_hu)
        assert np.array_equal(one.mask, other.mask)
        assert one.pixel_spacing_mm == other.pixel_spacing_mm


def test_a_series_that_was_not_finished_is_not_there(tmp_path):
    store = PartialStore(tmp_path / "partial")
    store.keep(KEY, cuts(1))

    assert store.read("l" * 64) is None


@pytest.mark.parametrize("kept", [0, 30, -1])
def test_a_damaged_file_counts_as_not_there(tmp_path, kept):
    store = PartialStore(tmp_path / "partial")
    store.keep(KEY, cuts(2))
    (path,) = (tmp_path / "partial").iterdir()
    path.write_bytes(path.read_bytes()[:kept])

    assert store.read(KEY) is None


def test_a_whole_store_needs_no_parts(tmp_path):
    store = PartialStore(tmp_path / "partial")
    store.keep(KEY, cuts(1))

    store.remove()
    store.remove()  # nothing to forget is no error

    assert not (tmp_path / "partial").exists()
