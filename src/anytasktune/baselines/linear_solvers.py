"""Linear maps from text features to columns of numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from anytasktune.schema.linear_manifest import LinearMethod

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """A way to fit a map.

    Attributes:
        method, strength: see `LinearModelManifest`.
        balanced: whether the rows of a label weigh more the rarer it is.
    """

    method: LinearMethod
    strength: float
    balanced: bool = False


@dataclass(frozen=True)
class Weights:
    """A linear map: [features, columns] and [columns]."""

    matrix: Floats
    bias: Floats

    def values(self, features: csr_matrix) -> Floats:
        """[rows, features] → [rows, columns]"""
        return np.asarray(features @ self.matrix) + self.bias

    def rounded(self) -> "Weights":
        """The map as it is saved, in half precision."""
        return Weights(self.matrix.astype(np.float16).astype(np.float64), self.bias)
