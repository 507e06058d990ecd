"""The context of the stages that train and evaluate: the base model, data sets and rows, each loaded or checked once."""

import gc
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

import torch

from anytasktune.datasets import FrozenDataset
from anytasktune.errors import PreflightError, Problem, counted
from anytasktune.models.device import release_memory
from anytasktune.models.load import BaseLM, ModelInfo, choose_device, choose_dtype, inspect_model, load_base
from anytasktune.pipeline.context import Context
from anytasktune.pipeline.events import MOST_EXAMPLES, Finished, OnEvent, Started, Warned, ignore_event
from anytasktune.pipeline.frozen_datasets import frozen_dataset
from anytasktune.pipeline.own_rows import has_own_rows, row_places
from anytasktune.pipeline.row_findings import row_findings
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Example, SplitName, Task
from anytasktune.settings import DType, Settings
from anytasktune.tasks import Finding
from anytasktune.training.adapter_targets import AdapterTarget, Granularity, targets_of, without_leaks
from anytasktune.training.estimate import Speed
from anytasktune.training.machine_speed import measure_speed
from anytasktune.training.preflight import Locate, Preflight, Room, preflight
from anytasktune.training.run_plan import RunPlan, plan_run
from anytasktune.training.task_rows import TaskRows, TrainingData
from anytasktune.training.tokenizing import RowEncoder


