"""Files written for other programs into a folder of the user's, where files of the user's are never overwritten."""

import contextlib
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import Field

from anytasktune.errors import Problem, StoreError
from anytasktune.ids import file_hash
from anytasktune.records import Artifact
from anytasktune.store.atomic import disk_errors
from anytasktune.store.record_files import read_record, write_record

WRITTEN_RECORD = ".anytasktune-written.json"


class WrittenFiles(Artifact):
    """Files that this program wrote into a folder, beside them."""

    files: dict[str, list[str]] = Field(default_factory=dict)
    """Path below the folder → SHA-256 of what was written; two while an export replaces it."""


@contextlib.contextmanager
def exporting(folder: Path, *, force: bool = False) -> Iterator[Path]:
    """A temporary folder; when the block ends well, its files go to their places below `folder`.

    A file that stands there already is replaced if an earlier export wrote it and nobody has changed it since.

    Args:
        force: replace other files too.

    Raises:
        StoreError: files stand in the way (all are named, none is written), or the disk does not take them.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    staged = folder / f".export.{uuid.uuid4().hex[:8]}"
    try:
        with disk_errors(staged):
            staged.mkdir()
        yield staged
        new = {path.relative_to(staged).as_posix(): file_hash(path) for path in sorted(staged.rglob("*")) if path.is_file()}
        record_file, known = folder / WRITTEN_RECORD, _known_files(folder)
        _refuse_to_overwrite(folder, new, known, force=force)
        both = known | {name: [*known.get(name, []), sha256] for name, sha256 in new.items()}
        write_record(record_file, WrittenFiles(files=both))  # killed from here on, what is there is still known as ours
        for name in new:
            with disk_errors(folder / name):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (staged / name).replace(folder / name)
        write_record(record_file, WrittenFiles(files=known | {name: [sha256] for name, sha256 in new.items()}))
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def require_own(path: Path, *, force: bool = False) -> None:
    """Raise StoreError where a later `exporting` would refuse to write this file, so that no work is done in vain."""
    _refuse_to_overwrite(path.parent, {path.name: ""}, _known_files(path.parent), force=force)


def _known_files(folder: Path) -> dict[str, list[str]]:
    record = folder / WRITTEN_RECORD
    return read_record(record, WrittenFiles).files if record.is_file() else {}


def _refuse_to_overwrite(folder: Path, new: Mapping[str, str], known: Mapping[str, list[str]], *, force: bool) -> None:
    problems = []
    for name, sha256 in new.items():
        path = folder / name
        if path.is_dir():
            problems.append(Problem("a folder stands in the way", str(path), "give another place with --out, or move it away"))
        elif path.is_symlink() and not force:
            problems.append(Problem("a link stands in the way", str(path), "move it away, or replace it with --force"))
        elif path.exists() and not force and file_hash(path) not in [sha256, *known.get(name, [])]:
            what = "was changed after this program wrote it" if name in known else "this program did not write the file"
            fix = "give another place with --out, move the file away, or overwrite it with --force"
            problems.append(Problem(f"{what}, and it is not overwritten", str(path), fix))
    if problems:
        raise StoreError(problems)
