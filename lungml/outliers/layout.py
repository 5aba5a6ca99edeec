"""Where each nodule lies in the picture of all: t-SNE.

UMAP and PaCMAP are left out: they bring numba, and the picture says no more.

Source: van der Maaten & Hinton 2008, jmlr.org/papers/v9.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from lungml.covariance import standardise
from lungml.params.model import OutlierParams

FloatArray = NDArray[np.float64]

_COMPONENTS = 50


def tsne_coordinates(embedding: FloatArray, params: OutlierParams) -> FloatArray:
    """Lay nodules (N, D) out in a plane (N, 2) so that close neighbours stay close.

    Only for looking: distances between groups, their sizes and the axes mean nothing. Starts from the
    principal components with a fixed seed; on one thread equal embeddings give equal bytes.
    """
    scaled = standardise(embedding, embedding)
    components = min(_COMPONENTS, *scaled.shape)
    reduced = PCA(components, svd_solver="full").fit_transform(scaled)
    perplexity = min(params.perplexity, (len(embedding) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca", learning_rate="auto", random_state=params.seed)
    return np.asarray(tsne.fit_transform(reduced), dtype=np.float64)
