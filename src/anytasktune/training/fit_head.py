"""Fit a label head: linear layers on a frozen base model's features, and the weights of all sources of label scores.

Regularisation is chosen by cross-validation on train, the weights of the sources on dev. Where the metric averages over labels,
all labels weigh the same, however many rows they have. Of a number task the heads learn bands of numbers.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

from anytasktune.baselines.linear_model import LinearModel
from anytasktune.inference.label_head import Array, LabelHead, LinearHead, joined, smoothed
from anytasktune.inference.number_bands import NumberBands
from anytasktune.inference.task_predictor import TaskPredictor, decoding_for
from anytasktune.models.load import BaseLM
from anytasktune.models.lora import Adapter
from anytasktune.outputs import reference_number
from anytasktune.schema import Decoding, Example, SourceWeights
from anytasktune.training.task_rows import TaskRows

_STRENGTHS, _NUMBER_STRENGTHS = (0.0003, 0.003, 0.03), (0.0003, 0.001, 0.003)
_FOLDS = 4
_ITERATIONS = 200
_SELECTED_ON = 3000
"""Most rows on which the regularisation is chosen."""
_MOST_ROWS, _MOST_DEV_ROWS = 20_000, 1000
_FEWEST_ROWS, _FEWEST_DEV_ROWS = 16, 8
_PRIOR = SourceWeights(means=0.25, last_token=0.4, words=0.5, tokens=0.5)
"""Weights found on real tasks, which those of a task stay near while its dev rows are few."""
_NUMBER_PRIOR = SourceWeights(means=0.6, last_token=0.5, words=0.2, tokens=0.3)
_PRIOR_ROWS = 2.0
"""Rows of dev that this prior is worth, per unit of squared distance."""
_NEGLIGIBLE = 0.02


Loss = Callable[[Array, Array, Array], float]
"""A loss of log probabilities [n, classes], right classes [n] and weights of rows [n]."""


@dataclass(frozen=True)
class _Way:
    """The way to fit labels or numbers: strengths to choose from, prior weights of sources, the loss that judges both."""

    strengths: Sequence[float]
    prior: SourceWeights
    loss: Loss


def fit_label_head(
    base: BaseLM,
    part: TaskRows,
    adapter: Adapter | None = None,
    *,
    decoding: Decoding | None = None,
    most_rows: int | None = None,
    on_rows: Callable[[int, int], None] = lambda _done, _total: None,
) -> LabelHead | None:
    """Fit the head of a task; None where its possible answers are not scored, or its rows are too few.

    Args:
        adapter: the Task-LM's, whose own scores are one of the sources; without it, the other sources answer alone.
        decoding: the Task-LM's, which says what answers are possible; found from the rows unless given.
        most_rows: train rows to use, of the beginning.
        on_rows: called with the number of rows read so far, and of all.
    """
    task = part.task
    train, dev = part.splits["train"][: min(most_rows or _MOST_ROWS, _MOST_ROWS)], part.splits.get("dev", [])[:_MOST_DEV_ROWS]
    plain = TaskPredictor(base, task, decoding or decoding_for(task, train, 0))
    if not plain.decoding.scores_answers or len(train) < _FEWEST_ROWS:
        return None
    places, dev_places = _places(plain, train), _places(plain, dev)
    balanced, total, done = task.scored_by == "macro_f1", len(train) + len(dev), 0

    def read(rows: int) -> None:
        nonlocal done
        done += rows
        on_rows(done, total)

    features = plain.features([*train, *dev], on_rows=read)
    words, bands = LinearModel.fit(task, train), None
    classes, count, way = places, len(plain.possible_answers(task.languages[0])), _Way(_STRENGTHS, _PRIOR, mean_loss)
    if plain.decoding.method == "number_scoring":
        numbers = [reference_number(number) for number in plain.possible_answers(task.languages[0])]
        error = words.manifest.cross_validated
        bands = NumberBands.of(numbers, places.tolist(), task.output.full_range / 4 if error is None else error)
        classes, count, way = bands.of_places(places), len(bands.shares), _Way(_NUMBER_STRENGTHS, _NUMBER_PRIOR, ranked_loss)
    cut = features.shape[1] // 5 * 3
    means, last = (
        fit_linear_head(block, classes, count, balanced=balanced, strengths=way.strengths, loss=way.loss)
        for block in (features[: len(train), :cut], features[: len(train), cut:])
    )
    head = LabelHead(means, last, words, way.prior, bands)
    sources = head.sources(features[len(train) :], dev)
    if adapter is not None and dev:
        answers = replace(plain, adapter=adapter).answer(dev)
        found = [list((answer.probabilities or {}).values()) for answer in answers]
        sources.append(np.log(np.maximum(np.array(found), 1e-9)))
    names = ["means", "last_token", "words", "tokens"][: 3 if adapter is None else 4]
    weights = [getattr(way.prior, name) for name in names]
    if len(dev) >= _FEWEST_DEV_ROWS:
        weights = source_weights(sources, dev_places, weights, balanced=balanced, loss=way.loss)
    chosen = dict.fromkeys(SourceWeights.model_fields, 0.0) | dict(zip(names, weights, strict=True))
    return replace(head, weights=SourceWeights(**chosen))


def _places(predictor: TaskPredictor, rows: Sequence[Example]) -> Array:
    """The place [n] of every row's answer among the possible ones: at one place they mean the same in all languages."""
    task = predictor.task
    possible = {language: predictor.possible_answers(language) for language in task.languages}
    found = [task.output.place_of(row.output, possible[task.language_of(row.language)]) for row in rows]
    return np.array(found, np.int64)


