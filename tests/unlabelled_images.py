"""Images without labels and small settings, for tests of pretraining."""

import numpy as np
from training_examples import draw_images

from lungml.imaging.intensity import fit_normalisation
from lungml.params.data import IntensityParams
from lungml.params.model import GeometryParams
from lungml.params.pretrain import JitterParams, PretrainParams, VicregParams
from lungml.pretraining.pairs import Unlabelled

PARAMS = PretrainParams(
    epochs=4,
    batch_size=8,
    learning_rate=0.005,
    geometry=GeometryParams(shift_fraction=0.02),
    jitter=JitterParams(shift_hu=20, noise_hu=20, blur_px=0.5),
    loss=VicregParams(width=16),
    seed=3,
)


def make_unlabelled(count):
    """Discs of five grades of brightness in lung, 16 x 16 pixels."""
    images_hu = draw_images(np.arange(count) % 5)
    ids = tuple(f"n{number:03}" for number in range(count))
    return Unlabelled(ids, images_hu, fit_normalisation(images_hu, IntensityParams()))
