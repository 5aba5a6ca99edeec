"""Which nodules look unlike the others, why, and where they lie in a picture of all.

The scores see a nodule in two ways: as the embedding of a frozen backbone, and as plain statistics of the
view in HU. The first finds what looks strange, the second what is wrong with the numbers, and says what.
"""

from __future__ import annotations

from lungml.outliers.detectors import DETECTORS
from lungml.outliers.image_statistics import STATISTICS, image_statistics
from lungml.outliers.layout import tsne_coordinates
from lungml.outliers.scoring import score_outliers

__all__ = ["DETECTORS", "STATISTICS", "image_statistics", "score_outliers", "tsne_coordinates"]
