import numpy as np
import pytest
import torch
from scipy import ndimage

from lungml.augment import jitter
from lungml.augment.jitter import Jitter, draw_jitter, jitter_hu
from lungml.params.pretrain import JitterParams

PARAMS = JitterParams(shift_hu=50, stretch=0.2, noise_hu=30, blur_px=1.5)
SHAPE = (1, 20, 24)


def draw(rows, copies=None, *, epoch=0, params=PARAMS):
    copies = [0] * len(rows) if copies is None else copies
    return draw_jitter(params, np.array(rows), np.array(copies), shape=SHAPE, seed=5, epoch=epoch)


def still(**changes):
    nothing = {
        "blur_px": np.zeros(1),
        "noise_hu": np.zeros((1, *SHAPE), np.float32),
        "stretch": np.ones(1),
        "shift_hu": np.zeros(1),
    }
    return Jitter(**(nothing | changes))


def image(count=1):
    values = np.random.default_rng(0).integers(-1000, 400, (count, *SHAPE))
    return torch.from_numpy(values.astype(np.float32))


def test_no_change_gives_the_image_back():
    assert torch.allclose(jitter_hu(image(), still()), image(), atol=1e-3)


def test_a_shift_is_in_hu_and_a_stretch_leaves_air_where_it_is():
    air, water = torch.full((1, *SHAPE), -1000.0), torch.zeros((1, *SHAPE))

    assert torch.allclose(jitter_hu(water, still(shift_hu=np.array([30.0]))), torch.tensor(30.0))
    assert torch.allclose(jitter_hu(water, still(stretch=np.array([1.1]))), torch.tensor(100.0), atol=1e-3)
    assert torch.allclose(jitter_hu(air, still(stretch=np.array([1.1]))), air)


def test_the_blur_is_scipys_gaussian():
    blurred = jitter_hu(image(), still(blur_px=np.array([1.3])))[0, 0].numpy()

    expected = ndimage.gaussian_filter(image()[0, 0].numpy(), 1.3, mode="nearest", truncate=3.0)
    assert np.abs(blurred - expected).max() < 0.05


def test_an_image_in_a_batch_is_changed_as_it_is_alone():
    together = jitter_hu(image(3), draw([4, 7, 9]))

    for place, row in enumerate([4, 7, 9]):
        assert torch.equal(together[place], jitter_hu(image(3)[place : place + 1], draw([row]))[0])


def test_an_image_is_changed_where_it_is(monkeypatch):
    monkeypatch.setattr(jitter, "sent_to", lambda device, values: values.to(device))  # pins for a GPU alone

    assert jitter_hu(image(2).to("meta"), draw([4, 7])).device.type == "meta"


def test_epochs_rows_and_copies_have_draws_of_their_own():
    draws = [draw([1]), draw([1], epoch=1), draw([2]), draw([1], [1])]

    assert len({float(each.shift_hu[0]) for each in draws}) == 4
    assert len({float(each.noise_hu.sum()) for each in draws}) == 4
    assert draw([1]).shift_hu == draw([1]).shift_hu


def test_a_thousand_draws_fill_the_ranges_that_were_asked_for():
    many = draw(range(1000))

    for values, low, high in (
        (many.shift_hu, -50, 50),
        (many.stretch, 0.8, 1.2),
        (many.blur_px, 0, 1.5),
        (many.noise_hu.std(axis=(1, 2, 3)), 0, 30),
    ):
        width = high - low
        assert low - 0.1 * width <= values.min() < low + 0.02 * width
        assert high + 0.1 * width >= values.max() > high - 0.02 * width
        assert values.mean() == pytest.approx((low + high) / 2, abs=0.03 * width)


def test_strengths_of_zero_change_nothing():
    off = JitterParams(shift_hu=0, stretch=0, noise_hu=0, blur_px=0)

    assert torch.allclose(jitter_hu(image(), draw([3], params=off)), image(), atol=1e-3)
