import numpy as np
import pytest
import torch
from scipy import ndimage

from lungml.augment.geometric import Geometry, draw_geometry, warp
from lungml.params.model import AugmentParams

AIR = torch.tensor(-1000.0)
PARAMS = AugmentParams(rotation_degrees=15, flip_probability=0.3, zoom=0.2, shift_fraction=0.1)


def geometry(**changes):
    still = {
        "angle_degrees": 0.0,
        "zoom": 1.0,
        "shift_x": 0.0,
        "shift_y": 0.0,
        "flip_x": False,
        "flip_y": False,
    }
    return Geometry(**{name: np.array([value]) for name, value in (still | changes).items()})


def noise(height=24, width=24, count=1):
    generator = np.random.default_rng(0)
    return torch.from_numpy(generator.integers(-1000, 400, (count, 1, height, width)).astype(np.int16))


def draw(rows, copies, *, epoch=0):
    return draw_geometry(PARAMS, np.array(rows), np.array(copies), seed=5, epoch=epoch)


def test_no_change_gives_the_image_back():
    image = noise()

    assert torch.allclose(warp(image, geometry()), image.float(), atol=0.01)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"flip_x": True}, lambda image: image.flip(3)),
        ({"flip_y": True}, lambda image: image.flip(2)),
        ({"angle_degrees": 90.0}, lambda image: image.rot90(1, (2, 3))),
        ({"angle_degrees": 180.0}, lambda image: image.rot90(2, (2, 3))),
    ],
)
def test_symmetries_of_the_square_are_exact(change, same):
    image = noise()

    assert torch.allclose(warp(image, geometry(**change)), same(image).float(), atol=0.02)


def test_a_shift_moves_to_the_right_and_down_and_leaves_air():
    image = noise(20, 20)

    moved = warp(image, geometry(shift_x=0.1, shift_y=0.25))

    assert torch.allclose(moved[..., 5:, 2:], image[..., :-5, :-2].float(), atol=0.02)
    assert torch.allclose(moved[..., :5, :], AIR, atol=0.02)
    assert torch.allclose(moved[..., :, :2], AIR, atol=0.02)


def test_rotation_and_zoom_agree_with_scipy():
    smooth = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(40, 40)) * 4000, 2.0)
    image = torch.from_numpy(smooth).float()[None, None]
    angle, zoom = np.deg2rad(11.0), 1.2
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / zoom
    centre = np.array([19.5, 19.5])

    expected = ndimage.affine_transform(smooth, matrix, centre - matrix @ centre, order=1)
    found = warp(image, geometry(angle_degrees=11.0, zoom=zoom))[0, 0].numpy()

    assert np.abs(found - expected)[4:-4, 4:-4].max() < 1.0


def test_rotation_keeps_shapes_in_an_image_that_is_not_square():
    rows, columns = np.mgrid[:30, :60]
    disc = np.hypot(rows - 14.5, columns - 29.5) < 8
    image = torch.from_numpy(np.where(disc, 0, -1000).astype(np.int16))[None, None]

    turned = warp(image, geometry(angle_degrees=30.0))[0, 0].numpy() > -500

    assert (turned ^ disc).mean() < 0.02


def test_what_comes_from_outside_is_air_even_beside_dense_tissue():
    image = torch.full((1, 1, 16, 16), 400, dtype=torch.int16)

    corner = warp(image, geometry(angle_degrees=45.0))[0, 0, 0, 0]

    assert corner == -1000


@pytest.mark.parametrize(
    "change",
    [
        {"shift_x": 2.5 / 20, "shift_y": -0.7 / 20},
        {"angle_degrees": 33.0},
        {"zoom": 0.8, "angle_degrees": -7.0, "flip_x": True},
    ],
)
def test_tissue_is_not_blended_with_the_air_around_the_image(change):
    """There are pixels of it and pixels of air, and none between."""
    tissue = torch.full((1, 1, 20, 20), 40, dtype=torch.int16)

    moved = warp(tissue, geometry(**change))

    air = moved == -1000
    assert 0 < air.float().mean() < 0.6
    assert torch.allclose(moved[~air], torch.tensor(40.0), atol=1e-3)


def test_a_place_within_the_image_is_made_of_its_pixels_alone():
    """0.4 pixels before the middle of the first column there is that column alone; at 0.5 is the edge."""
    ramp = (100 * torch.arange(20)).expand(1, 1, 20, 20)

    moved = warp(ramp, geometry(shift_x=0.4 / 20))[0, 0, 0]

    assert torch.allclose(moved[:3], torch.tensor([0.0, 60.0, 160.0]), atol=0.01)
    assert warp(ramp, geometry(shift_x=0.6 / 20))[0, 0, 0, 0] == -1000


def test_an_example_is_changed_the_same_way_in_any_batch_and_order():
    images = noise(count=5)
    rows, copies = [3, 8, 1, 3, 7], [0, 0, 2, 1, 0]
    together = warp(images, draw(rows, copies))

    for place in (0, 2, 4):
        alone = warp(images[[place]], draw([rows[place]], [copies[place]]))
        assert torch.equal(alone[0], together[place])


def test_showings_epochs_and_rows_are_changed_differently():
    angles = [draw([row], [copy], epoch=epoch).angle_degrees[0] for row, copy, epoch in np.ndindex(2, 2, 2)]

    assert len(set(angles)) == 8


def test_draws_are_spread_and_as_frequent_as_asked():
    drawn = draw(range(4000), [0] * 4000)

    assert abs(drawn.flip_x.mean() - 0.3) < 0.02
    assert abs(drawn.flip_y.mean() - 0.3) < 0.02
    for values, low, high in (
        (drawn.angle_degrees, -15, 15),
        (drawn.zoom, 0.8, 1.2),
        (drawn.shift_x, -0.1, 0.1),
        (drawn.shift_y, -0.1, 0.1),
    ):
        deciles = np.histogram(values, bins=10, range=(low, high))[0] / len(values)
        assert values.min() >= low
        assert values.max() <= high
        assert np.abs(deciles - 0.1).max() < 0.02


def test_nothing_is_drawn_for_an_empty_batch():
    assert draw([], []).zoom.shape == (0,)
