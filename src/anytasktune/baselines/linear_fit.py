"""Fitting of linear maps with scikit-learn; the strength is chosen by cross-validation."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC, LinearSVR

from anytasktune.baselines.linear_solvers import Fit, Floats, Weights
from anytasktune.baselines.linear_targets import Target
from anytasktune.ids import rank
from anytasktune.outputs import LOWER_IS_BETTER
from anytasktune.schema import Example
from anytasktune.schema.linear_manifest import Readout
from anytasktune.scorers import item_statistics

_FOLDS, _FEWER_FOLDS, _MANY_ROWS = 5, 3, 1000
_FEWEST_ROWS = 6
_SAME = 0.7
"""Cosine from which two inputs are near duplicates."""
_ABSENT = -1.0
"""Value of a label that no row has: that of a support vector machine without positive rows."""


@dataclass(frozen=True)
class Choice:
    """The way of fitting that was chosen, how to read what it gives, and its score; None where there were too few rows."""

    way: Fit
    readout: Readout
    score: float | None


def choose_fit(target: Target, rows: Sequence[Example], features: csr_matrix, columns: Floats) -> Choice:
    """The way to fit with the best score on rows it was not fitted on; of equal ones the first, which is the simplest."""
    task, choices = target.task, []
    folds = _folds_of(features, columns)
    if folds is None:
        usual = target.ways[len(target.ways) // 2]
        return Choice(usual, target.readout(fit(usual, features, columns).values(features), rows), None)
    references, languages = [row.output for row in rows], [task.language_of(row.language) for row in rows]
    for way in target.ways:
        values = _held_out_values(way, features, columns, folds)
        readout = target.readout(values, rows)
        outputs = [answer.output for answer in target.answers(values, languages, readout)]
        choices.append(Choice(way, readout, item_statistics(task, references, outputs).value()))
    sign = 1 if task.scored_by in LOWER_IS_BETTER else -1
    return min(choices, key=lambda choice: sign * (choice.score or 0.0))


def cross_validated_values(way: Fit, features: csr_matrix, columns: Floats) -> Floats | None:
    """Values [rows, columns] of rows by maps that were fitted without them; None where there are too few rows."""
    folds = _folds_of(features, columns)
    return None if folds is None else _held_out_values(way, features, columns, folds)


def fit(way: Fit, features: csr_matrix, targets: Floats) -> Weights:
    """Fit `targets` [rows, columns]; those of support vector machines are 1 and -1."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # an unfinished fit is judged by its rows like any other
        if way.method == "svm":
            one_each = targets.shape[1] > 1 and bool(((targets > 0).sum(axis=1) == 1).all())
            return _fit_one_of(way, features, targets) if one_each else _fit_each(way, features, targets)
        middle = np.median(targets, axis=0)
        if way.method == "ridge":
            model = Ridge(alpha=way.strength, solver="sparse_cg")
        else:
            model = LinearSVR(C=way.strength, epsilon=0.0, random_state=0)
        model.fit(features, targets[:, 0] - middle[0])
        return Weights(model.coef_.reshape(-1, 1), middle + np.ravel(model.intercept_))


def _fit_one_of(way: Fit, features: csr_matrix, targets: Floats) -> Weights:
    """Every row has exactly one label."""
    places = targets.argmax(axis=1)
    present, counts = np.unique(places, return_counts=True)
    matrix, bias = np.zeros((features.shape[1], targets.shape[1])), np.full(targets.shape[1], _ABSENT)
    if len(present) == 1:
        bias[present] = -_ABSENT
        return Weights(matrix, bias)
    shares = {place: len(places) / (len(present) * count) for place, count in zip(present, counts, strict=True)}
    model = LinearSVC(C=way.strength, class_weight=shares if way.balanced else None, random_state=0)
    model.fit(features, places)
    two = len(present) == 2  # then scikit-learn has one column, for the second
    matrix[:, present] = np.concatenate([-model.coef_, model.coef_]).T if two else model.coef_.T
    bias[present] = np.concatenate([-model.intercept_, model.intercept_]) if two else model.intercept_
    return Weights(matrix, bias)


def _fit_each(way: Fit, features: csr_matrix, targets: Floats) -> Weights:
    """A row may have any number of labels."""
    matrix, bias = np.zeros((features.shape[1], targets.shape[1])), np.full(targets.shape[1], _ABSENT)
    for column in range(targets.shape[1]):
        has = targets[:, column] > 0
        if has.all():
            bias[column] = -_ABSENT
        elif has.any():
            model = LinearSVC(C=way.strength, class_weight="balanced" if way.balanced else None, random_state=0)
            model.fit(features, has)
            matrix[:, column], bias[column] = model.coef_[0], model.intercept_[0]
    return Weights(matrix, bias)


def _held_out_values(way: Fit, features: csr_matrix, targets: Floats, folds: NDArray[np.int64]) -> Floats:
    """Values [rows, columns] of every row by a map fitted on the other folds."""
    values = np.zeros(targets.shape)
    for fold in np.unique(folds):
        kept = folds != fold
        values[~kept] = fit(way, features[kept], targets[kept]).values(features[~kept])
    return values


def _folds_of(features: csr_matrix, targets: Floats) -> NDArray[np.int64] | None:
    """The fold of each row: rows of like targets spread over all of them, near duplicates in one; None for too few rows.

    A row that is answered by a copy of itself would favour the fit that remembers most.
    """
    count = len(targets)
    if count < _FEWEST_ROWS:
        return None
    _, groups = connected_components(features @ features.T > 2 * _SAME)  # both blocks of a row have length 1
    if np.bincount(groups).max() > count / _FOLDS:
        groups = np.arange(count)
    order = sorted(range(count), key=lambda row: (targets[row].tolist(), rank("fold", row)))
    places = {group: place for place, group in enumerate(dict.fromkeys(groups[order].tolist()))}
    return np.array([places[group] % (_FOLDS if count < _MANY_ROWS else _FEWER_FOLDS) for group in groups.tolist()])