@dataclass
class TrainingContext(Context):
    """One command that trains or evaluates; all its tasks share one base model, and adapters are attached in turn."""

    _datasets: dict[str, FrozenDataset] = field(default_factory=dict)
    _parts: dict[str, TaskRows] = field(default_factory=dict)

    @classmethod
    def begin(cls, workspace: Workspace, settings: Settings | None, on_event: OnEvent | None) -> "TrainingContext":
        """A context with defaults for what is None."""
        return cls(workspace, settings or Settings(), on_event or ignore_event)

    @cached_property
    def model_info(self) -> ModelInfo:
        """Facts on the base model that need no weights."""
        self.on_event(Started(stage="model", name=self.settings.train.model))
        return inspect_model(self.settings.train.model)

    @cached_property
    def base(self) -> BaseLM:
        """The base model in memory."""
        config = self.settings.train
        return load_base(config.model, dtype=config.dtype, device=config.device, info=self.model_info)

    def free_base(self) -> None:
        """Free the memory of the base model; it is loaded again when it is needed."""
        if self.__dict__.pop("base", None) is not None:
            gc.collect()
            release_memory()

    @property
    def machine(self) -> str:
        """Description of this machine and the precision it computes in."""
        computes_on = f"{torch.get_num_threads()} cpu threads" if self.device.type == "cpu" else "Apple GPU"
        if self.device.type == "cuda":
            computes_on = torch.cuda.get_device_name(self.device)
        return f"{platform.system()} {platform.machine()}, {computes_on}, {self.dtype}"

    @cached_property
    def encoder(self) -> RowEncoder:
        """Encodes rows as tokens, each row once."""
        return RowEncoder(self.model_info.format, self.workspace.project.encoded, self.note)

    @property
    def device(self) -> torch.device:
        """The device that computes."""
        return choose_device(self.settings.train.device)

    @property
    def dtype(self) -> DType:
        """The precision it computes in."""
        return choose_dtype(self.settings.train.dtype, self.device)

    @cached_property
    def speed(self) -> Speed:
        """The speed of this machine with this model, measured in about two seconds."""
        return measure_speed(self.model_info.shape, self.device, getattr(torch, self.dtype))

    def planned(self, data: TrainingData) -> RunPlan:
        """The steps of a run from its beginning."""
        config, encode = self.settings.train, self.encoder.encode
        return plan_run(self.model_info, data, config, dtype=self.dtype, device=self.device.type, encode=encode)

    def dataset(self, task: Task) -> FrozenDataset:
        """The task's frozen rows."""
        if task.name not in self._datasets:
            self._datasets[task.name] = frozen_dataset(self.workspace, task, self.settings.split, self.on_event)
        return self._datasets[task.name]

    def training_data(self, tasks: Sequence[Task], granularity: Granularity) -> list[TrainingData]:
        """The rows of every adapter target over these tasks; all rows are checked before anything is trained.

        Raises:
            ConfigError: as `targets_of`.
            PreflightError: as `part`.
        """
        targets, notes = targets_of(self.workspace.domain, tasks, granularity)
        for note in notes:
            self.note(note)
        for task in {task.name: task for target in targets for task in target.tasks}.values():
            self.part(task)
        data = [self._rows_of(target) for target in targets]
        return [item for item in data if item is not None]

    def part(self, task: Task) -> TaskRows:
        """The rows to train a task on: those of its data set that pass the preflight.

        Raises:
            PreflightError: some do not and `skip_bad_rows` is off, or none is left.
        """
        if task.name not in self._parts:
            self._parts[task.name] = self._usable_rows(task)
        return self._parts[task.name]

    def preflight(self, task: Task, dataset: FrozenDataset) -> Preflight:
        """Every row as this model would be trained on it; problems name the row in `data/`."""
        place = self._places_of(task)
        chosen, given = self.settings.train.max_length, self.model_info.context_length
        room = Room(chosen, "raise max_length")
        if chosen > given:
            room = Room(given, "choose a model with a longer context")
        look = preflight(task, dataset.splits, self.model_info.format, room, place, self.encoder.encode)

        def in_file_order(problem: Problem) -> tuple[str, int]:
            file, _, row = problem.where.rpartition(":")
            return (file, int(row)) if row.isdigit() else (problem.where, 0)

        return replace(look, problems=tuple(sorted(look.problems, key=in_file_order)))

    def findings(self, task: Task, dataset: FrozenDataset) -> Sequence[Finding]:
        """Warnings about the rows of a task, which keep none from being trained on."""
        model = self.model_info.ref, self.model_info.format.tokenizer
        return row_findings(self.workspace, task, dataset, model, self._places_of(task))

    def _places_of(self, task: Task) -> Locate:
        """The place of a row in `data/`; the files are read again when a place is asked for."""
        places = cache(lambda: row_places(self.workspace.project, task))

        def place(split: SplitName, number: int, example: Example) -> str:
            own = places() if has_own_rows(self.workspace.project, task) else {}
            return own.get(example.id, f"{task.name} {split} row {number}")

        return place

    def _usable_rows(self, task: Task) -> TaskRows:
        dataset = self.dataset(task)
        look = self.preflight(task, dataset)
        where, total = f"task {task.name}", sum(look.rows.values())
        if look.problems and not self.settings.train.skip_bad_rows:
            what = f"{look.bad_rows} of {counted(total, 'row')} cannot be used as they are, so nothing was trained"
            fix = "mend them, or train without them: -c skip_bad_rows=true"
            raise PreflightError([*look.problems, Problem(what, where, fix)])
        splits: dict[SplitName, Sequence[Example]] = {
            split: [row for row in rows if row.id not in look.bad[split]] for split, rows in dataset.splits.items()
        }
        if not splits.get("train"):
            nothing = Problem("no training row can be used", where, "mend the rows, or import others")
            if not look.rows.get("train"):
                command = self.workspace.project.command("import", "FILE", "--task", task.name, "--split", "train")
                fix = f"import some: {command}"
                nothing = Problem("there are no training rows", where, fix)
            raise PreflightError([*look.problems, nothing])
        for finding in self.findings(task, dataset):
            warned = Warned(name=task.name, code=finding.code, where=finding.place, what=finding.why, fix=finding.instead)
            self.on_event(warned)
        if look.problems:
            self.on_event(
                Finished(
                    stage="check",
                    name=task.name,
                    detail="skip_bad_rows",
                    kept=total - look.bad_rows,
                    dropped={"preflight": look.bad_rows},
                    examples=tuple(f"{problem.where}: {problem.what}" for problem in look.problems[:MOST_EXAMPLES]),
                )
            )
        return TaskRows(task, splits, dataset.manifest.id)

    def _rows_of(self, target: AdapterTarget) -> TrainingData | None:
        parts = [self.part(task) for task in target.tasks]
        if len(parts) == 1:
            return TrainingData(target.name, tuple(parts))
        held_out = [row.input for task in target.tasks for row in self.dataset(task).splits.get("test", [])]
        parts = without_leaks(parts, held_out, self.settings.split.near_duplicate)
        if left_out := sum(len(part.left_out) for part in parts):
            rows = sum(len(rows) for part in parts for split, rows in part.splits.items() if split != "test") + left_out
            self.note(f"{target.name}: {left_out} of {rows} rows left out, their input is in a test row of another task")
        kept = [part for part in parts if part.splits.get("train")]
        for part in parts:
            if part not in kept:
                self.note(f"{target.name}: without {part.task.name}, no training row of which is left")
        if len(kept) < 2:
            self.note(f"{target.name}: skipped, fewer than two of its tasks have rows left")
            return None
        return TrainingData(target.name, tuple(kept))
