"""The stage embed, run on noise images of both views."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lungml.imaging.store import write_store
from lungml.params.data import IntensityParams
from lungml.params.model import EmbedParams, WeightsParams
from lungml.params.scope import ScopeParams
from lungml.stages.embed import run
from lungml.tables import SPLIT, write_table
from lungml.terms import View

torch.set_num_threads(1)  # small networks: quicker than several that wait for each other

BACKBONE = "mobilenetv3_small_050"
IDS = [f"n{number:02}" for number in range(40)]
N_TRAIN = 30


def write_inputs(root: Path, test_shift_hu: int = 0) -> Path:
    """Two stores of 40 noise images each, the last ten of the test part, and the split."""
    rng = np.random.default_rng(0)
    images_hu = rng.integers(-900, 200, (40, 1, 32, 32)).astype(np.int16)
    images_hu[N_TRAIN:] += test_shift_hu
    items = pd.DataFrame(
        {"nodule_id": IDS, "patient_id": IDS, "series_uid": "1", "z_index": 0, "pixel_spacing_mm": 1.0}
    )
    for view in View:
        write_store(
            root / "views" / view.value,
            images_hu=images_hu,
            masks=np.zeros((40, 32, 32), bool),
            items=items,
            info={"view": view.value},
        )
    parts = np.where(np.arange(40) < N_TRAIN, "train", "test")
    split = {
        "nodule_id": IDS,
        "patient_id": IDS,
        "score": 3.0,
        "scores": [[3]] * 40,
        "binary": 0,
        "five": 2,
        "part": parts,
        "fold": 0,
    }
    write_table(root / "split.parquet", pd.DataFrame(split), SPLIT)
    return root


def embed(
    root: Path,
    out: str = "out",
    *,
    weights: WeightsParams | None = None,
    scope: ScopeParams | None = None,
    intensity: IntensityParams | None = None,
    backbone: str = BACKBONE,
    **asked,
) -> Path:
    run(
        EmbedParams(depths=(0.5, 1.0), **asked),
        weights or WeightsParams(seed=3),
        intensity or IntensityParams(),
        scope or ScopeParams(),
        backbone=backbone,
        views=root / "views",
        split=root / "split.parquet",
        out=root / out,
    )
    return root / out
