"""Deploy: serve on and off with snippets that work, exports with their parity, versions promoted and rolled back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from anytasktune.errors import AnyTaskTuneError, ConfigError, Problem
from anytasktune.pipeline import background_jobs
from anytasktune.pipeline.background_jobs import JobView
from anytasktune.pipeline.person_names import default_person_name, file_name_of
from anytasktune.pipeline.production import rollback
from anytasktune.pipeline.router_fallback import fallback_there
from anytasktune.pipeline.stored_versions import versions
from anytasktune.pipeline.workspace import Workspace
from anytasktune.studio.job_pages import job_of
from anytasktune.studio.page_frame import language_of, project_path, render, studio_of, words_of

router = APIRouter()
FORMS = ("peft", "merged", "gguf", "gguf-lora", "ollama", "vllm", "llamafactory", "axolotl", "swift")
NUMBER_FORMATS = ("", "f32", "f16", "bf16", "q8_0")
_MOST_EXPORTS = 20
_UNUSABLE = 422


@dataclass(frozen=True)
class ServerView:
    """A server that runs as a job.

    Attributes:
        base_url: its address; empty while it loads.
        models: names of what it serves.
    """

    job: JobView
    base_url: str
    models: Sequence[str]

    @classmethod
    def of(cls, job: JobView) -> "ServerView":
        """The server of a job, by what it has printed."""
        printed: dict[str, Any] = job.result if isinstance(job.result, dict) and job.is_alive else {}
        return cls(job, str(printed.get("base_url", "")), printed.get("models", []))


@dataclass(frozen=True)
class ExportView:
    """One task in the document that `export` printed, and the job that did it."""

    job: JobView
    task: str
    folder: str
    form: str
    parity: dict[str, Any] | None
    unchecked: str

    @property
    def is_same(self) -> bool | None:
        """Whether the copy answers as the Task-LM; None where that was not checked."""
        return None if self.parity is None else not (self.parity["differing"] or self.parity["first_difference"])


@router.get("/p/{project}/deploy")
def show_deployment(request: Request, project: str, task: str = "") -> HTMLResponse:
    """Servers, exports, and the versions of one task."""
    return _deployment(request, project, task)


def _deployment(request: Request, project: str, task: str = "", problems: Sequence[Problem] = ()) -> HTMLResponse:
    workspace = studio_of(request).workspace(project)
    chosen = workspace.tasks([task] if task else ())[0]
    found, changes = versions(workspace, chosen.name)
    jobs = background_jobs.list_jobs(workspace.project)[::-1]
    promoting = next((job for job in jobs if job.command[:2] == ["promote", chosen.name]), None)
    shown, faults, fallback = workspace.project.command, list(problems), None
    try:
        fallback = fallback_there(workspace)
    except AnyTaskTuneError as error:
        faults += error.problems
    return render(
        request,
        "deploy.html.j2",
        "deploy",
        project=project,
        command=("serve", *(("--yes",) if fallback and fallback.needs_consent else ())),
        problems=faults,
        status=_UNUSABLE if problems else 200,
        fallback=fallback,
        tasks=[(one.name, one.title.get(language_of(request)) or one.name) for one in workspace.tasks()],
        chosen=chosen,
        versions=found,
        changes=changes[::-1],
        promoting=job_of(workspace, promoting.id) if promoting else None,
        exports=list(_exports(workspace, jobs)),
        exporting=[job for job in jobs if job.command[0] == "export" and job.is_alive],
        failed_exports=[job_of(workspace, job.id) for job in jobs if job.command[0] == "export" and job.state == "failed"][:1],
        forms=FORMS,
        number_formats=NUMBER_FORMATS,
        person=default_person_name(workspace.project.root),
        export_command=shown("export", chosen.name, "--to", "peft"),
        promote_command=shown("promote", chosen.name),
        rollback_command=shown("rollback", chosen.name),
        **_servers(workspace, jobs),
    )


@router.get("/p/{project}/deploy/servers")
def show_servers(request: Request, project: str) -> HTMLResponse:
    """The servers, without a frame: the page puts them in place of its own."""
    workspace = studio_of(request).workspace(project)
    jobs = background_jobs.list_jobs(workspace.project)[::-1]
    return render(request, "deploy_servers.html.j2", "deploy", project=project, **_servers(workspace, jobs))


@router.post("/p/{project}/deploy/serve")
def start_server(
    request: Request,
    project: str,
    port: Annotated[int, Form(ge=0, le=65_535)] = 8000,
    record: Annotated[bool, Form()] = False,
    agreed: Annotated[bool, Form()] = False,
) -> Response:
    """Serve the Task-LMs of the project as a job, which goes on when the studio ends."""
    workspace = studio_of(request).workspace(project)
    fallback = fallback_there(workspace)
    asks = fallback is not None and fallback.needs_consent
    if fallback is not None and asks and not agreed:
        words = words_of(request, "deploy")
        problem = Problem(words.say("not_agreed", host=fallback.host), fix=words.say("agree_fix"))
        return _deployment(request, project, problems=[problem])
    more = [*(["--record-requests"] if record else []), *(["--yes"] if asks else [])]
    background_jobs.start_job(workspace.project, ["serve", "--port", str(port), *more])
    return RedirectResponse(project_path(project, "deploy"), status_code=303)


@router.post("/p/{project}/deploy/serve/{job_id}/stop")
def stop_server(request: Request, project: str, job_id: str) -> RedirectResponse:
    """End a server, after the requests that it answers now."""
    workspace = studio_of(request).workspace(project)
    background_jobs.stop_job(workspace.project, job_of(workspace, job_id).id)
    return RedirectResponse(project_path(project, "deploy"), status_code=303)


@router.post("/p/{project}/deploy/export")
def start_export(
    request: Request,
    project: str,
    task: Annotated[str, Form()],
    form: Annotated[str, Form()],
    number_format: Annotated[str, Form()] = "",
    accept: Annotated[bool, Form()] = False,
) -> RedirectResponse:
    """Export a Task-LM as a job, into the folder `export` of the project."""
    workspace = studio_of(request).workspace(project)
    (chosen,) = workspace.tasks([task])
    if form not in FORMS or number_format not in NUMBER_FORMATS:
        raise ConfigError(f"there is no form {form!r} with {number_format!r}", fix=f"choose one of {', '.join(FORMS)}")
    more = [*(["--quantize", number_format] if number_format else []), *(["--accept-differences"] if accept else [])]
    words = ["export", chosen.name, "--to", form, "--out", str(workspace.project.root / "export"), *more]
    job = background_jobs.start_job(workspace.project, words)
    return RedirectResponse(project_path(project, "jobs", job.id), status_code=303)


@router.post("/p/{project}/deploy/promote")
def start_promotion(
    request: Request,
    project: str,
    task: Annotated[str, Form()],
    version: Annotated[str, Form()],
    by: Annotated[str, Form(max_length=200)] = "",
    despite_report: Annotated[bool, Form()] = False,
) -> RedirectResponse:
    """Put a version into production as a job: it is compared with the one there on rows that neither has learned."""
    workspace = studio_of(request).workspace(project)
    (chosen,) = workspace.tasks([task])
    if version not in {one.run for one in versions(workspace, chosen.name)[0]}:
        raise ConfigError(f"there is no version {version!r} of task {chosen.name}", fix="choose one of the table")
    despite = ["--despite-report"] if despite_report else []
    words = ["promote", chosen.name, version, "--by", _person(workspace, by), *despite]
    job = background_jobs.start_job(workspace.project, words)
    return RedirectResponse(project_path(project, "jobs", job.id), status_code=303)


@router.post("/p/{project}/deploy/rollback")
def roll_back(
    request: Request, project: str, task: Annotated[str, Form()], by: Annotated[str, Form(max_length=200)] = ""
) -> RedirectResponse:
    """Put the version before back into production."""
    workspace = studio_of(request).workspace(project)
    rollback(workspace, task, _person(workspace, by))
    return RedirectResponse(f"{project_path(project, 'deploy')}?{urlencode({'task': task})}#versions", status_code=303)


def _person(workspace: Workspace, by: str) -> str:
    return file_name_of(by) or default_person_name(workspace.project.root) or "unknown"


def _servers(workspace: Workspace, jobs: Sequence[JobView]) -> dict[str, Any]:
    """The servers that run, and the faults of the one started last where it has failed."""
    serving = [job_of(workspace, job.id) for job in jobs if job.command[0] == "serve"][:10]
    running = [ServerView.of(job) for job in serving if job.is_alive]
    names = [task.name for task in workspace.domain.tasks]
    asked = next((name for one in running for name in names if name in one.models), names[0] if names else "")
    faults = serving[0].problems if serving else ()
    return {"servers": running, "faults": faults, "asked": asked}


def _exports(workspace: Workspace, jobs: Sequence[JobView]) -> list[ExportView]:
    """The exports that jobs have written, the newest first."""
    done = [job_of(workspace, job.id) for job in jobs if job.command[0] == "export" and job.state == "done"]
    found = []
    for job in done[:_MOST_EXPORTS]:
        for one in job.result if isinstance(job.result, list) else []:
            form = one.get("form") or job.command[job.command.index("--to") + 1]
            found.append(ExportView(job, one["task"], one["folder"], form, one.get("parity"), one.get("unchecked", "")))
    return found
