import numpy as np

from lungml.augment.slight import slightly_changed


def disc(size_px=48):
    y, x = np.mgrid[:size_px, :size_px] - (size_px - 1) / 2
    return np.where(np.hypot(y, x) < 12, 50, -850).astype(np.int16)[None, None]


def test_a_uniform_image_only_gets_noise_of_10_hu():
    inside = slightly_changed(np.full((4, 1, 48, 48), -850, np.int16), seed=1)[..., 4:-4, 4:-4]

    assert abs(inside.mean() + 850) < 0.5
    assert abs(inside.std() - 10) < 0.5


def test_what_is_seen_stays_where_it_was_within_a_pixel():
    images_hu = np.repeat(disc(), 20, axis=0)

    changed = slightly_changed(images_hu, seed=2) > -400

    area = (images_hu[0] > -400).sum()
    assert np.all(np.abs(changed.sum(axis=(1, 2, 3)) / area - 1) < 0.07)
    assert np.all((changed & (images_hu > -400)).sum(axis=(1, 2, 3)) > 0.9 * area)


def test_the_same_seed_makes_the_same_changes_and_another_one_others():
    images_hu = np.repeat(disc(), 3, axis=0)

    assert np.array_equal(slightly_changed(images_hu, seed=3), slightly_changed(images_hu, seed=3))
    assert not np.array_equal(slightly_changed(images_hu, seed=3), slightly_changed(images_hu, seed=4))
