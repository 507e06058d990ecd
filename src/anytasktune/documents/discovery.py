"""Finds the documents in a folder. Links are not followed, and only plain files are opened."""

import os
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from anytasktune.documents.formats import format_by_name
from anytasktune.documents.skip_reasons import SkippedFileError, too_large, unsafe
from anytasktune.schema.passages import DocumentInfo
from anytasktune.store import DOMAIN_FILE, Project

_LOCK_FILE = "~$"
_SYSTEM_FOLDERS = frozenset({"__MACOSX", "$RECYCLE.BIN", "System Volume Information"})
_SYSTEM_FILES = frozenset({"Thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class DocumentFile:
    """A file to read.

    Attributes:
        name: its path below the folder, with forward slashes.
        format_name: of the format its ending stands for.
        size: in bytes.
        sha256: of its bytes; empty if they could not be read.
    """

    path: Path
    name: str
    format_name: str
    size: int
    sha256: str = ""


def find_documents(folder: Path, largest_megabytes: int) -> tuple[list[DocumentFile], list[DocumentInfo]]:
    """List a folder and the folders in it, without the artefacts of projects.

    Returns:
        The files to read, without hashes, and all others with the reason why they are skipped; a hidden folder is one entry.
    """
    found: list[DocumentFile] = []
    skipped: list[DocumentInfo] = []

    def skip(path: Path, why: SkippedFileError | OSError) -> None:
        if isinstance(why, OSError):
            why = SkippedFileError("unreadable", f"cannot be read: {why.strerror or why}", "check that you may read it")
        skipped.append(_skipped_info(path, _name_below(path, folder), why))

    def skip_unreadable_folder(error: OSError) -> None:
        skip(Path(error.filename), error)

    for place, folders, files in os.walk(folder, onerror=skip_unreadable_folder):
        here = Path(place)
        closed = {name: why for name in folders if (why := _why_closed(here / name, folder))}
        for name, why in closed.items():
            skip(here / name, why)
        made = {Project(here).artifacts.name} if DOMAIN_FILE in files else set()
        folders[:] = sorted(set(folders) - set(closed) - made)
        for name in files:
            try:
                found.append(_openable(here / name, folder, largest_megabytes))
            except (SkippedFileError, OSError) as error:
                skip(here / name, error)
    return sorted(found, key=lambda file: file.name), sorted(skipped, key=lambda info: info.document)


def check_size(size: int, largest_megabytes: int) -> None:
    """Refuse a file of more than `largest_megabytes`."""
    if size > largest_megabytes * 2**20:
        raise too_large(f"it is larger than {largest_megabytes} MB ({size / 2**20:,.0f} MB)")


def _openable(path: Path, folder: Path, largest_megabytes: int) -> DocumentFile:
    """A file that may be opened; raises SkippedFileError or OSError for any other."""
    status = path.lstat()
    name = _name_below(path, folder)
    if stat.S_ISLNK(status.st_mode):
        raise _link(path, folder)
    if not stat.S_ISREG(status.st_mode):
        raise unsafe("no plain file, but a pipe, socket or device: reading it might never end")
    if path.name.startswith((".", _LOCK_FILE)) or path.name in _SYSTEM_FILES:
        raise SkippedFileError("hidden", "a hidden file, or one a program keeps for itself", "rename it if it is a document")
    if name != path.relative_to(folder).as_posix():
        raise SkippedFileError("unsafe", "its name holds line breaks, control characters or broken letters", "rename it")
    if status.st_size == 0:
        raise SkippedFileError("empty", "the file is empty", "fetch it again, or leave it out")
    format_name = format_by_name(path).name
    check_size(status.st_size, largest_megabytes)
    return DocumentFile(path, name, format_name, status.st_size)


def _why_closed(path: Path, folder: Path) -> SkippedFileError | None:
    """The reason for which a folder is not looked into, if there is one."""
    if path.is_symlink():
        return _link(path, folder)
    if path.name.startswith(".") or path.name in _SYSTEM_FOLDERS:
        return SkippedFileError("hidden", "a hidden folder: not looked into", "rename it if it holds documents")
    return None


def _link(path: Path, folder: Path) -> SkippedFileError:
    """Links are not followed: inside the folder they lead to nothing new, outside to files nobody put here."""
    try:
        inside = path.resolve(strict=True).is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        return SkippedFileError("broken", "a link that leads nowhere", "remove it, or put the file itself here")
    if inside:
        return SkippedFileError("duplicate", "a link to something in the same folder", "nothing need be done")
    return SkippedFileError("unsafe", "a link that leads out of the folder: not followed", "copy the file itself here")


def _name_below(path: Path, folder: Path) -> str:
    """A file's path below `folder` as text that can be printed and stored: one line, and Unicode only."""
    name = os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "backslashreplace")
    return "".join(repr(letter)[1:-1] if unicodedata.category(letter) in {"Cc", "Cs"} else letter for letter in name)


def _skipped_info(path: Path, name: str, why: SkippedFileError) -> DocumentInfo:
    try:
        format_name = format_by_name(path).name
    except SkippedFileError:
        format_name = ""
    try:
        size = 0 if path.is_dir() else path.lstat().st_size
    except OSError:
        size = 0
    return DocumentInfo(
        document=name, sha256="", bytes=size, format=format_name, status="skipped", reason=why.reason, detail=why.detail
    )
