"""What is said of images unlike those of train."""

from trust_examples import example_trust

from lungml.report.trust.images import images_block


def test_wrong_images_that_are_not_noticed_are_named():
    assert "does not tell these wrong images from right ones: blank" in images_block(example_trust()).verdict
