"""Ready-made crops as a folder of an archive and a table."""

import index_and_views
import numpy as np
import pandas as pd

from lungml.tables import CROPS


def crop_hu(seed, side_px=21):
    """A ball of about 50 HU in lung."""
    y, x = np.indices((side_px, side_px)) - side_px // 2
    noise = np.random.default_rng(seed).integers(-20, 21, (side_px, side_px))
    return (np.where(np.hypot(y, x) < 5, 50, -850) + noise).astype(np.int16)


def crop_folder(folder, rows, ids=None, **arrays):
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(folder / "nodules.csv", index=False)
    ids = [row["nodule_id"] for row in rows] if ids is None else ids
    hu = np.stack([crop_hu(number) for number, _ in enumerate(ids)])
    np.savez_compressed(folder / "nodules.npz", **{"hu": hu, "nodule_id": np.array(ids)} | arrays)


def row(number, **changes):
    plain = {
        "nodule_id": number,
        "patient_id": f"P{number}",
        "pixel_spacing_mm": 0.7,
        "series_uid": f"1.2.{number}",
    }
    return plain | {"r1": 4, "r2": 0, "r3": 5, "r4": 0, "diameter_mm": 7.0} | changes


def indexed(root):
    return index_and_views.indexed(root, CROPS)
