"""How a block writes its numbers."""

import pytest

from lungml.report.trust.block import percent


@pytest.mark.parametrize(("value", "said"), [(0.0, "0 %"), (0.005, "0.5 %"), (0.05, "5 %"), (0.928, "93 %")])
def test_shares_are_whole_percents_but_for_small_ones(value, said):
    assert percent(value) == said
