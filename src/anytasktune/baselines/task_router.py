"""The router of a Task Pool: a linear model that tells from an input which task it is for, and abstains where it cannot."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anytasktune.baselines.linear_model import LinearModel
from anytasktune.baselines.linear_solvers import Fit, Floats
from anytasktune.baselines.text_shape import shape_words
from anytasktune.errors import DataError
from anytasktune.ids import content_id, rank
from anytasktune.outputs.label_output import LabelOutput
from anytasktune.records import Usage
from anytasktune.schema import Answer, AnswerThreshold, Example, Task
from anytasktune.schema.route import AUTO, Abstention, Route, RouterManifest
from anytasktune.scorers import answer_threshold
from anytasktune.store import MANIFEST, ArtifactKind, atomic_folder, read_manifest, write_record
from anytasktune.version import __version__

_LINEAR_FOLDER = "linear"
_LONGEST_READ = 10_000
"""Characters of an input that are read; more say no more about its task."""
_MOST_INPUTS = 1000
"""Inputs per task that are learned from; more take longer and tell little more."""
_CROSS_VALIDATED = 3000
"""Most training rows that thresholds are chosen on."""
_UNLIKE = 0.05
"""Share of the pool's own inputs that count as unlike it."""

InputsByTask = Mapping[str, Sequence[Example]]
"""Task → rows whose inputs are its own; their outputs are not read."""


@dataclass(frozen=True)
class TaskRouter:
    """A router in memory; `TaskRouter.load(folder).routes(texts)` is all it takes to use one."""

    manifest: RouterManifest
    model: LinearModel

    @classmethod
    def learn(cls, train: InputsByTask, dev: InputsByTask) -> "TaskRouter":
        """Learn from the inputs of two tasks or more; thresholds are chosen on dev, or by cross-validation where it is small.

        Raises:
            DataError: fewer than two tasks have inputs.
        """
        start, train = time.monotonic(), {task: rows for task, rows in train.items() if rows}
        if len(train) < 2:
            fix = "import rows for two tasks or more, or name the task instead of auto"
            raise DataError("fewer than two tasks have training rows, so there is nothing to choose from", fix=fix)
        labelled = _labelled(train)
        model = LinearModel.fit(_choice_of(list(train)), labelled)
        judged: Sequence[Example] = _labelled({task: rows for task, rows in dev.items() if task in train})
        if on_dev := len(judged) >= AnswerThreshold.FEWEST_DEV_ROWS:
            values = model.values([row.input for row in judged])
        else:
            judged, values = _held_out(model, labelled)
        enough = len(judged) >= AnswerThreshold.FEWEST_DEV_ROWS
        manifest = RouterManifest(
            id=router_id(train, dev),
            train_rows={task: len(_some(task, rows)) for task, rows in train.items()},
            threshold=answer_threshold(judged, model.read(values, judged, model.manifest.readout)),
            least_likeness=round(float(np.quantile(values.max(axis=1), _UNLIKE)), 6) if enough else None,
            chosen_on="dev" if on_dev else "train",
            usage=Usage(seconds=round(time.monotonic() - start, 3)),
        )
        return cls(manifest, model)

    def routes(self, texts: Sequence[str]) -> list[Route]:
        """The task of each input, or the reason why none is chosen; a few milliseconds each."""
        examples = [Example(input=_read(text), output="") for text in texts]
        values = self.model.values([example.input for example in examples])
        answers = self.model.read(values, examples, self.model.manifest.readout)
        return [self._route(*pair) for pair in zip(answers, values.max(axis=1).tolist(), strict=True)]

    def _route(self, answer: Answer, likeness: float) -> Route:
        abstained: Abstention | None = None
        if self.manifest.least_likeness is not None and likeness < self.manifest.least_likeness:
            abstained = "unlike_pool"
        elif self.manifest.threshold.is_unsure(answer.probability):
            abstained = "unsure"
        return Route(
            task=None if abstained else answer.output,
            probability=answer.probability,
            probabilities=dict(sorted((answer.probabilities or {}).items(), key=lambda item: -item[1])),
            likeness=round(likeness, 6),
            abstained=abstained,
        )

    def save(self, folder: Path) -> None:
        """Write the router as a new `folder`, whole or not at all."""
        with atomic_folder(folder) as new:
            self.model.save(new / _LINEAR_FOLDER)
            write_record(new / MANIFEST, self.manifest)

    @classmethod
    def load(cls, folder: Path) -> "TaskRouter":
        """Read a router.

        Raises:
            DamagedError: a file is not what was written.
            StoreError: a file is missing or cannot be read.
        """
        return cls(read_manifest(folder, RouterManifest), LinearModel.load(folder / _LINEAR_FOLDER))


ROUTERS = ArtifactKind(TaskRouter.load, lambda folder, router: router.save(folder), lambda router: router.manifest.id)


def router_id(train: InputsByTask, dev: InputsByTask) -> str:
    """The id of the router that `TaskRouter.learn` makes."""
    rows = [[[task, [row.id for row in rows]] for task, rows in part.items() if rows] for part in (train, dev)]
    return content_id(["router", rows, __version__])


def _choice_of(tasks: Sequence[str]) -> Task:
    """The choice among tasks as a label task. Every task counts the same, however many rows it has."""
    instruction = {"en": "Which task is this input for?", "zh": "这份输入属于哪个任务？"}
    return Task(name=AUTO, instruction=instruction, output=LabelOutput(kind="label", labels=list(tasks)), metric="macro_f1")


def _labelled(inputs: InputsByTask) -> list[Example]:
    """Inputs with their task's name as the answer, in a seeded order: the linear model chooses its strength on the first."""
    rows = ((task, row) for task, own in inputs.items() for row in _some(task, own))
    ordered = sorted(rows, key=lambda pair: rank(AUTO, pair[0], pair[1].id))
    return [Example(input=_read(row.input), output=task, language=row.language) for task, row in ordered]


def _some(task: str, rows: Sequence[Example]) -> Sequence[Example]:
    return sorted(rows, key=lambda row: rank(AUTO, task, row.id))[:_MOST_INPUTS]


def _read(text: str) -> str:
    """The part of an input that is read, and its shape."""
    return " ".join([text[:_LONGEST_READ], *shape_words(text)])


def _held_out(model: LinearModel, rows: Sequence[Example]) -> tuple[Sequence[Example], Floats]:
    """Training rows with the values [rows, tasks] of models that were fitted without them; none where there are too few."""
    from anytasktune.baselines.linear_fit import cross_validated_values  # noqa: PLC0415  a saved router needs no scikit-learn

    some = rows[:_CROSS_VALIDATED]
    way = Fit(model.manifest.method, model.manifest.strength, balanced=True)  # under macro F1 there is no other
    values = cross_validated_values(way, model.features.vectors([row.input for row in some]), model.columns(some))
    return ([], np.zeros((0, 0))) if values is None else (some, values)
