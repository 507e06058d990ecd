"""Fit a label head: linear layers on a frozen base model's features, and the weights of all sources of label scores.

Regularisation is chosen by cross-validation on train, the weights of the sources on dev. Where the metric averages over labels,
all labels weigh the same, however many rows they have.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

from anytasktune.baselines.linear_model import LinearModel
from anytasktune.inference.label_head import Array, LabelHead, LinearHead, joined, smoothed
from anytasktune.inference.task_predictor import TaskPredictor
from anytasktune.models.load import BaseLM
from anytasktune.models.lora import Adapter
from anytasktune.schema import Decoding, Example, SourceWeights, Task
from anytasktune.training.task_rows import TaskRows

_STRENGTHS = (0.0003, 0.003, 0.03)
_FOLDS = 4
_ITERATIONS = 200
_SELECTED_ON = 3000
"""Most rows on which the regularisation is chosen."""
_MOST_ROWS, _MOST_DEV_ROWS = 20_000, 1000
_FEWEST_ROWS, _FEWEST_DEV_ROWS = 16, 8
_PRIOR = SourceWeights(means=0.25, last_token=0.4, words=0.5, tokens=0.5)
"""Weights found on real tasks, which those of a task stay near while its dev rows are few."""
_PRIOR_ROWS = 2.0
"""Rows of dev that this prior is worth, per unit of squared distance."""
_NEGLIGIBLE = 0.02


def fit_label_head(
    base: BaseLM,
    part: TaskRows,
    adapter: Adapter | None = None,
    *,
    most_rows: int | None = None,
    on_rows: Callable[[int, int], None] = lambda _done, _total: None,
) -> LabelHead | None:
    """Fit the head of a label task; None where it is no label task or has too few rows.

    Args:
        adapter: the Task-LM's, whose own label scores are one of the sources; without it, the other sources answer alone.
        most_rows: train rows to use, of the beginning.
        on_rows: called with the number of rows read so far, and of all.
    """
    task = part.task
    train, dev = part.splits["train"][: min(most_rows or _MOST_ROWS, _MOST_ROWS)], part.splits.get("dev", [])[:_MOST_DEV_ROWS]
    if not task.output.single_choice or len(train) < _FEWEST_ROWS:
        return None
    classes, dev_classes = _places(task, train), _places(task, dev)
    count, balanced = len(task.labels_in(task.languages[0]) or []), task.scored_by == "macro_f1"
    total, done = len(train) + len(dev), 0

    def read(rows: int) -> None:
        nonlocal done
        done += rows
        on_rows(done, total)

    plain = TaskPredictor(base, task, Decoding(method="label_scoring", max_new_tokens=0))
    features = plain.features([*train, *dev], on_rows=read)
    cut = features.shape[1] // 5 * 3
    means, last = (
        fit_linear_head(block, classes, count, balanced=balanced)
        for block in (features[: len(train), :cut], features[: len(train), cut:])
    )
    head = LabelHead(means, last, LinearModel.fit(task, train), _PRIOR)
    sources = head.sources(features[len(train) :], dev)
    if adapter is not None and dev:
        answers = replace(plain, adapter=adapter).answer(dev)
        labels = [task.labels_in(task.language_of(row.language)) or [] for row in dev]
        found = [
            [(answer.probabilities or {})[label] for label in names] for answer, names in zip(answers, labels, strict=True)
        ]
        sources.append(np.log(np.maximum(np.array(found), 1e-9)))
    names = ["means", "last_token", "words", "tokens"][: 3 if adapter is None else 4]
    weights = [getattr(_PRIOR, name) for name in names]
    if len(dev) >= _FEWEST_DEV_ROWS:
        weights = source_weights(sources, dev_classes, weights, balanced=balanced)
    chosen = dict.fromkeys(SourceWeights.model_fields, 0.0) | dict(zip(names, weights, strict=True))
    return replace(head, weights=SourceWeights(**chosen))


def _places(task: Task, rows: Sequence[Example]) -> Array:
    """The place of every row's label in the list of its language: labels of different languages at one place mean the same."""
    labels = [task.labels_in(task.language_of(row.language)) or [] for row in rows]
    return np.array([names.index(row.output.strip()) for row, names in zip(rows, labels, strict=True)], np.int64)


