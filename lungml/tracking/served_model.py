"""What MLflow loads as the model (its "models from code"): a bundle with its own preprocessing.

MLflow runs this file; the weights are safetensors and the rest is JSON, so nothing is unpickled. It takes
HU views (N, C, H, W) and gives class probabilities (N, K), in the order of the task's classes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class ServedModel(PythonModel):
    """A bundle behind MLflow's `predict`."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the bundle; its checksum is checked."""
        from lungml.bundle import read_bundle

        self._bundle = read_bundle(Path(context.artifacts["bundle"]))

    def predict(
        self, context: PythonModelContext, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> np.ndarray:
        """Class probabilities, (N, K) float64.

        Args:
            context: not used; the bundle is loaded already.
            model_input: (N, C, H, W) HU, whole numbers as int16 or float32.
            params: `batch_size`.

        Raises:
            ValueError: a value is not finite.
        """
        from lungml.bundle import predict

        images_hu = np.asarray(model_input)
        if not np.isfinite(images_hu).all():
            raise ValueError("the images hold values that are not finite; expected HU")
        bounds = np.iinfo(np.int16)
        images_hu = np.rint(images_hu).clip(bounds.min, bounds.max).astype(np.int16)
        return predict(self._bundle, images_hu, batch_size=int((params or {}).get("batch_size", 64)))


mlflow.models.set_model(ServedModel())
