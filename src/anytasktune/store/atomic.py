"""Files and folders that appear complete or not at all."""

import contextlib
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from anytasktune.errors import DamagedError, StoreError, disk_error
from anytasktune.store.checksums import check_sums, write_sums

_LOCKED_BYTE = 1 << 62
"""A place past the end of any file: Windows locks ranges, and what is locked there cannot be read."""


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError on `path` into a StoreError that says what to do."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        in_the_way = None
        with contextlib.suppress(OSError):  # a path that is too long is no file either
            in_the_way = next((place for place in path.parents if place.is_file()), None)
        if in_the_way:
            fix = f"{in_the_way} is a file and must be a folder: move it away"
            raise StoreError(f"cannot write: {error.strerror or error}", where=str(path), fix=fix) from error
        raise disk_error(error, "cannot write", path) from error


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a whole file or nothing: a reader, or a crash, never sees half of it. Text is UTF-8 with `\\n`."""
    data = content.encode() if isinstance(content, str) else content
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary_beside(path)
        try:
            with temporary.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def open_log(path: Path) -> BinaryIO:
    """A new empty file for what another process prints."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")


@contextlib.contextmanager
def locked(stream: BinaryIO) -> Iterator[None]:
    """Lock an open file against other processes that do the same; the system frees it when the file is closed.

    Where the file system knows no locks, there is none.
    """
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415

        place = stream.seek(0, 1)
        stream.seek(_LOCKED_BYTE)
        msvcrt.locking(stream.fileno(), msvcrt.LK_LOCK, 1)
        stream.seek(place)
        try:
            yield
        finally:
            stream.flush()
            stream.seek(_LOCKED_BYTE)
            msvcrt.locking(stream.fileno(), msvcrt.LK_UNLCK, 1)
    else:
        import fcntl  # noqa: PLC0415

        with contextlib.suppress(OSError):
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def remove_file(path: Path) -> None:
    """Remove a file that may be gone already."""
    with disk_errors(path):
        path.unlink(missing_ok=True)


def remove_artifact(path: Path) -> None:
    """Remove an artefact, a file or a folder, at once: none of it is seen half removed."""
    with disk_errors(path):
        if not path.is_dir():
            path.unlink(missing_ok=True)
            return
        aside = _temporary_beside(path)
        with contextlib.suppress(FileNotFoundError):  # another process was faster
            path.replace(aside)
        shutil.rmtree(aside, ignore_errors=True)


def is_intact(folder: Path) -> bool:
    """Whether all files of an artefact's folder are as they were written."""
    try:
        check_sums(folder)
    except DamagedError:
        return False
    return True


@contextlib.contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes `target`, with checksums, when the block ends well, and vanishes otherwise.

    If `target` exists by then (another process was faster), the one that is there stays, unless it is damaged.
    """
    with disk_errors(target):
        temporary = _temporary_beside(target)
        temporary.mkdir(parents=True)
    try:
        with disk_errors(target):
            yield temporary
            write_sums(temporary)
            if target.exists() and not is_intact(target):
                remove_artifact(target)
            if not target.exists():
                temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _temporary_beside(path: Path) -> Path:
    """A new name in the same folder. Not from `tempfile`, whose files only their owner may read."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
