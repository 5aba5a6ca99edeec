"""Views that are wrong in a known way come out on top among those of a phantom cohort."""

from functools import cache

import numpy as np
import phantom_views
import pytest
import torch
from phantom_views import abdomen
from threadpoolctl import threadpool_limits

from lungml.imaging.intensity import fit_normalisation
from lungml.models.backbones import build_backbone
from lungml.models.depths import embed_batches, normalised_batches
from lungml.outliers import image_statistics, score_outliers
from lungml.params.data import IntensityParams
from lungml.params.model import OutlierParams, WeightsParams
from lungml.terms import View

PATIENTS = 45
TRAIN = 32
PLANTED = [3, 20, 40]
"""Two in train, one outside."""
KINDS = ("bone_window", "inverted", "blank", "burnt_in_text", "shifted_up", "shifted_down")


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


@cache
def network():
    return build_backbone("mobilenetv3_small_050", in_channels=1, weights=WeightsParams(source="random"))


@cache
def usual(view):
    """Images of a view with nothing wrong, how they are normalised, their embeddings and statistics."""
    images_hu = phantom_views.phantom_views(PATIENTS)[0][view]
    normalisation = fit_normalisation(images_hu[:TRAIN, None], IntensityParams())
    return images_hu, normalisation, embed(images_hu, normalisation), image_statistics(images_hu)


def embed(images_hu, normalisation):
    torch.set_num_threads(1)
    batches = normalised_batches(images_hu[:, None], normalisation, 32)
    return embed_batches(network(), batches, (1.0,))[1.0].astype("float64")


def ranks(view, wrong_hu):
    """Ranks of the planted views among all."""
    _, normalisation, embedding, statistics = (
        np.copy(part) if isinstance(part, np.ndarray) else part for part in usual(view)
    )
    embedding[PLANTED] = embed(wrong_hu, normalisation)
    statistics[PLANTED] = image_statistics(wrong_hu)
    fold = np.where(np.arange(PATIENTS) < TRAIN, np.arange(PATIENTS) % 5, -1)
    scored = score_outliers(embedding, statistics, fold, OutlierParams(trees=30))
    return sorted(scored["rank"][PLANTED]), scored["reason"][PLANTED[0]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("view", View)
def test_a_wrong_view_is_among_the_first(view, kind):
    change = getattr(phantom_views, kind)

    found, _ = ranks(view, np.stack([change(image) for image in usual(view)[0][PLANTED]]))

    assert found[-1] <= len(PLANTED) + 2


def test_a_crop_of_the_mediastinum_is_among_the_first():
    _, organs = phantom_views.phantom_views(PATIENTS)

    found, _ = ranks(View.NODULE, organs[PLANTED])

    assert found[-1] <= len(PLANTED) + 2


def test_a_slice_without_lung_is_among_the_first():
    found, _ = ranks(View.SLICE, np.stack([abdomen(image) for image in usual(View.SLICE)[0][PLANTED]]))

    assert found[-1] <= len(PLANTED) + 2


def test_a_slice_upside_down_is_in_the_first_quarter():
    """A weaker promise: the numbers of its pixels are all as they should be."""
    found, _ = ranks(View.SLICE, usual(View.SLICE)[0][PLANTED][:, ::-1].copy())

    assert found[-1] <= PATIENTS // 4


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("blank", "lowest value 100.0 %"),
        ("shifted_down", "HU|air"),
        ("burnt_in_text", "steps|thin bright lines|highest value"),
    ],
)
def test_the_reason_says_what_is_wrong(kind, words):
    import re

    change = getattr(phantom_views, kind)

    _, reason = ranks(View.NODULE, np.stack([change(image) for image in usual(View.NODULE)[0][PLANTED]]))

    assert reason.startswith("image ")
    assert re.search(words, reason)
