import pytest

from lungml.params.data import AcquireParams


def test_the_local_source_needs_a_folder():
    with pytest.raises(ValueError, match=r"acquire\.folder must name the folder"):
        AcquireParams(source="local")
