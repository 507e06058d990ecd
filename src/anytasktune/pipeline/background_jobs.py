"""`jobs`: commands that run in processes of their own; their state, the events in their log, their result."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError

from anytasktune.errors import ConfigError, Problem
from anytasktune.jobs import job_process
from anytasktune.pipeline.events import Event
from anytasktune.records import Record
from anytasktune.schema.background_job import JobState
from anytasktune.settings.yaml_reading import nearest
from anytasktune.store import JobFolder, Project

MOST_LINES = 40
_LOG_BYTES, _RESULT_BYTES = 64_000, 1_000_000
_EVENTS: TypeAdapter[Event] = TypeAdapter(Event)
_FAULTS: TypeAdapter[list[Problem]] = TypeAdapter(list[Problem])
ALIVE: tuple[JobState, ...] = ("starting", "running")


class JobView(Record):
    """A job as it stands."""

    id: str
    words: list[str]
    """Its command line without the program."""
    state: JobState
    created: str
    ended: str = ""
    exit_code: int | None = None
    """None while it runs, and for a job that was killed."""
    pid: int | None = None
    """Number of its process; None before that has begun."""
    log: list[Event | str] = Field(default_factory=list)
    """The last lines of its log: events, and other lines as they are."""
    log_cut: bool = False
    """Whether the log has lines before these."""
    result: Any = None
    """The JSON document that it printed; None before. A server prints its address when it listens, others at their end."""

    @property
    def command(self) -> list[str]:
        """Its command line as a person types it, without the program and `-p`."""
        return self.words[: self.words.index("-p")] if "-p" in self.words else self.words

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self.state in ALIVE

    @property
    def problems(self) -> list[Problem]:
        """The faults that it ended with; empty for a job that did well, or was stopped or killed."""
        if self.state != "failed" or not isinstance(self.result, dict):
            return []
        try:
            return _FAULTS.validate_python(self.result.get("problems", []))
        except ValidationError:
            return []


class LogPart(Record):
    """New lines of the log of a job, and its state before they were read."""

    state: JobState
    lines: list[Event | str]
    end: int
    """The place behind the lines, in bytes."""


def start_job(project: Project, words: Sequence[str]) -> JobView:
    """Start a command that has `--json` and `--progress` on a project; it goes on when this process ends.

    Args:
        words: the command line without the program and without `-p`.

    Raises:
        StoreError: the process does not begin.
    """
    whole = [*words, "-p", str(project.root), "--json", "--progress", "json"]
    return _view(job_process.start_job(project, whole))


def run_job(project: Project, job_id: str, run: Callable[[Sequence[str]], int]) -> int:
    """Run the command of a job in this process; see `jobs.job_process.run_job`."""
    return job_process.run_job(project, _folder(project, job_id).path.name, run)


def list_jobs(project: Project) -> list[JobView]:
    """All jobs of a project, the oldest first, each with the last line of its log."""
    return [_view(folder, most_lines=1, result=False) for folder in JobFolder.all_of(project)]


def find_job(project: Project, job_id: str, most_lines: int = MOST_LINES) -> JobView:
    """A job with the end of its log, and its result.

    Args:
        job_id: its id, of which the beginning is enough.

    Raises:
        ConfigError: there is no such job, or several begin so.
    """
    return _view(_folder(project, job_id), most_lines)


def log_after(project: Project, job_id: str, place: int | None = None) -> LogPart:
    """The lines of a job's log behind a place; those at its end where none is given. Errors as `find_job`."""
    folder = _folder(project, job_id)
    state = folder.state  # before the log: what has ended writes no more
    text, end = folder.log_after(place, _LOG_BYTES)
    return LogPart(state=state, lines=[_event_or_text(line) for line in text.splitlines() if line.strip()], end=end)


def stop_job(project: Project, job_id: str) -> JobView:
    """Stop a job as Ctrl-C does, after 20 seconds by force; one that has ended stays as it is. Errors as `find_job`."""
    folder = _folder(project, job_id)
    job_process.stop_job(folder)
    return _view(folder)


def _folder(project: Project, job_id: str) -> JobFolder:
    known = JobFolder.all_of(project)
    found = [folder for folder in known if job_id and folder.path.name.startswith(job_id)]
    if len(found) != 1:
        names = [folder.path.name for folder in found or known]
        what = f"several jobs begin with {job_id!r}" if found else f"there is no job {job_id!r}"
        raise ConfigError(what, where=str(project.jobs), fix=nearest(job_id, names) if names else "no job was started yet")
    return found[0]


def _view(folder: JobFolder, most_lines: int = MOST_LINES, *, result: bool = True) -> JobView:
    state, process, end, job = folder.state, folder.process, folder.end, folder.job
    text, whole = folder.last_of_log(_LOG_BYTES)
    lines = [line for line in text.splitlines() if line.strip()]
    return JobView(
        id=job.id,
        words=job.words,
        state=state,
        created=job.created,
        ended=end.ended if end else "",
        exit_code=end.exit_code if end else None,
        pid=process.pid if process else None,
        log=[_event_or_text(line) for line in lines[-most_lines:]] if most_lines else [],
        log_cut=not whole or len(lines) > most_lines,
        result=_document(folder.result(_RESULT_BYTES)[0], whole=end is not None) if result else None,
    )


def _event_or_text(line: str) -> Event | str:
    try:
        return _EVENTS.validate_json(line)
    except ValidationError:
        return line


def _document(text: str, *, whole: bool) -> Any:
    """The JSON document that a job printed, else the text where it is all there will be."""
    try:
        return json.loads(text)
    except ValueError:
        return (text.strip() or None) if whole else None