def mean_loss(log_probabilities: Array, classes: Array, weights: Array) -> float:
    """Weighted mean of the negative log probability [n, labels] of the right label."""
    return float(-(weights * log_probabilities[np.arange(len(classes)), classes]).sum() / weights.sum())


def ranked_loss(log_probabilities: Array, classes: Array, weights: Array) -> float:
    """Weighted mean of the ranked probability score (Epstein 1969) of classes in their order, which rewards near misses."""
    reached = np.exp(log_probabilities).cumsum(axis=1)
    right = np.arange(log_probabilities.shape[1]) >= classes[:, None]
    return float((weights * ((reached - right) ** 2).mean(axis=1)).sum() / weights.sum())


def fit_linear_head(
    features: Array,
    classes: Array,
    count: int,
    *,
    balanced: bool,
    strengths: Sequence[float] = _STRENGTHS,
    loss: Loss = mean_loss,
) -> LinearHead:
    """Fit a multinomial logistic regression on standardised features, its regularisation chosen by cross-validation.

    Args:
        features: [n, f].
        classes: [n] indices of labels.
        count: number of labels.
        balanced: whether all labels weigh the same, however many rows they have.
        strengths: of regularisation (C), of which the one with the smallest `loss` is used.
    """
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    rows = ((features - mean) / scale).astype(np.float32)
    some, right = rows[:_SELECTED_ON], classes[:_SELECTED_ON]
    folds = list(KFold(min(_FOLDS, len(some)), shuffle=True, random_state=0).split(some))
    weights = row_weights(right, count, balanced=balanced)
    losses = {}
    for strength in strengths:
        held_out = np.zeros((len(some), count))
        for fit, rest in folds:
            held_out[rest] = _fitted(some[fit], right[fit], count, strength, balanced).log_probabilities(some[rest])
        losses[strength] = loss(smoothed(held_out), right, weights)
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


def source_weights(
    sources: Sequence[Array], classes: Array, prior: Sequence[float], *, balanced: bool, loss: Loss = mean_loss
) -> list[float]:
    """Weights of a log-linear mix with the smallest loss on rows none of the sources was fitted on.

    Args:
        sources: log probabilities [n, labels] of each source.
        classes: [n] indices of the right labels.
        prior: weights to stay near where the rows are few.
        balanced: whether all labels weigh the same, however many rows they have.
    """
    weights = row_weights(classes, sources[0].shape[1], balanced=balanced)
    centre = np.asarray(prior)

    def total(mix: Array) -> float:
        distance = float(((mix - centre) ** 2).sum())
        return loss(joined(sources, list(mix)), classes, weights) + _PRIOR_ROWS / len(classes) * distance

    found = minimize(total, centre, bounds=[(0.0, 4.0)] * len(sources))
    return [round(float(weight), 4) if weight >= _NEGLIGIBLE else 0.0 for weight in found.x]
