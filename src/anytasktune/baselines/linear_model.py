"""A linear model of a task on n-grams of its inputs: fitted in seconds, saved as arrays, answers in about a millisecond."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load, save

from anytasktune.baselines.linear_solvers import Floats, Weights
from anytasktune.baselines.linear_targets import Target, target_of
from anytasktune.baselines.text_features import TextFeatures
from anytasktune.errors import DamagedError, EvaluationError, StoreError
from anytasktune.ids import bytes_hash, content_id
from anytasktune.records import Usage
from anytasktune.schema import Answer, Example, Task
from anytasktune.schema.linear_manifest import LinearModelManifest, Readout
from anytasktune.store import MANIFEST, ArtifactKind, atomic_folder, read_manifest, write_atomic, write_record
from anytasktune.version import __version__

ARRAYS = "linear.safetensors"
_MOST_WEIGHTS, _MOST_FEATURES = 4_000_000, 100_000
_SELECTED_ON = 3000
"""Most rows on which the way to fit is chosen."""


@dataclass(frozen=True)
class LinearModel:
    """A linear model in memory; `LinearModel.load(folder).answer(examples)` is all it takes to use one."""

    manifest: LinearModelManifest
    features: TextFeatures
    weights: Weights

    @property
    def _target(self) -> Target:
        return _target_of(self.manifest.task)

    @classmethod
    def fit(cls, task: Task, train: Sequence[Example]) -> "LinearModel":
        """Fit a model on training rows; its strength is chosen by cross-validation among them, under the task's metric.

        Raises:
            EvaluationError: there are no rows, or no linear model gives answers of this kind.
        """
        from anytasktune.baselines.linear_fit import choose_fit, fit  # noqa: PLC0415  a saved model needs no scikit-learn

        start, target = time.monotonic(), _target_of(task)
        if not train:
            raise EvaluationError(f"task {task.name} has no rows to fit a linear model on", fix="import training rows")
        columns = target.columns(train)
        features = TextFeatures.of([row.input for row in train], min(_MOST_FEATURES, _MOST_WEIGHTS // columns.shape[1]))
        vectors = features.vectors([row.input for row in train])
        some = train[:_SELECTED_ON]
        choice = choose_fit(target, some, vectors[: len(some)], columns[: len(some)])
        weights = fit(choice.way, vectors, columns).rounded()
        manifest = LinearModelManifest(
            id=linear_model_id(task, train),
            task=task,
            method=choice.way.method,
            strength=choice.way.strength,
            readout=choice.readout,
            cross_validated=choice.score,
            train_rows=len(train),
            features=len(features),
            sha256=bytes_hash(_packed(features, weights)),
            usage=Usage(seconds=round(time.monotonic() - start, 3)),
        )
        return cls(manifest, features, weights)

    def log_probabilities(self, inputs: Sequence[str]) -> Floats:
        """Log probability of every label after every input: [inputs, labels], labels in the order of the task's list.

        Of a task with several labels an answer, each label by itself.

        Raises:
            ValueError: answers of the task are no labels.
        """
        return self._target.log_probabilities(self.values(inputs), self.manifest.readout)

    def values(self, inputs: Sequence[str]) -> Floats:
        """Values [inputs, columns] of the linear map: a column per label, or the number."""
        return self.weights.values(self.features.vectors(inputs))

    def answer(self, examples: Sequence[Example]) -> list[Answer]:
        """Answer every example, in order; their outputs are not read."""
        return self.read(self.values([example.input for example in examples]), examples, self.manifest.readout)

    def read(self, values: Floats, examples: Sequence[Example], readout: Readout) -> list[Answer]:
        """The answers to examples that values [examples, columns] mean."""
        languages = [self.manifest.task.language_of(example.language) for example in examples]
        return self._target.answers(values, languages, readout)

    def readout(self, values: Floats, examples: Sequence[Example]) -> Readout:
        """The best way to read values [examples, columns] of examples with known answers; styles are those of training."""
        trained = self.manifest.readout
        return self._target.readout(values, examples).model_copy(update={"styles": trained.styles, "least": trained.least})

    def columns(self, examples: Sequence[Example]) -> Floats:
        """Right values [examples, columns]: of labels 1 and -1."""
        return self._target.columns(examples)

    def save(self, folder: Path) -> None:
        """Write the model as a new `folder`, whole or not at all."""
        with atomic_folder(folder) as new:
            write_atomic(new / ARRAYS, _packed(self.features, self.weights))
            write_record(new / MANIFEST, self.manifest)

    @classmethod
    def load(cls, folder: Path) -> "LinearModel":
        """Read a model and check that its arrays are those that were written.

        Raises:
            DamagedError: a file is not what was written.
            StoreError: a file is missing or cannot be read.
        """
        manifest, path = read_manifest(folder, LinearModelManifest), folder / ARRAYS
        try:
            data = path.read_bytes()
        except OSError as error:
            fix = "copy the whole folder again, or evaluate the task again"
            raise StoreError(f"cannot be read: {error.strerror or error}", where=str(path), fix=fix) from None
        if bytes_hash(data) != manifest.sha256:
            fix = "copy the whole folder again, or delete it and evaluate the task again"
            raise DamagedError("the content does not match the manifest", where=str(path), fix=fix)
        arrays = load(data)
        return cls(manifest, TextFeatures.from_arrays(arrays), Weights(arrays["weights"].astype(np.float64), arrays["bias"]))


LINEAR_MODELS = ArtifactKind(LinearModel.load, lambda folder, model: model.save(folder), lambda model: model.manifest.id)


def linear_model_id(task: Task, train: Sequence[Example]) -> str:
    """The id of the model that `LinearModel.fit` makes."""
    return content_id(["linear", task.name, task.definition, task.scored_by, [row.id for row in train], __version__])


def _target_of(task: Task) -> Target:
    target = target_of(task)
    if target is None:
        what = f"no linear model gives answers of the kind of task {task.name}"
        raise EvaluationError(what, fix="use tasks with labels of a closed list, or numbers")
    return target


def _packed(features: TextFeatures, weights: Weights) -> bytes:
    arrays = features.arrays() | {"weights": weights.matrix.astype(np.float16), "bias": weights.bias}
    return bytes(save(arrays))
