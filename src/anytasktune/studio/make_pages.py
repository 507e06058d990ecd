"""Pages of making data: documents, the teacher, cost before anything is sent, and candidates by gate and reason."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from anytasktune.errors import AnyTaskTuneError, ConfigError, DataError, Problem
from anytasktune.pipeline import background_jobs
from anytasktune.pipeline.background_jobs import JobView
from anytasktune.pipeline.making_overview import candidates_there, documents_there, teacher_there
from anytasktune.pipeline.uploads import add_document
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.studio.job_pages import start_command
from anytasktune.studio.job_words import line_in_words
from anytasktune.studio.page_frame import UnknownNameError, project_path, render, studio_of, words_of
from anytasktune.studio.pager import page_of

router = APIRouter()
_UNUSABLE = 422
_DRY_RUN = "--dry-run"
_ALIVE = ("starting", "running")
Fate = Literal["kept", "dropped", "failed"]


class BuildForm(BaseModel):
    """The choices of what is made."""

    model_config = ConfigDict(extra="ignore")

    task: list[str] = Field(default_factory=list, max_length=1000)
    rows: int = Field(100, ge=1, le=1_000_000)
    teacher: str = Field("", max_length=200)
    language: Language | Literal[""] = ""
    fresh: bool = False

    def command(self) -> list[str]:
        """The command line of `build`, without its dry run."""
        words = ["build", *self.task, "-c", f"rows={self.rows}"]
        words += [f"--teacher={self.teacher.strip()}"] if self.teacher.strip() else []
        words += ["--language", self.language] if self.language else []
        return words + (["--fresh"] if self.fresh else [])


@router.get("/p/{project}/make")
def show_making(request: Request, project: str) -> HTMLResponse:
    """Documents, teacher, the form for the cost, and the candidates there are."""
    return _overview(request, project)


@router.post("/p/{project}/make/documents")
def add_documents(request: Request, project: str, file: Annotated[list[UploadFile], File(max_length=200)]) -> Response:
    """Put documents into the project, then read them in a job."""
    workspace = studio_of(request).workspace(project)
    problems: list[Problem] = []
    for each in file:
        try:
            add_document(workspace.project, each.filename or "", each.file.read())
        except DataError as error:
            problems += error.problems
    if problems:
        return _overview(request, project, problems)
    return RedirectResponse(project_path(project, "make"), status_code=303)


@router.post("/p/{project}/make/read")
def read_documents(request: Request, project: str) -> RedirectResponse:
    """Read the documents in a job."""
    return start_command(request, project, ["ingest"])


@router.post("/p/{project}/make/cost")
def ask_cost(request: Request, project: str, form: Annotated[BuildForm, Form()]) -> Response:
    """Start the dry run of a build, and lead to its page."""
    workspace = studio_of(request).workspace(project)
    try:
        if form.task:
            workspace.tasks(form.task)
    except ConfigError as error:
        return _overview(request, project, error.problems)
    job = background_jobs.start_job(workspace.project, [*form.command(), _DRY_RUN])
    return RedirectResponse(project_path(project, "make", "cost", job.id), status_code=303)


@router.get("/p/{project}/make/cost/{job_id}")
def show_cost(request: Request, project: str, job_id: str) -> HTMLResponse:
    """The expected cost with the cap, what goes where, and the start."""
    workspace = studio_of(request).workspace(project)
    return _cost(request, project, workspace, _forecast(workspace, job_id))


@router.post("/p/{project}/make/cost/{job_id}/start")
def start_building(request: Request, project: str, job_id: str, agreed: Annotated[bool, Form()] = False) -> Response:
    """Start the build whose cost was shown."""
    workspace = studio_of(request).workspace(project)
    job = _forecast(workspace, job_id)
    teacher = teacher_there(workspace)
    if teacher.needs_consent and not agreed:
        words = words_of(request, "make")
        problem = Problem(words.say("not_agreed", host=teacher.host), fix=words.say("agree_fix"))
        return _cost(request, project, workspace, job, [problem])
    words_of_build = [word for word in job.command if word != _DRY_RUN]
    return start_command(request, project, [*words_of_build, *(["--yes"] if teacher.needs_consent else [])])


@router.get("/p/{project}/make/candidates/{task_name}")
def show_candidates(
    request: Request,
    project: str,
    task_name: str,
    show: Fate = "dropped",
    reason: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """The candidates of a task that were kept, dropped or failed, with the reason of each."""
    workspace, task = studio_of(request).task(project, task_name)
    there = candidates_there(workspace.project, task)
    if there is None:
        fix = f"make some: {workspace.project.command('build', task.name, '--teacher', 'NAME')}"
        raise DataError("there are no candidates yet", where=f"task {task.name}", fix=fix)
    failed = [one for one in there.failed if reason in {"", one.reason}]
    dropped = [one for one in there.dropped if reason in {"", one.verdict.gate if one.verdict else ""}]
    return render(
        request,
        "candidates.html.j2",
        "make",
        project=project,
        command=("review", task.name, *(("--dropped",) if show == "dropped" else ())),
        task=task,
        there=there,
        show=show,
        reason=reason,
        candidate=words_of(request, "candidate"),
        rows=page_of(request, {"kept": there.kept, "dropped": dropped, "failed": failed}[show]),
    )


def _overview(request: Request, project: str, problems: Sequence[Problem] = ()) -> HTMLResponse:
    workspace = studio_of(request).workspace(project)
    faults, teacher = list(problems), None
    try:
        teacher = teacher_there(workspace)
    except AnyTaskTuneError as error:
        faults += error.problems
    found = [candidates_there(workspace.project, task) for task in workspace.domain.tasks]
    form = BuildForm(teacher=teacher.config.name if teacher else "")
    return render(
        request,
        "make.html.j2",
        "make",
        project=project,
        command=("build", "--dry-run"),
        problems=faults,
        status=_UNUSABLE if problems else 200,
        documents=documents_there(workspace.project),
        teacher=teacher,
        tasks=workspace.domain.tasks,
        form=form,
        candidates=[one for one in found if one],
        candidate=words_of(request, "candidate"),
    )


def _cost(request: Request, project: str, workspace: Workspace, job: JobView, problems: Sequence[Problem] = ()) -> HTMLResponse:
    faults, teacher = list(problems), None
    try:
        teacher = teacher_there(workspace)
    except AnyTaskTuneError as error:
        faults += error.problems
    words = words_of(request, "job")
    expected = job.result if isinstance(job.result, dict) and job.state == "done" else {}
    return render(
        request,
        "make_cost.html.j2",
        "make",
        project=project,
        command=[word for word in job.command if word != _DRY_RUN],
        problems=faults,
        status=_UNUSABLE if problems else 200,
        job=job,
        job_words=words,
        alive=job.state in _ALIVE,
        lines=[line_in_words(line, words) for line in job.log],
        expected=expected,
        total=_total(expected),
        teacher=teacher,
        masked=teacher is None or teacher.config.mask_personal_data is not False,
    )


def _total(expected: dict[str, dict[str, object]]) -> dict[str, float]:
    """The sums over all tasks; without costs where prices are not known."""
    found: dict[str, float] = {}
    for name in ("requests", "likely_cost", "most_cost", "seconds"):
        values = [one.get(name) for one in expected.values()]
        numbers = [float(value) for value in values if isinstance(value, (int, float))]
        if values and len(numbers) == len(values):
            found[name] = sum(numbers)
    return found


def _forecast(workspace: Workspace, job_id: str) -> JobView:
    """The job of a dry run; UnknownNameError if there is no such job."""
    try:
        job = background_jobs.find_job(workspace.project, job_id)
    except ConfigError as error:
        raise UnknownNameError(error.problems) from None
    if job.command[:1] != ["build"] or _DRY_RUN not in job.command:
        raise UnknownNameError(f"job {job.id} is no dry run of a build", where=str(workspace.project.jobs))
    return job
