"""What the stages of one command share: the project, its settings, the base model, rows looked at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from anytasktune.datasets import FrozenDataset
from anytasktune.errors import PreflightError, Problem
from anytasktune.models.load import BaseLM, ModelInfo, inspect_model, load_base
from anytasktune.pipeline.events import Listener
from anytasktune.pipeline.frozen_datasets import frozen_dataset
from anytasktune.pipeline.own_rows import row_places
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Example, SplitName, Task
from anytasktune.settings import Settings
from anytasktune.training.preflight import Preflight, Room, preflight
from anytasktune.training.task_rows import Part
from anytasktune.training.tokenizing import RowEncoder


@dataclass
class TrainingContext:
    """A workspace with its settings and, from the first time it is needed, the base model in memory.

    All tasks of a command share the one base model: it is loaded once, and adapters come and go.
    """

    workspace: Workspace
    settings: Settings
    listener: Listener
    _datasets: dict[str, FrozenDataset] = field(default_factory=dict)
    _parts: dict[str, Part] = field(default_factory=dict)

    @cached_property
    def model_info(self) -> ModelInfo:
        """What is known of the base model before its weights are loaded."""
        self.listener.loading(self.settings.train.model)
        return inspect_model(self.settings.train.model)

    @cached_property
    def base(self) -> BaseLM:
        config = self.settings.train
        return load_base(config.model, dtype=config.dtype, device=config.device, info=self.model_info)

    @cached_property
    def encoder(self) -> RowEncoder:
        """Makes tokens of rows, each row's once."""
        return RowEncoder(self.model_info.format, self.workspace.project.encoded)

    def dataset(self, task: Task) -> FrozenDataset:
        """The task's frozen rows, made if need be."""
        if task.name not in self._datasets:
            self._datasets[task.name] = frozen_dataset(self.workspace, task, self.settings.split, self.listener)
        return self._datasets[task.name]

    def part(self, task: Task) -> Part:
        """The rows to train a task on: those of its data set that pass the preflight; looked at once.

        Raises:
            PreflightError: if some do not and `skip_bad_rows` is off, or if none is left.
        """
        if task.name not in self._parts:
            self._parts[task.name] = self._usable_rows(task)
        return self._parts[task.name]

    def _usable_rows(self, task: Task) -> Part:
        dataset = self.dataset(task)
        look = self.preflight(task, dataset)
        if look.problems and not self.settings.train.skip_bad_rows:
            raise PreflightError([*look.problems, _way_out(look)])
        splits: dict[SplitName, Sequence[Example]] = {
            split: [row for row in rows if row.id not in look.bad[split]] for split, rows in dataset.splits.items()
        }
        if not splits.get("train"):
            raise PreflightError([*look.problems, _nothing_to_learn_from(look)])
        if look.problems:
            self.listener.left_out(look)
        return Part(task, splits, dataset.manifest.id)

    def preflight(self, task: Task, dataset: FrozenDataset) -> Preflight:
        """Every row as this model would be trained on it; problems point at the rows in `seeds`."""
        places = cache(lambda: row_places(self.workspace.project, task))

        def place(split: SplitName, number: int, example: Example) -> str:
            return places().get(example.id, f"{task.name} {split} row {number}")

        look = preflight(task, dataset.splits, self.model_info.format, self._room(), place, self.encoder.encode)
        return replace(look, problems=tuple(sorted(look.problems, key=_in_file_order)))

    def _room(self) -> Room:
        chosen, given = self.settings.train.max_length, self.model_info.context_length
        if chosen <= given:
            return Room(chosen, "shorten the row, or raise max_length")
        return Room(given, "shorten the row, or choose a model with a longer context")


def _in_file_order(problem: Problem) -> tuple[str, int]:
    file, _, row = problem.where.rpartition(":")
    return (file, int(row)) if row.isdigit() else (problem.where, 0)


def _way_out(look: Preflight) -> Problem:
    what = f"{look.bad_rows} of {sum(look.rows.values())} rows cannot be used as they are, so nothing was trained"
    return Problem(what, f"task {look.task}", "mend them, or leave them out with -c skip_bad_rows=true")


def _nothing_to_learn_from(look: Preflight) -> Problem:
    if look.rows.get("train"):
        return Problem("no training row can be used", f"task {look.task}", "mend the rows, or import others")
    fix = f"import some: anytasktune import FILE --task {look.task} --split train"
    return Problem("there are no training rows", f"task {look.task}", fix)
