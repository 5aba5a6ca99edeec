import pytest

from lungml.evaluation.caveats import metadata_warning


@pytest.mark.parametrize(
    ("low", "high", "tell"),
    [(0.501, 0.9, "tell"), (0.5, 0.9, "might tell (these patients are too few to say)")],
)
def test_metadata_tell_the_label_only_if_the_interval_lies_above_guessing(low, high, tell):
    assert metadata_warning({"value": 0.7, "low": low, "high": high}) == (
        f"The file's metadata alone reach an AUROC of 0.700 ({low:.3f} to 0.900): scanner, kernel, thickness "
        f"or row {tell} the label, so a model may have learnt them and not the nodule."
    )


def test_without_an_interval_nothing_is_said_to_be_shown():
    said = metadata_warning({"value": 0.7, "low": None, "high": None})

    assert "AUROC of 0.700: scanner" in said
    assert "might tell" in said
