"""Changes to files a person owns (`data/`, `domain.yaml`): one process at a time, and all files of a change or none.

A change is read, decided and written under one lock, so that two commands at once lose nothing. Where it touches several files,
the new contents are first written beside their places, then a journal says what is to be moved where; killed in between, the
next command that opens the project finishes the moves.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from anytasktune.errors import StoreError
from anytasktune.ids import text_hash
from anytasktune.records import Record
from anytasktune.store.atomic import disk_errors, remove_file, write_atomic
from anytasktune.store.record_files import read_record, write_record

_PATIENCE_SECONDS = 120
_RANDOM = "[0-9a-f]" * 8
_LOCK, _JOURNAL, _REPLACED = "changes.lock", "changes.json", "replaced"


class Moves(Record):
    """The journal of a change: file → the file that takes its place, None where it is removed."""

    files: dict[str, str | None]


@dataclass
class Changes:
    """Files to be written or removed together when the block of `changing` ends.

    Attributes:
        copies: where the content of each replaced or removed file was copied to, by its path.
    """

    root: Path
    contents: dict[Path, str | None] = field(default_factory=dict)
    copies: dict[Path, Path] = field(default_factory=dict)

    def write(self, path: Path, text: str, *, keep_copy: bool = False) -> None:
        """Write a file; `keep_copy` keeps what it held in `artifacts/replaced`."""
        if keep_copy:
            self._copy(path)
        self.contents[path] = text

    def remove(self, path: Path) -> None:
        """Remove a file and keep its content in `artifacts/replaced`."""
        self._copy(path)
        self.contents[path] = None

    def _copy(self, path: Path) -> None:
        if not path.is_file():
            return
        with disk_errors(path):
            content = path.read_bytes()
        place = path.relative_to(self.root)
        name = f"{place.stem}-{text_hash(content.decode('latin-1'))[:12]}{place.suffix}"
        copy = self.root / "artifacts" / _REPLACED / place.parent / name
        if not copy.exists():
            write_atomic(copy, content)
        self.copies[path] = copy


@contextlib.contextmanager
def changing(root: Path) -> Iterator[Changes]:
    """Lock a project's own files for a change: read and decide inside the block; what was asked for is written at its end.

    Nothing is written if the block raises.

    Raises:
        StoreError: another process holds the lock for two minutes, or the disk does not take the change.
    """
    folder = root / "artifacts"
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with disk_errors(folder / _LOCK), FileLock(folder / _LOCK, timeout=_PATIENCE_SECONDS):
            _finish(root)
            changes = Changes(root)
            yield changes
            _commit(changes)
    except Timeout:
        fix = "wait until the other command has ended, or stop it, then run this one again"
        raise StoreError("another command is changing this project's files", where=str(root), fix=fix) from None


def finish_changes(root: Path) -> None:
    """Finish a change that a killed process left half done; nothing to do in the usual case."""
    if (root / "artifacts" / _JOURNAL).exists():
        with changing(root):
            pass


def _commit(changes: Changes) -> None:
    for path in changes.contents:
        _remove_leftovers(path)
    if len(changes.contents) == 1:
        for path, text in changes.contents.items():
            _put(path, text)
        return
    moves: dict[str, str | None] = {}
    for path, text in changes.contents.items():
        place = path.relative_to(changes.root).as_posix()
        moves[place] = None
        if text is not None:
            beside = path.with_name(f".{path.name}.new")
            write_atomic(beside, text)
            moves[place] = beside.relative_to(changes.root).as_posix()
    if moves:
        write_record(changes.root / "artifacts" / _JOURNAL, Moves(files=moves))
        _finish(changes.root)


def _remove_leftovers(path: Path) -> None:
    """Remove half-written files that a killed process left beside a file; the lock is held, so nobody is writing one now."""
    for pattern in (f".{path.name}.new", f".{path.name}.{_RANDOM}", f"..{path.name}.new.{_RANDOM}"):
        for leftover in path.parent.glob(pattern):
            remove_file(leftover)


def _put(path: Path, text: str | None) -> None:
    if text is not None:
        write_atomic(path, text)
        return
    with disk_errors(path):
        path.unlink(missing_ok=True)


def _finish(root: Path) -> None:
    """Carry out what the journal says. Each move may have been done already."""
    journal = root / "artifacts" / _JOURNAL
    if not journal.exists():
        return
    for place, beside in read_record(journal, Moves).files.items():
        with disk_errors(root / place):
            if beside is None:
                (root / place).unlink(missing_ok=True)
            elif (root / beside).exists():
                (root / beside).replace(root / place)
    with disk_errors(journal):
        journal.unlink(missing_ok=True)
