"""Invented nodule crops in HU, and what people and pipelines do to copies of an image."""

import numpy as np
from scipy import ndimage


def nodule_crops(count, seed=0, size_px=71):
    """Discs with soft edges among vessels, in noisy lung; (N, size, size) int16, all different."""
    rng = np.random.default_rng(seed)
    return np.stack([nodule_crop(rng, size_px) for _ in range(count)])


def nodule_crop(rng, size_px):
    y, x = np.mgrid[:size_px, :size_px] - (size_px - 1) / 2
    angle = np.arctan2(y, x)
    edge = rng.uniform(4, 15) * (
        1 + rng.uniform(0, 0.2) * np.sin(rng.integers(2, 6) * angle + rng.uniform(0, 6))
    )
    nodule = 1 / (1 + np.exp(np.hypot(y, x) - edge))
    vessels = sum(vessel(rng, y, x) for _ in range(rng.integers(4, 9)))
    haze = ndimage.gaussian_filter(rng.normal(0, 1, y.shape), 4) * 300
    image = (
        -850 + haze + rng.uniform(900, 1200) * np.clip(nodule + vessels, 0, 1) + rng.normal(0, 20, y.shape)
    )
    return np.clip(image, -1024, 400).astype(np.int16)


def vessel(rng, y, x):
    turn, width = rng.uniform(0, np.pi), rng.uniform(1, 3)
    across = np.cos(turn) * y + np.sin(turn) * x - rng.uniform(-30, 30)
    along = np.cos(turn) * x - np.sin(turn) * y - rng.uniform(-30, 30)
    return np.exp(-((across / width) ** 2) - (along / rng.uniform(6, 25)) ** 2)


def moved(image_hu, *, degrees=0.0, zoom=1.0, shift_px=(0.0, 0.0), fill="constant"):
    """Turned and zoomed about the middle, then shifted; `constant` fills with air."""
    middle = (np.array(image_hu.shape) - 1) / 2
    turn = np.deg2rad(degrees)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / zoom
    offset = middle - matrix @ (middle + np.array(shift_px))
    return ndimage.affine_transform(
        image_hu.astype(np.float32), matrix, offset=offset, order=1, mode=fill, cval=-1000
    )


def resized(image_hu, size_px):
    factor = size_px / len(image_hu)
    smooth = ndimage.gaussian_filter(image_hu.astype(np.float32), 0.35 / factor if factor < 1 else 0)
    return ndimage.zoom(smooth, factor, order=1, grid_mode=True, mode="nearest")


def augmented(image_hu, rng):
    """As in training: any angle, perhaps mirrored, zoom of 10 % and shift of 5 %."""
    return moved(
        image_hu[:, :: rng.choice([-1, 1])],
        degrees=rng.uniform(-180, 180),
        zoom=rng.uniform(0.9, 1.1),
        shift_px=rng.uniform(-0.05, 0.05, 2) * len(image_hu),
    )


INTENSITY = {
    "exact copy": lambda image, _: image,
    "noise of 20 HU": lambda image, rng: image + rng.normal(0, 20, image.shape),
    "values 20 HU off at most": lambda image, rng: image + rng.uniform(-20, 20, image.shape),
    "lung window": lambda image, _: np.clip(image, -1350, 150),
    "half the size": lambda image, _: resized(image, len(image) // 2),
    "64 px": lambda image, _: resized(image, 64),
    "twice the size": lambda image, _: resized(image, 2 * len(image)),
}
RIGID = {
    "2 px shift": lambda image, _: moved(image, shift_px=(2, -2)),
    "2 px roll": lambda image, _: np.roll(image, (2, 2), axis=(0, 1)),
    "left to right": lambda image, _: image[:, ::-1],
    "upside down": lambda image, _: image[::-1],
    "a quarter turn": lambda image, _: np.rot90(image),
    "half a turn": lambda image, _: np.rot90(image, 2),
    "10 degrees": lambda image, _: moved(image, degrees=10),
    "-10 degrees, edge pixels repeated": lambda image, _: moved(image, degrees=-10, fill="nearest"),
    "zoom 1.1": lambda image, _: moved(image, zoom=1.1),
    "zoom 0.9": lambda image, _: moved(image, zoom=0.9),
    "augmented": augmented,
}
"""Name of a change -> (image in HU, Generator) -> the changed copy."""
