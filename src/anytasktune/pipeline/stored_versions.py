"""`versions`: the Task-LMs of a task and the changes of what is in production, read without loading the engine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from anytasktune.pipeline.production import promoted
from anytasktune.pipeline.reporting import all_reports
from anytasktune.pipeline.stored_runs import adapter_folder, all_versions, last_runs
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Promotion, Report, Run, Task
from anytasktune.settings import TASK_LMS, System
from anytasktune.store import read_lines
from anytasktune.store.run_folder import RUN_FILE, read_task_lm


@dataclass(frozen=True)
class Version:
    """A Task-LM that can answer a task.

    Attributes:
        system: its name in reports.
        target: its adapter target.
        run: id of its training run.
        task_lm: its id.
        trained: when, ISO 8601 in UTC.
        dev_score: of the weights that were kept, as a share of the best value; None where dev was not scored.
        test_score: in the last report that measured it.
        report: id of that report.
        newest: whether it answers where none is promoted.
        promotion: since when it is in production, by whom, and why; None if it is not.
    """

    system: System
    target: str
    run: str
    task_lm: str
    trained: str
    base_model: str
    train_rows: int
    dev_score: float | None
    test_score: float | None
    report: str
    newest: bool
    promotion: Promotion | None


def versions(workspace: Workspace, task_name: str) -> tuple[list[Version], list[Promotion]]:
    """The Task-LMs that can answer a task, the newest first, and every change of what is in production."""
    (task,) = workspace.tasks([task_name])
    project, reports = workspace.project, all_reports(workspace.project)[0]
    newest = next((run.id for _, run in last_runs(workspace, task, TASK_LMS)), "")
    standing = promoted(project, task.name)
    found = []
    for system, run in all_versions(workspace, task):
        written = datetime.fromtimestamp((project.runs(run.target) / run.id / RUN_FILE).stat().st_mtime, UTC)
        measured = list(results_of(reports, task, run))
        report, score = measured[-1] if measured else ("", None)
        found.append(
            Version(
                system=system,
                target=run.target,
                run=run.id,
                task_lm=read_task_lm(adapter_folder(project, run)).id,
                trained=run.ended or written.isoformat(timespec="seconds"),
                base_model=run.base_model.name,
                train_rows=run.train_rows,
                dev_score=run.kept.dev_score if run.kept else None,
                test_score=score,
                report=report,
                newest=run.id == newest,
                promotion=standing[-1] if standing and standing[-1].run == run.id else None,
            )
        )
    lines = [line for line in read_lines(project.promotions, Promotion) if line.task == task.name]
    return sorted(found, key=lambda version: version.trained, reverse=True), lines


def results_of(reports: Sequence[Report], task: Task, run: Run) -> Iterator[tuple[str, float]]:
    """The reports that measured a run on a task, the oldest first: id and score."""
    for report in reports:
        for entry in (entry for one in report.tasks if one.task == task.name for entry in one.systems):
            if entry.run == f"{run.target}/{run.id}" and entry.score is not None:
                yield report.id, entry.score.value
