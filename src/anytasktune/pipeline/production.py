"""The Task-LM in production for a task: the one promoted last, else the newest."""

from collections.abc import Iterator, Sequence

from anytasktune.errors import EvaluationError
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Promotion, Run, Task
from anytasktune.schema.promotion import standing_promotions
from anytasktune.settings import System
from anytasktune.store import Project, read_lines
from anytasktune.training.adapter_targets import MIXED
from anytasktune.training.train_runs import finished_run


def promoted(project: Project, task: str) -> list[Promotion]:
    """The promotions of a task that were not rolled back, the one in production last; empty if there is none."""
    return standing_promotions(read_lines(project.promotions, Promotion)).get(task, [])


def production_run(workspace: Workspace, task: Task) -> tuple[System, Run, Promotion] | None:
    """The promoted Task-LM of a task; None if none was promoted.

    Raises:
        EvaluationError: its files are gone.
        DamagedError: they were changed.
    """
    standing = promoted(workspace.project, task.name)
    if not standing:
        return None
    last = standing[-1]
    run = finished_run(workspace.project.runs(last.target) / last.run)
    if run is None:
        project = workspace.project
        what = f"version {last.run} of task {task.name} is in production, and its files are gone"
        fix = f"go back to the version before: {project.command('rollback', task.name)}"
        raise EvaluationError(what, where=str(project.runs(last.target) / last.run), fix=fix)
    return system_of(task.name, run.target), run, last


def unpromoted_notes(workspace: Workspace, runs: Sequence[Run]) -> Iterator[str]:
    """A sentence for every task that goes on with a promoted version although one of these runs is newer."""
    for name in dict.fromkeys(name for run in runs for name in run.tasks):
        standing = promoted(workspace.project, name)
        if standing and standing[-1].run not in {run.id for run in runs}:
            command = workspace.project.command("promote", name)
            yield f"{name}: version {standing[-1].run} stays in production; to put the new one there: {command}"


def system_of(task: str, target: str) -> System:
    """The name in reports of the Task-LM of an adapter target."""
    if target == task:
        return "tuned"
    return "mixed" if target == MIXED else "action"
