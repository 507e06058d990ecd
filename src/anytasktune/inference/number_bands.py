"""Numbers as classes of linear heads: neighbouring ones form a band, whose probability is shared out among its numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import log_softmax

Array = np.ndarray[Any, np.dtype[Any]]
_MOST_BANDS = 10
_ROWS_PER_BAND = 8
_UNSEEN = 0.5
"""Rows that every number of a band counts as having beside those it has."""
_TINY = 1e-12


@dataclass(frozen=True)
class NumberBands:
    """The numbers that a task can be answered with, in bands.

    Attributes:
        numbers: [numbers] ascending.
        shares: [bands, numbers] share of each number in a band.
        error: mean absolute error of the linear model on words.
    """

    numbers: Array
    shares: Array
    error: float

    @classmethod
    def of(cls, numbers: Sequence[float], places: Sequence[int], error: float) -> "NumberBands":
        """Bands of about equally many training rows, a number each where rows show few different ones.

        Args:
            places: of the training rows' numbers among `numbers`.
        """
        seen, count = np.unique(places), min(_MOST_BANDS, max(2, len(places) // _ROWS_PER_BAND))
        quantiles = np.quantile(places, np.linspace(0, 1, count + 1)[1:-1], method="higher")
        first = seen if len(seen) <= count else np.unique([seen[0], *quantiles])
        band = np.maximum(np.searchsorted(first, np.arange(len(numbers)), side="right") - 1, 0)
        weights = np.bincount(places, minlength=len(numbers)) + _UNSEEN
        shares = np.where(band == np.arange(len(first))[:, None], weights, 0.0)
        return cls(np.asarray(numbers, float), shares / shares.sum(axis=1, keepdims=True), max(error, _TINY))

    def of_places(self, places: Array) -> Array:
        """The band of each number, given by its place."""
        return np.asarray(self.shares[:, places].argmax(axis=0), np.int64)

    def over_numbers(self, log_probabilities: Array) -> Array:
        """Log probabilities [n, numbers] of log probabilities [n, bands]."""
        return np.asarray(np.log(np.exp(log_probabilities) @ self.shares + _TINY))

    def around(self, predicted: Array) -> Array:
        """Log probabilities [n, numbers] of a Laplace distribution around predicted numbers [n]."""
        return np.asarray(log_softmax(-np.abs(self.numbers - predicted[:, None]) / self.error, axis=1))
