"""The cache of fetched and converted models; files and folders appear in it whole or not at all."""

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from anytasktune.errors import AnyTaskTuneError, StoreError

CACHE_VARIABLE = "ANYTASKTUNE_CACHE"
DRAFT_PREFIX = ".draft-"
STALE_SECONDS = 24 * 3600
"""A draft this old was left by a killed process: no conversion takes a day."""


def cache_root() -> Path:
    """The folder of the model cache: ``ANYTASKTUNE_CACHE``, else the user's cache folder of this system."""
    chosen = os.environ.get(CACHE_VARIABLE, "").strip()
    return Path(chosen).expanduser().absolute() if chosen else Path(platformdirs.user_cache_dir("anytasktune"))


def storing_failed(place: Path, reason: str) -> StoreError:
    """The error for a model that cannot be written at `place`; `reason` is the message of the system."""
    return StoreError(
        f"a model cannot be stored: {reason}",
        where=str(place),
        fix=f"make room there or make it writable, or set {CACHE_VARIABLE} to a folder on another disk",
    )


@contextmanager
def storing(place: Path) -> Iterator[None]:
    """Turns every OSError of the block (full, read-only, not a folder...) into a StoreError naming `place`."""
    try:
        yield
    except AnyTaskTuneError:
        raise
    except OSError as error:
        raise storing_failed(place, error.strerror or str(error)) from error


@contextmanager
def draft_beside(target: Path) -> Iterator[Path]:
    """A new empty folder next to `target`, so that renaming into place is atomic; gone when the block ends.

    Drafts that killed processes left there more than a day ago are removed.

    Raises:
        StoreError: the folder cannot be made.
    """
    draft = target.parent / f"{DRAFT_PREFIX}{uuid.uuid4().hex}"
    with storing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        for old in target.parent.glob(f"{DRAFT_PREFIX}*"):
            with suppress(OSError):  # another process may be removing the same one
                if time.time() - old.stat().st_mtime > STALE_SECONDS:
                    shutil.rmtree(old, ignore_errors=True)
        draft.mkdir()
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def publish_folder(draft: Path, target: Path, complete: Callable[[Path], bool]) -> None:
    """Renames the filled `draft` to `target`; when another process was faster, its result stands.

    Args:
        draft: a folder on the same disk as `target`.
        target: the final place; something damaged there (not `complete`) is replaced.
        complete: tells whether a folder holds everything.

    Raises:
        StoreError: the folder cannot be renamed.
    """
    with storing(target):
        if target.exists() and not complete(target):
            shutil.rmtree(target)
        try:
            draft.rename(target)
        except OSError:
            if not complete(target):
                raise
