"""The folder of a job, `artifacts/jobs/<id>/`: its command, a lock that its process holds, its log, its result."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

from filelock import FileLock, Timeout

from anytasktune.errors import DamagedError, StoreError
from anytasktune.schema.background_job import BackgroundJob, JobEnd, JobProcess, JobState
from anytasktune.store.atomic import disk_errors
from anytasktune.store.layout import Project
from anytasktune.store.record_files import read_record, write_record

AnyRecord = TypeVar("AnyRecord", JobProcess, JobEnd)
_JOB, _PROCESS, _END, _LOCK = "job.json", "process.json", "end.json", "lock"
_LOG, _RESULT = "log.txt", "result.txt"
STOPPED = 130
"""Exit code of a command that was stopped with Ctrl-C."""
_ENDED_WELL = (0, 3, 4)
"""Exit codes: done, done with rows dropped, waits for a person."""
_LOCK_SECONDS = 30.0
_START_SECONDS = 600.0
"""Longest time from the record of a job to its process."""


@dataclass(frozen=True)
class JobFolder:
    """A job on disk. Alive means locked: the operating system frees the lock of a process that dies, however it dies."""

    path: Path

    @classmethod
    def create(cls, project: Project, job: BackgroundJob) -> "JobFolder":
        """Write the record of a new job."""
        folder = cls(project.jobs / job.id)
        write_record(folder.path / _JOB, job)
        return folder

    @classmethod
    def all_of(cls, project: Project) -> list["JobFolder"]:
        """The jobs of a project, the oldest first; those whose record is damaged are left out."""
        found: list[tuple[str, JobFolder]] = []
        for record in project.jobs.glob(f"[!.]*/{_JOB}"):
            with contextlib.suppress(StoreError):
                found.append((cls(record.parent).job.created, cls(record.parent)))
        return [folder for _, folder in sorted(found, key=lambda each: (each[0], each[1].path.name))]

    @property
    def job(self) -> BackgroundJob:
        return read_record(self.path / _JOB, BackgroundJob)

    @property
    def process(self) -> JobProcess | None:
        """The process; None before it has begun."""
        return _record_if_there(self.path / _PROCESS, JobProcess)

    @property
    def end(self) -> JobEnd | None:
        """The end; None while it runs, and for a job that was killed."""
        return _record_if_there(self.path / _END, JobEnd)

    @property
    def state(self) -> JobState:
        """The state, found out from the lock and the records."""
        alive = self._is_locked()  # before the records: what is free has written all it will write
        if (end := self.end) is not None:
            return "stopped" if end.exit_code == STOPPED else "done" if end.exit_code in _ENDED_WELL else "failed"
        if alive:
            return "running"
        created = datetime.fromisoformat(self.job.created)
        waits = self.process is None and (datetime.now(UTC) - created).total_seconds() < _START_SECONDS
        return "starting" if waits else "killed"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Hold the lock as the job's process, and record its number."""
        lock = FileLock(self.path / _LOCK)
        with disk_errors(self.path):
            try:
                lock.acquire(timeout=_LOCK_SECONDS, poll_interval=0.05)
            except Timeout:  # an OSError, but no fault of the disk
                raise StoreError("the job runs already", where=str(self.path), fix="start another one") from None
        try:
            write_record(self.path / _PROCESS, JobProcess(pid=os.getpid(), started=now()))
            yield
        finally:
            lock.release()

    def write_end(self, exit_code: int) -> None:
        """Record the end of the job; its process calls this while it holds the lock."""
        write_record(self.path / _END, JobEnd(exit_code=exit_code, ended=now()))

    @contextlib.contextmanager
    def opened_outputs(self) -> Iterator[tuple[BinaryIO, BinaryIO]]:
        """The files that receive the result (standard output) and the log (standard error) of the job."""
        with disk_errors(self.path), (self.path / _RESULT).open("ab") as result, (self.path / _LOG).open("ab") as log:
            yield result, log

    def last_of_log(self, most_bytes: int) -> tuple[str, bool]:
        """The end of the log in whole lines, and whether that is all of it."""
        return _last_lines(self.path / _LOG, most_bytes)

    def log_after(self, place: int | None, most_bytes: int) -> tuple[str, int]:
        """The whole lines of the log behind a place in bytes, and the place behind them.

        Args:
            place: None for the last `most_bytes`.
        """
        path = self.path / _LOG
        if not path.exists():
            return "", 0
        with disk_errors(path), path.open("rb") as stream:
            size = stream.seek(0, 2)
            start = stream.seek(min(size, place) if place is not None else max(0, size - most_bytes))
            content = stream.read(most_bytes)
        cut = content.find(b"\n") + 1 if place is None and start else 0
        end = content.rfind(b"\n") + 1 or len(content) // most_bytes * most_bytes  # a line longer than that is cut
        return content[cut:end].decode("utf-8", "replace"), start + max(cut, end)

    def result(self, most_bytes: int) -> tuple[str, bool]:
        """The result, or its end, and whether that is all of it."""
        return _last_lines(self.path / _RESULT, most_bytes)

    def _is_locked(self) -> bool:
        lock = self.path / _LOCK
        if not lock.exists():
            return False
        if sys.platform == "win32":
            probe = FileLock(lock)
            try:
                probe.acquire(timeout=0)
            except Timeout:
                return True
            probe.release()
            return False
        import fcntl  # noqa: PLC0415

        with contextlib.suppress(OSError), lock.open("rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two that look do not see each other
            except BlockingIOError:
                return True
        return False


def now() -> str:
    """The time in UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())


def _record_if_there(path: Path, record_type: type[AnyRecord]) -> AnyRecord | None:
    if not path.exists():
        return None
    try:
        return read_record(path, record_type)
    except DamagedError:
        return None


def _last_lines(path: Path, most_bytes: int) -> tuple[str, bool]:
    if not path.exists():
        return "", True
    with disk_errors(path), path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - most_bytes))
        content = stream.read()
    if size > most_bytes:
        content = content.partition(b"\n")[2]
    return content.decode("utf-8", "replace"), size <= most_bytes
