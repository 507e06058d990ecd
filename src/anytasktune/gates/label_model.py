"""A small model of which words go with which label: complement naive Bayes, every row judged by models that have not seen it.

Rennie, Shih, Teevan and Karger (2003), "Tackling the Poor Assumptions of Naive Bayes Text Classifiers": a label's weights are
learned from the rows of all other labels, which keeps frequent labels from winning by their number.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from anytasktune.text.plain_text import normalise
from anytasktune.text.scripts import HAN

_MOST_FEATURES, _MOST_CELLS = 1 << 16, 1 << 23
_SMOOTHING = 0.3
_FOLDS = 5
_UNITS = re.compile(rf"[{HAN}]|[^\W{HAN}]+")
_DIGITS = 6

Features = NDArray[np.intp]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Opinion:
    """What the model makes of a row: the likeliest label, and by how much less likely the row's own is (0: the same)."""

    best: str
    strangeness: float


def opinions(texts: Sequence[str], labels: Sequence[str]) -> list[Opinion]:
    """For each text and its label what a model learned from the other four fifths of the rows makes of it.

    The scale is the model's own: opinions can be compared with each other only.
    """
    names = sorted(set(labels))
    places = [names.index(label) for label in labels]
    size = _features_for(len(names))
    rows = [features(text, size) for text in texts]
    weights = _weights(rows, size)
    counts = np.zeros((_FOLDS, size, len(names)), dtype=np.float32)
    for place, (row, weight, label) in enumerate(zip(rows, weights, places, strict=True)):
        counts[place % _FOLDS, row, label] += weight
    every = counts.sum(axis=0)
    judged: list[Opinion] = [Opinion(label, 0.0) for label in labels]
    for fold in range(_FOLDS):
        of_label = _learned(every - counts[fold])
        for place in range(fold, len(rows), _FOLDS):
            scores = np.round(weights[place] @ of_label[rows[place]], _DIGITS)
            best = int(np.argmax(scores)) if len(rows[place]) else places[place]
            judged[place] = Opinion(names[best], round(float(scores[best] - scores[places[place]]), _DIGITS))
    return judged


def _features_for(labels: int) -> int:
    """A power of two such that the table of features and labels stays small."""
    return min(_MOST_FEATURES, 1 << max(8, (_MOST_CELLS // max(labels, 1)).bit_length() - 1))


def _learned(counts: NDArray[np.float32]) -> Floats:
    """Weight of each feature for each label; higher speaks for the label."""
    others = counts.sum(axis=1, keepdims=True, dtype=np.float64) - counts + _SMOOTHING
    weights = -np.log(others / others.sum(axis=0))
    learned: Floats = weights / np.abs(weights).mean(axis=0)
    return learned


def _weights(rows: Sequence[Features], size: int) -> list[Floats]:
    """Per text the weights of its features by their rarity, of length 1."""
    seen = np.zeros(size)
    for row in rows:
        seen[row] += 1
    rarity = np.log((1 + len(rows)) / (1 + seen)) + 1
    return [rarity[row] / max(float(np.sqrt(np.square(rarity[row]).sum())), 1e-9) for row in rows]


def features(text: str, size: int) -> Features:
    """Distinct words and pairs of words (in Chinese: characters) of a text as sorted numbers below `size`."""
    units = _UNITS.findall(normalise(text))
    names = [*units, *(f"{one} {two}" for one, two in pairwise(units))]
    return np.unique(np.fromiter((zlib.crc32(name.encode()) % size for name in names), dtype=np.intp, count=len(names)))
