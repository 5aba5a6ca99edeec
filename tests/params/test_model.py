import pytest

from lungml.params.model import EmbedParams


@pytest.mark.parametrize("depth", [0.0, 1.2, 0.333])
def test_a_depth_is_a_whole_number_of_hundredths_above_0(depth):
    with pytest.raises(ValueError, match="depths"):
        EmbedParams(depths=(depth,))
