"""Fit the label head of a task with several labels an answer: scores per label, joined, read with a threshold.

The sources of a label's score are least squares on a frozen base model's features, the linear model on words, and whether the
Task-LM's generated answer names the label. Their weights and the threshold are found on dev. Where generated answers alone
score as well there, the task gets no head.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from anytasktune.baselines.linear_model import LinearModel
from anytasktune.inference.label_head import Array, LabelHead, LinearHead
from anytasktune.inference.task_predictor import TaskPredictor
from anytasktune.models.load import BaseLM
from anytasktune.models.lora import Adapter
from anytasktune.schema import Answer, Decoding, Example, SourceWeights, Task
from anytasktune.schema.linear_manifest import Readout
from anytasktune.scorers import item_statistics
from anytasktune.training.task_rows import TaskRows

_STRENGTHS = (30.0, 100.0, 300.0, 1000.0, 3000.0)
_FOLDS, _DEV_FOLDS = 4, 5
_MOST_ROWS, _MOST_DEV_ROWS = 20_000, 200
_FEWEST_ROWS, _FEWEST_DEV_ROWS = 16, 20
_PRIOR = (0.0, 3.0, 3.0, 1.0)
"""Weights of means, last token, words and generated labels that those of a task stay near while its dev rows are few."""
_PRIOR_ROWS = 2.0
"""Rows of dev that this prior is worth, per unit of squared distance and label."""


def has_label_sets(task: Task) -> bool:
    """Whether answers are sets of labels that every input may have any of."""
    rules = task.rules
    return task.output.linear_target == "label_set" and not (rules.copies_from_input or rules.pattern or rules.max_length)


def fit_label_set_head(
    base: BaseLM,
    part: TaskRows,
    adapter: Adapter | None,
    decoding: Decoding,
    *,
    most_rows: int | None = None,
    on_rows: Callable[[int, int], None] = lambda _done, _total: None,
) -> LabelHead | None:
    """Fit the head of a task; None where it has no label sets, its rows are too few, or generated answers score as well on dev.

    Args:
        adapter: the Task-LM's, whose generated answers are one of the sources; without it, the other sources answer alone.
        decoding: how those are generated.
        most_rows: train rows to use, of the beginning.
        on_rows: called with the number of rows read so far, and of all.
    """
    task = part.task
    train, dev = part.splits["train"][: min(most_rows or _MOST_ROWS, _MOST_ROWS)], part.splits.get("dev", [])[:_MOST_DEV_ROWS]
    if not has_label_sets(task) or len(train) < _FEWEST_ROWS or len(dev) < _FEWEST_DEV_ROWS:
        return None
    total, done = len(train) + len(dev), 0

    def read(rows: int) -> None:
        nonlocal done
        done += rows
        on_rows(done, total)

    plain = TaskPredictor(base, task, decoding)
    features, words = plain.features([*train, *dev], on_rows=read), LinearModel.fit(task, train)
    cut, targets = features.shape[1] // 5 * 3, words.columns(train)
    means, last = (_fit_scores(block, targets) for block in (features[: len(train), :cut], features[: len(train), cut:]))
    head = LabelHead(means, last, words, SourceWeights(tokens=0, means=0, last_token=0, words=0), label_sets=Readout())
    generated = None if adapter is None else replace(plain, adapter=adapter).answer(dev)
    named = None if generated is None else [answer.output for answer in generated]
    sources = np.stack(head.set_sources(features[len(train) :], dev, named))
    counts = {3, len(sources)}
    held_out = {count: _score(task, dev, _held_out_answers(words, sources[:count], dev)) for count in counts}
    best = max(sorted(held_out), key=held_out.__getitem__)  # generated labels only where they help
    scores: dict[Literal["generated", "joined"], float] = {"joined": held_out[best]}
    if generated is not None:
        scores["generated"] = _score(task, dev, generated)
        if scores["generated"] >= scores["joined"]:
            return None
    sources = sources[:best]
    weights = _weights(sources, words.columns(dev))
    readout = words.readout(_joined(sources, weights), dev)
    by_name = dict(zip(("means", "last_token", "words", "tokens"), [*map(float, weights), 0.0], strict=False))
    return replace(head, weights=SourceWeights(**by_name), label_sets=readout, dev_scores=scores)


def _fit_scores(features: Array, targets: Array) -> LinearHead:
    """Least squares of targets [n, labels] on standardised features [n, f], the strength chosen by cross-validation."""
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    rows = (features - mean) / scale
    folds = list(KFold(min(_FOLDS, len(rows)), shuffle=True, random_state=0).split(rows))
    errors = {
        strength: sum(
            float(((Ridge(alpha=strength).fit(rows[fit], targets[fit]).predict(rows[rest]) - targets[rest]) ** 2).sum())
            for fit, rest in folds
        )
        for strength in _STRENGTHS
    }
    model = Ridge(alpha=min(errors, key=errors.__getitem__)).fit(rows, targets)
    weight = model.coef_.reshape(targets.shape[1], -1) / scale
    return LinearHead(weight.astype(np.float32), (model.intercept_ - weight @ mean).astype(np.float32))


def _weights(sources: Array, targets: Array) -> Array:
    """Weights [sources], of sum 1: those of a logistic model of targets [n, labels] on sources [sources, n, labels]."""
    prior = np.array([*_PRIOR[: len(sources)], 0.0])

    def loss(mix: Array) -> float:
        losses = np.logaddexp(0.0, -targets * (_joined(sources, mix[:-1]) + mix[-1]))
        return float(losses.mean() + _PRIOR_ROWS / targets.shape[1] * ((mix - prior) ** 2).sum() / len(targets))

    found = minimize(loss, prior, bounds=[(0.0, 10.0)] * len(sources) + [(-10.0, 10.0)]).x[:-1]
    return np.asarray(np.round(found / max(found.sum(), 1e-9), 4))


def _joined(sources: Array, weights: Array) -> Array:
    return np.asarray(np.tensordot(weights, sources, axes=1))


def _held_out_answers(words: LinearModel, sources: Array, dev: Sequence[Example]) -> list[Answer]:
    """Answers to dev rows with weights and threshold found on the others."""
    answers: dict[int, Answer] = {}
    for fit, rest in KFold(_DEV_FOLDS, shuffle=True, random_state=0).split(dev):
        fitted, others = [dev[row] for row in fit], [dev[row] for row in rest]
        weights = _weights(sources[:, fit], words.columns(fitted))
        readout = words.readout(_joined(sources[:, fit], weights), fitted)
        answers |= zip(rest.tolist(), words.read(_joined(sources[:, rest], weights), others, readout), strict=True)
    return [answers[row] for row in range(len(dev))]


def _score(task: Task, rows: Sequence[Example], answers: Sequence[Answer]) -> float:
    value = item_statistics(task, [row.output for row in rows], [answer.output for answer in answers]).value()
    return round(float(value), 4)
