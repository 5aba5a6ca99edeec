import pytest

from lungml.params.data import AcquireParams, IntensityParams


def test_the_local_source_needs_a_folder():
    with pytest.raises(ValueError, match=r"acquire\.folder must name the folder"):
        AcquireParams(source="local")


def test_a_window_without_width_is_refused():
    with pytest.raises(ValueError, match="expected the lower HU first"):
        IntensityParams(window_hu=(400.0, -1000.0))
