"""A small model of which words go with which label: complement naive Bayes.

Rennie, Shih, Teevan and Karger (2003), "Tackling the Poor Assumptions of Naive Bayes Text Classifiers": a label's weights are
learned from the rows of all other labels, which keeps frequent labels from winning by their number.
"""

import re
import zlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from anytasktune.scorers.text import HAN
from anytasktune.similarity import normalise

_FEATURES = 1 << 16
_SMOOTHING = 0.3
_FOLDS = 5
_UNITS = re.compile(rf"[{HAN}]|[^\W{HAN}]+")

Features = NDArray[np.intp]
Floats = NDArray[np.float64]


class LabelModel:
    """Learned from texts and their labels, which are in any order.

    Attributes:
        labels: the labels there are.
    """

    def __init__(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        self.labels = sorted(set(labels))
        places = {label: place for place, label in enumerate(self.labels)}
        counts = np.zeros((_FEATURES, len(self.labels)))
        seen = np.zeros(_FEATURES)
        rows = [features(text) for text in texts]
        for row in rows:
            seen[row] += 1
        self._rarity = np.log((1 + len(rows)) / (1 + seen)) + 1
        for row, label in zip(rows, labels, strict=True):
            counts[row, places[label]] += self._weights(row)
        others = counts.sum(axis=1, keepdims=True) - counts + _SMOOTHING
        weights = -np.log(others / others.sum(axis=0))
        self._of_label: Floats = weights / np.abs(weights).sum(axis=0)

    def strangeness(self, text: str, label: str) -> tuple[str, float]:
        """The likeliest label, and by how much `label` is less likely; 0 if it is the likeliest or was never seen."""
        row = features(text)
        if not len(row) or label not in self.labels:
            return label, 0.0
        scores = self._weights(row) @ self._of_label[row] * _FEATURES
        best = int(np.argmax(scores))
        return self.labels[best], round(float(scores[best] - scores[self.labels.index(label)]), 6)

    def _weights(self, row: Features) -> Floats:
        weights: Floats = self._rarity[row]
        return weights / max(float(np.sqrt(np.square(weights).sum())), 1e-9)


def features(text: str) -> Features:
    """Distinct words and pairs of words (in Chinese: characters) of a text as hashed positions, sorted."""
    units = _UNITS.findall(normalise(text))
    names = [*units, *(f"{one} {two}" for one, two in pairwise(units))]
    return np.unique(np.fromiter((zlib.crc32(name.encode()) % _FEATURES for name in names), dtype=np.intp, count=len(names)))


def strangeness_of_seeds(texts: Sequence[str], labels: Sequence[str]) -> list[float]:
    """How strange rows whose labels are right look to models that have not seen them, from the least to the most strange."""
    values = []
    for fold in range(_FOLDS):
        held_out = range(fold, len(texts), _FOLDS)
        learned = [place for place in range(len(texts)) if place % _FOLDS != fold]
        model = LabelModel([texts[place] for place in learned], [labels[place] for place in learned])
        values += [model.strangeness(texts[place], labels[place])[1] for place in held_out]
    return sorted(values)
