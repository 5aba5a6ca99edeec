"""Cubes of an external test set, as an archive."""

import numpy as np

from lungml.sources.external_set import Cubes

COUNT = 40


def cubes(size=28, seed=0):
    """Balls in lung; the malignant ones are denser, with noise."""
    rng = np.random.default_rng(seed)
    labels = np.tile([0, 1, 0, 0], COUNT // 4)
    distance = np.linalg.norm(np.indices((size,) * 3) - (size - 1) / 2, axis=0)
    hu = np.where(distance < size / 5, 0.0, -850.0) + np.zeros((COUNT, 1, 1, 1))
    hu[:, distance < size / 5] += (labels * 120 + rng.normal(0, 60, COUNT))[:, None]
    grey = np.rint((hu + 1024) / 1424 * 255).clip(0, 255).astype(np.uint8)
    return Cubes(grey, labels)


def write_cubes(path, **arrays):
    made = cubes()
    named = {"test_images": made.grey, "test_labels": made.labels[:, None].astype(np.uint8)}
    np.savez_compressed(path, **named | arrays)
    return path
