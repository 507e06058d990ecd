"""Tasks as columns of numbers that a linear model can fit, and values of these columns as answers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from anytasktune.baselines.linear_solvers import Fit, Floats
from anytasktune.outputs import reference_number
from anytasktune.records import Language
from anytasktune.schema import Answer, Example, Task
from anytasktune.schema.linear_manifest import Readout

_STRENGTHS = (0.1, 0.3, 1.0, 3.0)
_SCALES = np.geomspace(0.25, 64, 49)
_THRESHOLDS = 61


@dataclass(frozen=True)
class Target(ABC):
    """The columns of a task."""

    task: Task

    @property
    @abstractmethod
    def ways(self) -> list[Fit]:
        """Ways to fit the columns, of which cross-validation chooses."""

    @abstractmethod
    def columns(self, rows: Sequence[Example]) -> Floats:
        """Right values of the columns: [rows, columns]."""

    @abstractmethod
    def readout(self, values: Floats, rows: Sequence[Example]) -> Readout:
        """The best way to read `values` [rows, columns] of rows the map was not fitted on."""

    @abstractmethod
    def answers(self, values: Floats, languages: Sequence[Language], readout: Readout) -> list[Answer]:
        """The answers that `values` [rows, columns] of rows of these languages mean."""

    def log_probabilities(self, values: Floats, readout: Readout) -> Floats:
        """Log probability of every label, by its place in the list.

        Raises:
            ValueError: the columns are no labels.
        """
        raise ValueError(f"answers of task {self.task.name} are no labels")

    def _labels(self, language: Language) -> list[str]:
        return self.task.labels_in(language) or []

    def _chosen(self, rows: Sequence[Example]) -> Floats:
        """1 where a row has the label of a column, -1 elsewhere. Labels of different languages share a place."""
        columns = np.full((len(rows), len(self._labels(self.task.languages[0]))), -1.0)
        for row, example in enumerate(rows):
            labels = self._labels(self.task.language_of(example.language))
            for label in self.task.output.chosen(example.output, self.task.language_of(example.language)):
                if label in labels:
                    columns[row, labels.index(label)] = 1.0
        return columns

    def _styles(self, rows: Sequence[Example]) -> dict[Language, int | str | None]:
        answers: dict[Language, list[str]] = {language: [] for language in self.task.languages}
        for row in rows:
            answers[self.task.language_of(row.language)].append(row.output)
        styles: dict[Language, Any] = {it: self.task.output.style_of(texts, it) for it, texts in answers.items()}
        return styles

    def _written(self, labels: Sequence[str], row: Floats) -> dict[str, float]:
        return {label: round(float(value), 6) for label, value in zip(labels, row, strict=True)}


class OneLabel(Target):
    """A column per label, of which exactly one is right."""

    @property
    def ways(self) -> list[Fit]:
        """Support vector machines; balanced ones only, where every label counts the same."""
        balances = (True,) if self.task.scored_by == "macro_f1" else (False, True)
        return [Fit("svm", strength, balanced) for balanced in balances for strength in _STRENGTHS]

    def columns(self, rows: Sequence[Example]) -> Floats:
        """See `Target`."""
        return self._chosen(rows)

    def readout(self, values: Floats, rows: Sequence[Example]) -> Readout:
        """The scale that makes the right labels most probable."""
        right = self.columns(rows) > 0
        losses = [-float(log_softmax(values * scale, axis=1)[right].mean()) for scale in _SCALES]
        return Readout(scale=float(_SCALES[int(np.argmin(losses))]))

    def log_probabilities(self, values: Floats, readout: Readout) -> Floats:
        """See `Target`."""
        return np.asarray(log_softmax(values * readout.scale, axis=1))

    def answers(self, values: Floats, languages: Sequence[Language], readout: Readout) -> list[Answer]:
        """The likeliest label."""
        found = []
        for row, language in zip(np.exp(self.log_probabilities(values, readout)), languages, strict=True):
            labels = self._labels(language)
            probabilities, best = self._written(labels, row), labels[int(row.argmax())]
            found.append(Answer(output=best, probability=probabilities[best], probabilities=probabilities))
        return found


class LabelSet(Target):
    """A column per label, of which any number may be right."""

    @property
    def ways(self) -> list[Fit]:
        """Support vector machines."""
        return [Fit("svm", strength) for strength in _STRENGTHS]

    def columns(self, rows: Sequence[Example]) -> Floats:
        """See `Target`."""
        return self._chosen(rows)

    def readout(self, values: Floats, rows: Sequence[Example]) -> Readout:
        """The threshold with the highest micro-averaged F1; as many labels as the rules and the training rows have."""
        right = self.columns(rows) > 0
        counts, rules = right.sum(axis=1), self.task.rules
        least = max(rules.min_items or 0, int(counts.min()))
        limits = Readout(least=least, most=rules.max_items, styles=self._styles(rows))
        readouts = [limits.model_copy(update={"threshold": float(at)}) for at in np.linspace(-1.5, 1.0, _THRESHOLDS)]
        best = max(readouts, key=lambda readout: _f1(right, _above(values, readout)))
        losses = []
        for scale in _SCALES:
            logs = self.log_probabilities(values, best.model_copy(update={"scale": float(scale)}))
            losses.append(-float(np.where(right, logs, np.log1p(-np.exp(np.minimum(logs, -1e-12)))).mean()))
        return best.model_copy(update={"scale": float(_SCALES[int(np.argmin(losses))])})

    def log_probabilities(self, values: Floats, readout: Readout) -> Floats:
        """Of each label by itself; a half at the threshold."""
        return -np.logaddexp(0.0, -(values - readout.threshold) * readout.scale)

    def answers(self, values: Floats, languages: Sequence[Language], readout: Readout) -> list[Answer]:
        """The labels above the threshold, in the order of the list."""
        found, chosen = [], _above(values, readout)
        for row, taken, language in zip(np.exp(self.log_probabilities(values, readout)), chosen, languages, strict=True):
            labels = self._labels(language)
            items = [label for label, has in zip(labels, taken, strict=True) if has]
            output = self.task.output.from_json(items, language, readout.styles.get(language))
            found.append(Answer(output=output, probabilities=self._written(labels, row)))
        return found


class Number(Target):
    """One column: the number."""

    @property
    def ways(self) -> list[Fit]:
        """Least squares and least absolute error."""
        squares = [Fit("ridge", 1 / strength) for strength in _STRENGTHS]
        return squares + [Fit("median", strength) for strength in _STRENGTHS]

    def columns(self, rows: Sequence[Example]) -> Floats:
        """See `Target`."""
        return np.array([[reference_number(row.output)] for row in rows])

    def readout(self, values: Floats, rows: Sequence[Example]) -> Readout:
        """As many digits as the training answers have."""
        return Readout(styles=self._styles(rows))

    def answers(self, values: Floats, languages: Sequence[Language], readout: Readout) -> list[Answer]:
        """The number, within the range of the task and rounded as it wants."""
        schema = self.task.output.answer_schema(self.task.languages[0], self.task.rules, ())
        clipped = np.clip(values[:, 0], schema["minimum"], schema["maximum"])
        written = [
            self.task.output.from_json(float(value), language, readout.styles.get(language))
            for value, language in zip(clipped, languages, strict=True)
        ]
        return [Answer(output=output) for output in written]


def target_of(task: Task) -> Target | None:
    """The columns of a task; None where its answers are none that a linear model can give."""
    kinds: dict[str, type[Target]] = {"label": OneLabel, "label_set": LabelSet, "number": Number}
    kind = task.output.linear_target
    return kinds[kind](task) if kind else None


def _above(values: Floats, readout: Readout) -> NDArray[np.bool_]:
    """Which labels are answered: those above the threshold, but no fewer and no more than the limits."""
    most = values.shape[1] if readout.most is None else readout.most
    places = (-values).argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")  # of each label in its row, the best first
    return ((values >= readout.threshold) | (places < readout.least)) & (places < most)


def _f1(right: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> float:
    return 2 * int((right & chosen).sum()) / max(1, int(right.sum() + chosen.sum()))
