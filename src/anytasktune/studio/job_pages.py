"""Pages of jobs: all of a project, one with its events as they come, stop, start again; the start of a job for other pages."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from anytasktune.errors import ConfigError
from anytasktune.pipeline import background_jobs
from anytasktune.pipeline.background_jobs import ALIVE, JobView
from anytasktune.pipeline.workspace import Workspace
from anytasktune.studio.job_words import line_in_words, progress_bar
from anytasktune.studio.page_frame import UnknownNameError, project_path, render, studio_of, words_of
from anytasktune.studio.studio_words import PageWords

router = APIRouter()
_LOOK_SECONDS = 0.4


def start_command(request: Request, project: str, words: Sequence[str]) -> RedirectResponse:
    """Start a command as a job, and lead to its page.

    Args:
        words: the command line without the program and without `-p`.
    """
    workspace = studio_of(request).workspace(project)
    job = background_jobs.start_job(workspace.project, words)
    return RedirectResponse(project_path(project, "jobs", job.id), status_code=303)


@router.get("/p/{project}/jobs")
def list_jobs(request: Request, project: str) -> HTMLResponse:
    """All jobs of a project, the newest first."""
    workspace = studio_of(request).workspace(project)
    words = words_of(request, "job")
    jobs = background_jobs.list_jobs(workspace.project)[::-1]
    rows = [(job, line_in_words(job.log[-1], words) if job.log else "") for job in jobs]
    return render(request, "jobs.html.j2", "job", project=project, command=("jobs", "list"), rows=rows)


@router.get("/p/{project}/jobs/{job_id}")
def show_job(request: Request, project: str, job_id: str) -> HTMLResponse:
    """One job: its state, its progress, its log and what came of it."""
    job = job_of(studio_of(request).workspace(project), job_id)
    words = words_of(request, "job")
    return render(
        request,
        "job.html.j2",
        "job",
        project=project,
        command=job.command,
        job=job,
        alive=job.is_alive,
        lines=[line_in_words(line, words) for line in job.log],
        result=json.dumps(job.result, ensure_ascii=False, indent=1) if job.result is not None else "",
    )


@router.post("/p/{project}/jobs/{job_id}/stop")
def stop_job(request: Request, project: str, job_id: str) -> RedirectResponse:
    """Stop a job as Ctrl-C does."""
    workspace = studio_of(request).workspace(project)
    job = background_jobs.stop_job(workspace.project, job_of(workspace, job_id).id)
    return RedirectResponse(project_path(project, "jobs", job.id), status_code=303)


@router.post("/p/{project}/jobs/{job_id}/again")
def start_again(request: Request, project: str, job_id: str) -> RedirectResponse:
    """Start the command of a job that has ended again; it goes on where that stopped."""
    job = job_of(studio_of(request).workspace(project), job_id)
    return start_command(request, project, job.command)


@router.get("/p/{project}/jobs/{job_id}/events")
def follow_job(request: Request, project: str, job_id: str) -> StreamingResponse:
    """The events of a job from its log, as server-sent events; a browser that lost the connection goes on behind the last.

    `lines` is a list of log lines, each with its words, its progress (or null) and the event itself (or null); `state` is the
    state of the job, and the last event of one that has ended.
    """
    workspace = studio_of(request).workspace(project)
    job = job_of(workspace, job_id)
    seen = request.headers.get("last-event-id", "")
    start = int(seen) if seen.isdigit() else None
    stream = _events(workspace, job.id, words_of(request, "job"), start)
    return StreamingResponse(stream, media_type="text/event-stream")


async def _events(workspace: Workspace, job_id: str, words: PageWords, start: int | None) -> AsyncIterator[str]:
    place, state = start, ""
    while True:
        part = await run_in_threadpool(background_jobs.log_after, workspace.project, job_id, place)
        place, ended = part.end, part.state not in ALIVE
        if part.lines:
            yield _message("lines", [_line(line, words) for line in part.lines], place)
        if part.state != state and not (ended and part.lines):
            state = part.state
            yield _message("state", {"state": state, "words": words.say(f"state_{state}")}, place)
        if ended and not part.lines:
            return
        await asyncio.sleep(0 if ended else _LOOK_SECONDS)


def _line(line: Any, words: PageWords) -> dict[str, Any]:
    event = None if isinstance(line, str) else line.model_dump(mode="json")
    return {"text": line_in_words(line, words), "progress": progress_bar(line, words), "event": event}


def _message(name: str, data: Any, place: int) -> str:
    return f"id: {place}\nevent: {name}\ndata: {json.dumps(data, ensure_ascii=True)}\n\n"


def job_of(workspace: Workspace, job_id: str) -> JobView:
    """The job that an address names; UnknownNameError if there is none."""
    try:
        return background_jobs.find_job(workspace.project, job_id)
    except ConfigError as error:
        raise UnknownNameError(error.problems) from None
