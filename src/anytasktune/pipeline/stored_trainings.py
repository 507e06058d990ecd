"""Training runs as they stand on disk: those that have ended, and those of which a job writes the steps now."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from anytasktune.errors import DamagedError, EvaluationError
from anytasktune.pipeline.background_jobs import JobView
from anytasktune.reports.training_plot import StepPlot, step_plot
from anytasktune.schema import Run, StepMetrics
from anytasktune.schema.task_plan import TaskPlan, total_estimate
from anytasktune.store import Project, read_lines, read_record
from anytasktune.store.run_folder import METRICS_FILE, RUN_FILE

__all__ = ["StoredTraining", "TaskPlan", "find_training", "planned_trainings", "total_estimate", "trainings"]

_PLANS: TypeAdapter[list[TaskPlan]] = TypeAdapter(list[TaskPlan])


@dataclass(frozen=True)
class StoredTraining:
    """One training run.

    Attributes:
        target: its adapter target.
        id: of the run.
        changed: when it ended, or its last step was written; ISO 8601 in UTC.
        run: its record; None before it has ended.
    """

    target: str
    id: str
    changed: str
    run: Run | None
    _folder: Path

    @cached_property
    def steps(self) -> Sequence[StepMetrics]:
        """The steps done, in order."""
        return read_lines(self._folder / METRICS_FILE, StepMetrics)

    def loss_plot(self, planned: int = 0) -> StepPlot | None:
        """The losses on train and dev over the steps; `planned` steps in all, where the run has not ended."""
        dev = [(line.step, line.dev_loss) for line in self.steps if line.dev_loss is not None]
        return step_plot({"loss": [(line.step, line.loss) for line in self.steps], "dev_loss": dev}, self._width(planned))

    def score_plot(self, planned: int = 0) -> StepPlot | None:
        """The score on dev over the steps."""
        scores = [(line.step, line.dev_score) for line in self.steps if line.dev_score is not None]
        return step_plot({"dev_score": scores}, self._width(planned))

    def _width(self, planned: int) -> int:
        """Steps of the whole run, stopped early or not."""
        return self.run.resolved.steps if self.run else planned


def trainings(project: Project, since: str = "", until: str = "") -> list[StoredTraining]:
    """All runs, the one written last first; damaged ones are left out.

    Args:
        since, until: only runs of which something was written between these times; ISO 8601 in UTC, empty: no limit.
    """
    found = []
    for folder in (project.artifacts / "runs").glob("[!.]*/[!.]*/"):
        with contextlib.suppress(DamagedError, FileNotFoundError):
            training = _read(folder)
            if training is not None and since <= training.changed and not (until and training.changed > until):
                found.append(training)
    return sorted(found, key=lambda training: (training.changed, training.id), reverse=True)


def find_training(project: Project, target: str, run_id: str) -> StoredTraining:
    """The run of this id; EvaluationError if there is none."""
    for training in trainings(project):
        if (training.target, training.id) == (target, run_id):
            return training
    raise EvaluationError(f"there is no training run {run_id!r} of {target!r}", where=str(project.artifacts / "runs"))


def planned_trainings(job: JobView) -> list[TaskPlan]:
    """The expected cost that a job with `--dry-run` printed; empty where it printed none."""
    try:
        return _PLANS.validate_python(job.result)
    except ValidationError:
        return []


def _read(folder: Path) -> StoredTraining | None:
    record, log = folder / RUN_FILE, folder / METRICS_FILE
    times = [path.stat().st_mtime for path in (record, log) if path.exists()]
    if not times:
        return None
    written = datetime.fromtimestamp(max(times), UTC).isoformat(timespec="seconds")
    run = read_record(record, Run) if record.exists() else None
    return StoredTraining(folder.parent.name, folder.name, (run.ended if run else "") or written, run, folder)
