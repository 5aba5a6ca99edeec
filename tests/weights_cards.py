"""The card of weights that pretraining made, for tests."""

from lungml.imaging.intensity import Normalisation
from lungml.models.weights_card import WeightsCard

NAME = "mobilenetv3_small_050"
WINDOW = Normalisation("window", ((-1000.0, 400.0),), means=(0.3,), stds=(0.2,))


def make_card(**changes):
    values = {
        "backbone": NAME,
        "method": "VICReg",
        "start": "random (seed 77)",
        "view": "nodule",
        "images": 40,
        "patients": 20,
        "epochs": 3,
        "in_channels": 1,
        "normalisation": WINDOW,
        "pixels": {"low": -1.5, "high": 3.5, "mean": 0.0, "std": 1.0},
        "images_sha256": "a" * 64,
        "weights_sha256": "b" * 64,
        "lineage": {},
        "read": {"read": {"train": 40, "val": 0, "test": 0}},
        "params": {},
        "versions": {},
    }
    return WeightsCard(**(values | changes))
