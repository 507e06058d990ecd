"""The process of a job: started in a session of its own, stopped by a signal, held alive by its lock."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from types import FrameType

from anytasktune.errors import StoreError
from anytasktune.schema.background_job import BackgroundJob
from anytasktune.store import JobFolder, Project
from anytasktune.store.job_folder import STOPPED, now
from anytasktune.version import __version__

START_SECONDS = 20.0
"""Longest wait for a process to begin; on a busy machine it begins later."""
STOP_SECONDS = 20.0
"""Time from the request to stop to the end by force."""
_LOOK_SECONDS = 0.05


def start_job(project: Project, words: Sequence[str]) -> JobFolder:
    """Start a command of the program on a project, in a process that goes on when this one ends.

    It is waited for until it has begun, but not for long.

    Args:
        words: the command line without the program; no shell reads it.

    Raises:
        StoreError: the folder of the job cannot be written, or the process does not begin.
    """
    job = BackgroundJob(id=uuid.uuid4().hex[:12], words=list(words), created=now(), version=__version__)
    folder = JobFolder.create(project, job)
    command = [sys.executable, "-m", "anytasktune", "jobs", "execute", job.id, "-p", str(project.root)]
    own_group = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)  # on Windows, where there are no sessions
    with folder.opened_outputs() as (result, log):
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=project.root,
            stdin=subprocess.DEVNULL,
            stdout=result,
            stderr=log,
            start_new_session=True,
            creationflags=own_group,
        )
    threading.Thread(target=process.wait, daemon=True).start()  # else it would stay in the list of processes when it ends
    deadline = time.monotonic() + START_SECONDS
    while folder.state == "starting" and process.returncode is None and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    if folder.process is None and process.returncode is not None:
        said = folder.last_of_log(2000)[0].strip().rpartition("\n")[2]
        raise StoreError(f"the process of the job did not begin: {said}", where=str(folder.path), fix="start it again")
    return folder


def run_job(project: Project, job_id: str, run: Callable[[Sequence[str]], int]) -> int:
    """Run the command of a job in this process, which was started for it; returns the exit code.

    A signal to end stops the command as Ctrl-C does.
    """
    folder = JobFolder(project.jobs / job_id)
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _stop)
    with folder.running():
        try:
            code = run(folder.job.words)
        except KeyboardInterrupt:
            code = STOPPED
        folder.write_end(code)
    return code


def stop_job(folder: JobFolder) -> None:
    """Stop a job that runs and wait for its end: as Ctrl-C does, and by force after `STOP_SECONDS`."""
    process = folder.process
    if folder.state != "running" or process is None:
        return
    _signal(process.pid, by_force=False)
    deadline = time.monotonic() + STOP_SECONDS
    while folder.state == "running":
        time.sleep(_LOOK_SECONDS)
        if time.monotonic() > deadline:
            _signal(process.pid, by_force=True)


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _signal(pid: int, *, by_force: bool) -> None:
    """Signal a job's process and those it started."""
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            os.kill(pid, signal.SIGTERM if by_force else signal.CTRL_BREAK_EVENT)
        else:
            os.killpg(pid, signal.SIGKILL if by_force else signal.SIGTERM)
