"""Training: choices and their cost first, then start, curves, stop and resume; earlier runs with their numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from anytasktune.errors import EvaluationError
from anytasktune.pipeline import background_jobs
from anytasktune.pipeline.background_jobs import JobView
from anytasktune.pipeline.environment import list_models
from anytasktune.pipeline.events import Progress
from anytasktune.pipeline.pool_checking import count_rows
from anytasktune.pipeline.stored_trainings import (
    StoredTraining,
    TaskPlan,
    find_training,
    planned_trainings,
    total_estimate,
    trainings,
)
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Estimate
from anytasktune.studio.job_pages import job_of
from anytasktune.studio.job_words import line_in_words
from anytasktune.studio.page_frame import UnknownNameError, language_of, project_path, render, studio_of, words_of

router = APIRouter()
GRANULARITIES, PRESETS = ("task", "action", "mixed", "all"), ("quick", "balanced", "thorough")
_DRY_RUN = "--dry-run"
_ROWS_A_PAGE, _MOST_JOBS = 50, 10


@dataclass(frozen=True)
class TrainChoices:
    """The choices of the form, and the command they make.

    Attributes:
        tasks: names; empty for all.
        granularity: one of `GRANULARITIES`.
        preset: one of `PRESETS`.
        command: the words of `tune`; choices that the project's settings make anyway are left out.
    """

    tasks: tuple[str, ...]
    granularity: str
    model: str
    preset: str
    command: tuple[str, ...]

    @classmethod
    def of(cls, workspace: Workspace, tasks: Sequence[str], granularity: str, model: str, preset: str) -> "TrainChoices":
        """The choices, with the project's settings for those that are not made.

        Raises:
            ConfigError: there is no such task, granularity or preset.
        """
        usual = workspace.settings().train
        known = [task.name for task in workspace.tasks(tasks)]
        chosen = () if len(known) == len(workspace.domain.tasks) else tuple(known)
        model, preset = model.strip() or usual.model, preset or usual.preset
        changed = [f"train.model={model}"] if model != usual.model else []
        changed += [f"train.preset={preset}"] if preset != usual.preset else []
        workspace.settings(changed)
        level = ("--granularity", granularity) if granularity not in ("", "task") else ()
        words = ("tune", *chosen, *level, *(word for change in changed for word in ("-c", change)))
        return cls(chosen, granularity or "task", model, preset, words)


@dataclass(frozen=True)
class Expected:
    """The estimate that a job makes or has made.

    Attributes:
        plans: one per Task-LM; empty while it is computed, and where it failed.
        download_mb: of the base model; 0 where it is on this machine, None where its size is not known.
    """

    job: JobView
    plans: Sequence[TaskPlan]
    whole: Estimate
    download_mb: int | None

    @classmethod
    def of(cls, job: JobView, model: str) -> "Expected":
        """The estimate that the job has printed, for training on this model."""
        plans = planned_trainings(job)
        known = {entry.name: 0 if is_here else entry.download_mb for entry, is_here in list_models()}
        return cls(job, plans, total_estimate(plans), known.get(model))

    @property
    def disk_mb(self) -> float:
        """Space for the adapters that are not trained yet."""
        return sum(plan.disk_bytes for plan in self.plans if not plan.trained) / 1e6

    @property
    def answer_seconds(self) -> float:
        """Time for the answers that the report compares."""
        return sum(plan.answer_seconds for plan in self.plans)


@router.get("/p/{project}/train")
def show_training(
    request: Request,
    project: str,
    task: Annotated[list[str] | None, Query()] = None,
    granularity: str = "",
    model: str = "",
    preset: str = "",
    estimate: str = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> HTMLResponse:
    """The form, the estimate for its choices, trainings that run, and earlier runs."""
    workspace = studio_of(request).workspace(project)
    choices = TrainChoices.of(workspace, task or (), granularity, model, preset)
    jobs = [job for job in background_jobs.list_jobs(workspace.project)[::-1] if job.command[0] in ("tune", "train")]
    jobs = [job for job in jobs if _DRY_RUN not in job.command]
    expected = Expected.of(job_of(workspace, estimate), choices.model) if estimate else None
    runs, first = trainings(workspace.project), (page - 1) * _ROWS_A_PAGE
    titles = [(one.name, one.title.get(language_of(request), ""), count_rows(workspace, one)) for one in workspace.tasks()]
    return render(
        request,
        "train.html.j2",
        "train",
        project=project,
        command=choices.command,
        problems=expected.job.problems if expected else (),
        tasks=titles,
        choices=choices,
        granularities=GRANULARITIES,
        presets=PRESETS,
        models=list_models(),
        expected=expected,
        running=[job for job in jobs if job.is_alive],
        ended=[job for job in jobs if not job.is_alive][:_MOST_JOBS],
        runs=runs[first : first + _ROWS_A_PAGE],
        first=first,
        total=len(runs),
        page=page,
        pages=max(1, -(-len(runs) // _ROWS_A_PAGE)),
    )


@router.post("/p/{project}/train")
def begin_training(
    request: Request,
    project: str,
    action: Annotated[str, Form()],
    task: Annotated[list[str] | None, Form()] = None,
    granularity: Annotated[str, Form()] = "",
    model: Annotated[str, Form()] = "",
    preset: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Estimate the cost of the choices, or start; a training that runs already is shown instead of started twice."""
    workspace = studio_of(request).workspace(project)
    choices = TrainChoices.of(workspace, task or (), granularity, model, preset)
    if action == "estimate":
        job = background_jobs.start_job(workspace.project, [*choices.command, _DRY_RUN])
        made = {"task": choices.tasks, "granularity": choices.granularity, "model": choices.model, "preset": choices.preset}
        query = urlencode({**made, "estimate": job.id}, doseq=True)
        return RedirectResponse(f"{project_path(project, 'train')}?{query}#estimate", status_code=303)
    return _started(project, workspace, choices.command)


