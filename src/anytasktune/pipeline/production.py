"""The Task-LM in production for a task: the one promoted last, else the newest; and `rollback`."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from anytasktune.errors import ConfigError, EvaluationError
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Promotion, Run, Task
from anytasktune.schema.promotion import standing_promotions
from anytasktune.settings import System
from anytasktune.store import Project, changing, read_lines
from anytasktune.store.run_folder import finished_run
from anytasktune.training.adapter_targets import MIXED


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


def rollback(workspace: Workspace, task_name: str, by: str = "unknown") -> Promotion:
    """Put the version back into production that was there before the last promotion; without one, the newest answers again.

    Raises:
        ConfigError: no version is in production.
        EvaluationError: the files of the one before are gone.
    """
    (task,) = workspace.tasks([task_name])
    project, standing = workspace.project, promoted(workspace.project, task.name)
    if not standing:
        fix = f"promote one: {project.command('promote', task.name)}"
        raise ConfigError("no version was promoted, so there is none to go back from", where=f"task {task.name}", fix=fix)
    target, run = (standing[-2].target, standing[-2].run) if len(standing) > 1 else ("", "")
    if run and finished_run(project.runs(target) / run) is None:
        fix = f"see which versions there are: {project.command('versions', task.name)}"
        raise EvaluationError(f"the files of version {run} are gone", where=str(project.runs(target) / run), fix=fix)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = Promotion(at=at, by=by, task=task.name, change="rollback", target=target, run=run, before=standing[-1].run)
    write_promotion(project, line)
    return line


def write_promotion(project: Project, line: Promotion) -> None:
    """Add a line to the log, unless another command changed what is in production meanwhile."""
    with changing(project.root) as changes:
        standing = promoted(project, line.task)
        if (standing[-1].run if standing else "") != line.before:
            fix = f"see what is in production now: {project.command('versions', line.task)}"
            raise EvaluationError("another command changed the version in production", where=f"task {line.task}", fix=fix)
        lines = [*read_lines(project.promotions, Promotion), line]
        changes.write(project.promotions, "".join(f"{one.model_dump_json()}\n" for one in lines))
