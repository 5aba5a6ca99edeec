"""What MLflow loads as the model (its "models from code"): a bundle with its own preprocessing.

MLflow runs this file; the weights are safetensors and the rest is JSON, so nothing is unpickled. It takes
HU views (N, C, H, W) and gives class probabilities (N, K), in the order of the task's classes; or, asked to
`check` them, the columns of `lungml predict`, which also say which answers to abstain from.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class ServedModel(PythonModel):
    """A bundle behind MLflow's `predict`; requests of several threads are answered in turn.

    MLflow's server has a thread for each request, and answering moves networks, and hooks their layers.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Read the bundle; its checksum is checked."""
        from lungml.bundle import read_bundle

        self._bundle = read_bundle(Path(context.artifacts["bundle"]))
        self._turn = Lock()

    def predict(
        self, context: PythonModelContext, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> np.ndarray | pd.DataFrame:
        """Class probabilities, (N, K) float64; or a table of N rows.

        Args:
            context: not used; the bundle is loaded already.
            model_input: (N, C, H, W) HU, whole numbers as int16 or float32.
            params: `batch_size`; `check`: give the table (`answer_table`), with the distance from the images
                of train; `abstention`: share of usual images that may lie beyond its threshold.

        Raises:
            ValueError: a value is not finite.
        """
        from lungml.bundle import predict
        from lungml.evaluation.answer_table import answer_images, answer_table
        from lungml.params.trust import TrustParams

        images_hu = np.asarray(model_input)
        if not np.isfinite(images_hu).all():
            raise ValueError("the images hold values that are not finite; expected HU")
        bounds = np.iinfo(np.int16)
        images_hu = np.rint(images_hu).clip(bounds.min, bounds.max).astype(np.int16)
        asked = params or {}
        answer = partial(predict, batch_size=int(asked.get("batch_size", 64)))
        if not asked.get("check", False):
            with self._turn:
                return answer(self._bundle, images_hu)
        abstention, usual = float(asked.get("abstention", TrustParams().abstention)), self._bundle.usual
        threshold = None if usual is None else usual.threshold(abstention)
        with self._turn:
            answers = answer_images(self._bundle, images_hu, answer)
        return answer_table(self._bundle.task.target, answers, threshold)


mlflow.models.set_model(ServedModel())
