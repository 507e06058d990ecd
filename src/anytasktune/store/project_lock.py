"""One command at a time asks the teachers of a project: what two would ask at once, both would pay for."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import ValidationError

from anytasktune.errors import StoreError
from anytasktune.records import Record
from anytasktune.store.atomic import disk_errors, remove_file, write_atomic
from anytasktune.store.layout import Project

_LOCK, _HOLDER = "in-use.lock", "in-use.json"
_LOOK_SECONDS = 0.5
_UNKNOWN = "another command"


class Holder(Record):
    """The command that holds the lock."""

    command: str
    pid: int
    since: str
    """Local time."""


@contextlib.contextmanager
def asking_alone(root: Path, command: str, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a project's teachers, after waiting until no other process does.

    The operating system frees the lock of a process that dies.

    Args:
        command: name of the command, which others are told.
        on_wait: receives a sentence on whom this waits for; once per command that holds the lock.

    Raises:
        StoreError: the disk does not take the lock file.
    """
    folder = Project(root).teacher_answers
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock, told, seen = FileLock(folder / _LOCK), "", ""
    while not _acquired(lock, _LOOK_SECONDS if seen else 0.0):
        before, seen = seen, _holder(folder / _HOLDER)
        has_just_begun_or_ended = seen == _UNKNOWN != before
        if seen != told and not has_just_begun_or_ended:
            on_wait(f"waiting for {seen}, which works on {root}; two at once would pay for the same answers twice")
            told = seen
    try:
        holder = Holder(command=command, pid=os.getpid(), since=time.strftime("%Y-%m-%d %H:%M:%S"))
        write_atomic(folder / _HOLDER, holder.model_dump_json() + "\n")
        yield
    finally:
        remove_file(folder / _HOLDER)
        lock.release()


@contextlib.contextmanager
def held_alone(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder of artefacts; the operating system frees it when the process dies.

    Raises:
        StoreError: another process holds it, or the disk does not take the lock file.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _LOCK)
    if not _acquired(lock, 0.0):
        raise StoreError("another command works on it", where=str(folder), fix="wait until it has ended, then try again")
    try:
        yield
    finally:
        lock.release()


def _acquired(lock: FileLock, seconds: float) -> bool:
    with disk_errors(Path(lock.lock_file)):
        try:
            lock.acquire(timeout=seconds, poll_interval=0.05)
        except Timeout:  # an OSError, but no fault of the disk
            return False
        return True


def _holder(file: Path) -> str:
    """The command that holds the lock, for people."""
    try:
        holder = Holder.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return _UNKNOWN
    return f"`{holder.command}` (process {holder.pid}, since {holder.since})"