def fit_linear_head(features: Array, classes: Array, count: int, *, balanced: bool) -> LinearHead:
    """Fit a multinomial logistic regression on standardised features, its regularisation chosen by cross-validation.

    Args:
        features: [n, f].
        classes: [n] indices of labels.
        count: number of labels.
        balanced: whether all labels weigh the same, however many rows they have.
    """
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    rows = ((features - mean) / scale).astype(np.float32)
    some, right = rows[:_SELECTED_ON], classes[:_SELECTED_ON]
    folds = list(KFold(min(_FOLDS, len(some)), shuffle=True, random_state=0).split(some))
    weights = row_weights(right, count, balanced=balanced)
    losses = {}
    for strength in _STRENGTHS:
        held_out = np.zeros((len(some), count))
        for fit, rest in folds:
            held_out[rest] = _fitted(some[fit], right[fit], count, strength, balanced).log_probabilities(some[rest])
        losses[strength] = mean_loss(smoothed(held_out), right, weights)
    head = _fitted(rows, classes, count, min(losses, key=losses.__getitem__), balanced)
    weight = head.weight / scale
    return LinearHead(weight.astype(np.float32), (head.bias - weight @ mean).astype(np.float32))


def _fitted(rows: Array, classes: Array, count: int, strength: float, balanced: bool) -> LinearHead:
    weight, bias = np.zeros((count, rows.shape[1])), np.full(count, -np.inf)
    present = np.unique(classes)
    if len(present) == 1:
        bias[present] = 0.0
        return LinearHead(weight, bias)
    model = LogisticRegression(C=strength, max_iter=_ITERATIONS, class_weight="balanced" if balanced else None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a head that is nearly converged answers the same
        model.fit(rows, classes)
    if len(present) == 2:  # scikit-learn keeps one row of coefficients for two classes
        weight[present[1]], bias[present[0]], bias[present[1]] = model.coef_[0], 0.0, model.intercept_[0]
    else:
        weight[present], bias[present] = model.coef_, model.intercept_
    return LinearHead(weight, bias)


def row_weights(classes: Array, count: int, *, balanced: bool) -> Array:
    """The weight [n] of every row in a loss, 1 on average: equal, or such that all labels weigh the same."""
    if not balanced:
        return np.ones(len(classes))
    sizes = np.bincount(classes, minlength=count)
    weights: Array = len(classes) / (np.count_nonzero(sizes) * sizes[classes])
    return weights


def mean_loss(log_probabilities: Array, classes: Array, weights: Array) -> float:
    """Weighted mean of the negative log probability [n, labels] of the right label."""
    return float(-(weights * log_probabilities[np.arange(len(classes)), classes]).sum() / weights.sum())


def source_weights(sources: Sequence[Array], classes: Array, prior: Sequence[float], *, balanced: bool) -> list[float]:
    """Weights of a log-linear mix with the smallest loss on rows none of the sources was fitted on.

    Args:
        sources: log probabilities [n, labels] of each source.
        classes: [n] indices of the right labels.
        prior: weights to stay near where the rows are few.
        balanced: whether all labels weigh the same, however many rows they have.
    """
    weights = row_weights(classes, sources[0].shape[1], balanced=balanced)
    centre = np.asarray(prior)

    def loss(mix: Array) -> float:
        distance = float(((mix - centre) ** 2).sum())
        return mean_loss(joined(sources, list(mix)), classes, weights) + _PRIOR_ROWS / len(classes) * distance

    found = minimize(loss, centre, bounds=[(0.0, 4.0)] * len(sources))
    return [round(float(weight), 4) if weight >= _NEGLIGIBLE else 0.0 for weight in found.x]
