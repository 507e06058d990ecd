"""Adapter targets: each Task-LM is trained for one task, for the steps of an action, or for the whole pool."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from anytasktune.errors import ConfigError
from anytasktune.schema import Domain, Task
from anytasktune.settings import System
from anytasktune.similarity import match_similar
from anytasktune.store import DOMAIN_FILE
from anytasktune.training.task_rows import TaskRows

Granularity = Literal["task", "action", "mixed", "all"]
"""One Task-LM per task, one Action-LM per action, one Mixed-LM for all tasks, or every one of them."""

MIXED = "mixed-pool"


@dataclass(frozen=True)
class AdapterTarget:
    """The tasks of one Task-LM.

    Attributes:
        name: of its folder in `artifacts/runs`: the task, `action-` and the name of an action, or `mixed-pool`.
        system: name of the Task-LM in a report.
        tasks: the tasks it is trained on.
    """

    name: str
    system: System
    tasks: tuple[Task, ...]

    @property
    def task_names(self) -> set[str]:
        """The tasks by name."""
        return {task.name for task in self.tasks}


def targets_with(domain: Domain, task: Task) -> list[tuple[System, str]]:
    """The targets a task can be part of: system and name."""
    actions: list[tuple[System, str]] = [
        ("action", f"action-{action.name}") for action in domain.actions if task.name in action.steps
    ]
    return [("tuned", task.name), *actions, ("mixed", MIXED)]


def targets_of(domain: Domain, tasks: Sequence[Task], granularity: Granularity) -> tuple[list[AdapterTarget], list[str]]:
    """The targets to train over these tasks, and a note on each that would only repeat another.

    Raises:
        ConfigError: at granularity `action` or `mixed`, if there is nothing that holds two tasks.
    """
    wanted = {"task", "action", "mixed"} if granularity == "all" else {granularity}
    targets = [AdapterTarget(task.name, "tuned", (task,)) for task in tasks] if "task" in wanted else []
    notes: list[str] = []
    shared: list[AdapterTarget] = []
    if "action" in wanted:
        chosen = {task.name: task for task in tasks}
        for action in domain.actions:
            steps = tuple(chosen[name] for name in dict.fromkeys(action.steps) if name in chosen)
            shared += [AdapterTarget(f"action-{action.name}", "action", steps)] if steps else []
    if "mixed" in wanted:
        shared.append(AdapterTarget(MIXED, "mixed", tuple(tasks)))
    for target in shared:
        twin = next((other for other in targets if other.task_names == target.task_names), None)
        if len(target.tasks) == 1:
            only = target.tasks[0].name
            notes.append(f"{target.name}: skipped, its only task is {only}, whose own Task-LM is the same")
        elif twin is not None:
            notes.append(f"{target.name}: skipped, it holds the same tasks as {twin.name}")
        else:
            targets.append(target)
    if not targets:
        what = "no action has two steps or more" if granularity == "action" else "one task alone cannot be mixed"
        raise ConfigError(f"{what} among the chosen tasks", where=DOMAIN_FILE, fix="use --granularity task, or add tasks")
    return targets, notes


def without_leaks(parts: Sequence[TaskRows], held_out: Sequence[str], near_duplicate: float) -> list[TaskRows]:
    """Decontaminate: drop train and dev rows whose input is a duplicate or near-duplicate of one of `held_out`.

    Where one Task-LM is trained on several tasks, a test row of one task may be a train row of another: chained and shared
    inputs would show the model the test rows.

    Args:
        parts: the rows of each task.
        held_out: inputs of the test rows of all of them.
        near_duplicate: as in `SplitConfig`.
    """
    inputs = list({row.input for part in parts for split, rows in part.splits.items() if split != "test" for row in rows})
    matches = match_similar(inputs, held_out, near_duplicate)
    leaking = {text for text, match in zip(inputs, matches, strict=True) if match is not None}
    cleared = []
    for part in parts:
        kept, left_out = {}, []
        for split, rows in part.splits.items():
            kept[split] = [row for row in rows if split == "test" or row.input not in leaking]
            left_out += [row.id for row in rows if split != "test" and row.input in leaking]
        cleared.append(TaskRows(part.task, kept, part.dataset_id, tuple(left_out)))
    return cleared
