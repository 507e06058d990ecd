"""What Task-LMs are trained for: a task alone, the steps of an action together, or the whole pool mixed."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Literal

from anytasktune.errors import ConfigError
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.schema import Domain, Task
from anytasktune.settings import System
from anytasktune.similarity import match_similar
from anytasktune.store import DOMAIN_FILE
from anytasktune.training.task_rows import Part, TrainingData

Granularity = Literal["task", "action", "mixed", "all"]
"""One Task-LM per task, one per action, one for all tasks, or every one of them."""

MIXED = "mixed-pool"


@dataclass(frozen=True)
class AdapterTarget:
    """What one Task-LM is for.

    Attributes:
        name: of its folder in `artifacts/runs`; no task is called so if there are several in it.
        system: what the report calls the Task-LM.
        tasks: what it learns.
    """

    name: str
    system: System
    tasks: tuple[Task, ...]


def action_unit(action: str) -> str:
    """The name of what is trained for an action."""
    return f"action-{action}"


def names_with(domain: Domain, task: Task) -> list[tuple[System, str]]:
    """The units a task can be part of, with what the report calls the Task-LM."""
    actions: list[tuple[System, str]] = [
        ("action", action_unit(action.name)) for action in domain.actions if task.name in action.steps
    ]
    return [("tuned", task.name), *actions, ("mixed", MIXED)]


def units_of(domain: Domain, tasks: Sequence[Task], granularity: Granularity) -> tuple[list[AdapterTarget], list[str]]:
    """The units to train over these tasks, and a line on each that would only repeat another.

    Raises:
        ConfigError: at granularity `action` or `mixed`, if there is nothing that holds two tasks.
    """
    wanted = {"task", "action", "mixed"} if granularity == "all" else {granularity}
    units = [AdapterTarget(task.name, "tuned", (task,)) for task in tasks] if "task" in wanted else []
    notes: list[str] = []
    together = _actions(domain, tasks) if "action" in wanted else []
    together += [AdapterTarget(MIXED, "mixed", tuple(tasks))] if "mixed" in wanted else []
    for unit in together:
        if note := _why_not(unit, units):
            notes.append(note)
        else:
            units.append(unit)
    if not units:
        what = "no action has two steps or more" if granularity == "action" else "one task alone cannot be mixed"
        raise ConfigError(f"{what} among the chosen tasks", where=DOMAIN_FILE, fix="use --granularity task, or add tasks")
    return units, notes


def _actions(domain: Domain, tasks: Sequence[Task]) -> list[AdapterTarget]:
    chosen = {task.name: task for task in tasks}
    found = {action.name: [name for name in dict.fromkeys(action.steps) if name in chosen] for action in domain.actions}
    return [
        AdapterTarget(action_unit(name), "action", tuple(chosen[step] for step in steps))
        for name, steps in found.items()
        if steps
    ]


def _why_not(unit: AdapterTarget, others: Sequence[AdapterTarget]) -> str:
    if len(unit.tasks) == 1:
        return f"{unit.name}: skipped, its only task is {unit.tasks[0].name}, whose own Task-LM is the same"
    twin = next((other for other in others if set(_names(other)) == set(_names(unit))), None)
    return f"{unit.name}: skipped, it holds the same tasks as {twin.name}" if twin else ""


def _names(unit: AdapterTarget) -> list[str]:
    return [task.name for task in unit.tasks]


def training_data(bench: TrainingContext, tasks: Sequence[Task], granularity: Granularity) -> list[TrainingData]:
    """The rows of every unit over these tasks; all of them are looked at before anything is trained.

    Raises:
        ConfigError: as `units_of`.
        PreflightError: as `TrainingContext.part`.
    """
    units, notes = units_of(bench.workspace.domain, tasks, granularity)
    for note in notes:
        bench.listener.note(note)
    for task in dict.fromkeys(task.name for unit in units for task in unit.tasks):
        bench.part(bench.workspace.domain.task(task))
    data = [_rows_of(bench, unit) for unit in units]
    return [item for item in data if item is not None]


def _rows_of(bench: TrainingContext, unit: AdapterTarget) -> TrainingData | None:
    parts = [bench.part(task) for task in unit.tasks]
    if len(parts) == 1:
        return TrainingData(unit.name, tuple(parts))
    held_out = [row.input for task in unit.tasks for row in bench.dataset(task).splits.get("test", [])]
    parts = without_leaks(parts, held_out, bench.settings.split.near_duplicate)
    if left_out := sum(len(part.left_out) for part in parts):
        rows = sum(len(rows) for part in parts for split, rows in part.splits.items() if split != "test") + left_out
        bench.listener.note(
            f"{unit.name}: {left_out} of {rows} rows left out, their input stands in a test row of another task"
        )
    kept = [part for part in parts if part.splits.get("train")]
    for part in parts:
        if part not in kept:
            bench.listener.note(f"{unit.name}: without {part.task.name}, no training row of which is left")
    if len(kept) < 2:
        bench.listener.note(f"{unit.name}: skipped, fewer than two of its tasks have rows left")
        return None
    return TrainingData(unit.name, tuple(kept))


def without_leaks(parts: Sequence[Part], held_out: Sequence[str], near_duplicate: float) -> list[Part]:
    """Tasks without the rows of train and dev whose input is the same, or nearly, as one of `held_out`.

    Where several tasks are learned together, what is sealed for one must not be read for another: chained and shared inputs
    would show the model the test rows.

    Args:
        parts: the rows of each task.
        held_out: inputs of the test rows of all of them.
        near_duplicate: as in `SplitConfig`.
    """
    inputs = list({row.input for part in parts for split, rows in part.splits.items() if split != "test" for row in rows})
    matches = match_similar(inputs, held_out, near_duplicate)
    leaking = {text for text, match in zip(inputs, matches, strict=True) if match is not None}
    return [_without(part, leaking) for part in parts]


def _without(part: Part, leaking: Set[str]) -> Part:
    kept = {split: [row for row in rows if split == "test" or row.input not in leaking] for split, rows in part.splits.items()}
    left_out = [row.id for split, rows in part.splits.items() if split != "test" for row in rows if row.input in leaking]
    return Part(part.task, kept, part.dataset_id, tuple(left_out))
