"""What is said of images unlike those of train."""

from trust_examples import example_trust

from lungml.report.trust.images import images_block


def test_wrong_images_that_are_not_noticed_are_named():
    assert "does not tell these wrong images from right ones: blank" in images_block(example_trust()).verdict


def found(gross, low=0.03, high=0.11):
    abstained = {"value": 0.06, "low": low, "high": high, "n": 50, "patients": 20}
    cases = [{"case": name, "auroc": auroc, "abstained": 0.5} for name, auroc in gross.items()]
    return {
        "out_of_distribution": {
            "abstention": 0.05,
            "threshold_on": "validation",
            "abstained": abstained,
            "gross": cases,
        }
    }


def test_an_auroc_of_0_95_is_enough_to_be_told_apart():
    block = images_block(found({"inverted": 1.0, "blank": 0.95}))

    assert "It tells all grossly wrong images from right ones." in block.verdict
    assert block.tone == "better"


def test_more_unanswered_images_than_wanted_are_worse_only_beyond_their_interval():
    tones = [images_block(found({"blank": 1.0}, low=low)).tone for low in (0.049, 0.051)]

    assert tones == ["better", "worse"]


def test_the_least_noticed_image_comes_first():
    (grid,) = images_block(found({"inverted": 1.0, "noise": 0.2, "blank": 0.9})).grids

    assert grid.rows == [
        ("noise", "0.200", "50 %"),
        ("blank", "0.900", "50 %"),
        ("inverted", "1.000", "50 %"),
    ]