@router.get("/p/{project}/train/jobs/{job_id}")
def show_training_job(request: Request, project: str, job_id: str) -> HTMLResponse:
    """One training: its curves, its progress and log, and what came of it."""
    workspace = studio_of(request).workspace(project)
    job, words = job_of(workspace, job_id), words_of(request, "job")
    report = job.result.get("id", "") if isinstance(job.result, dict) and job.state == "done" else ""
    return render(
        request,
        "training.html.j2",
        "train",
        project=project,
        command=job.command,
        problems=job.problems,
        job=job,
        state=words.say(f"state_{job.state}"),
        waiting=words.say("waiting"),
        lines=[line_in_words(line, words) for line in job.log],
        report=report,
        curves=_curves(workspace, job),
    )


@router.get("/p/{project}/train/jobs/{job_id}/curves")
def show_curves(request: Request, project: str, job_id: str) -> HTMLResponse:
    """The curves of a training so far, without a frame: the page puts them in place of its own."""
    workspace = studio_of(request).workspace(project)
    return render(request, "training_curves.html.j2", "train", curves=_curves(workspace, job_of(workspace, job_id)))


@router.post("/p/{project}/train/jobs/{job_id}/stop")
def stop_training(request: Request, project: str, job_id: str) -> RedirectResponse:
    """Stop a training as Ctrl-C does."""
    workspace = studio_of(request).workspace(project)
    job = background_jobs.stop_job(workspace.project, job_of(workspace, job_id).id)
    return RedirectResponse(project_path(project, "train", "jobs", job.id), status_code=303)


@router.post("/p/{project}/train/jobs/{job_id}/resume")
def resume_training(request: Request, project: str, job_id: str) -> RedirectResponse:
    """Start the same command again; it goes on from the last checkpoint."""
    workspace = studio_of(request).workspace(project)
    return _started(project, workspace, job_of(workspace, job_id).command)


@router.get("/p/{project}/train/runs/{target}/{run_id}")
def show_run(request: Request, project: str, target: str, run_id: str) -> HTMLResponse:
    """A training run with its curves and numbers."""
    workspace = studio_of(request).workspace(project)
    try:
        training = find_training(workspace.project, target, run_id)
    except EvaluationError as error:
        raise UnknownNameError(error.problems) from None
    return render(request, "training_run.html.j2", "train", project=project, training=training, curves=[(training, 0)])


def _started(project: str, workspace: Workspace, command: Sequence[str]) -> RedirectResponse:
    """Lead to the job of this command that runs, or to a new one."""
    alive = [job for job in background_jobs.list_jobs(workspace.project) if job.is_alive and job.command == list(command)]
    job = alive[-1] if alive else background_jobs.start_job(workspace.project, command)
    return RedirectResponse(project_path(project, "train", "jobs", job.id), status_code=303)


def _curves(workspace: Workspace, job: JobView) -> list[tuple[StoredTraining, int]]:
    """The runs that a job has written, the one begun last first, each with its number of steps where that is known."""
    planned = {line.name: line.total for line in job.log if isinstance(line, Progress) and line.stage == "train"}
    found = trainings(workspace.project, since=job.created, until=job.ended)
    return [(training, planned.get(training.target, 0)) for training in found]
