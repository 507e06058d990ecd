"""What lies in a folder of documents, without following links out of it or touching what is no plain file."""

import os
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from anytasktune.documents.file_kinds import kind_by_name
from anytasktune.documents.refusal import RefusedError, too_large, unsafe
from anytasktune.schema.passages import DocumentInfo

_LOCK = "~$"
_FOLDERS_OF_SYSTEMS = frozenset({"__MACOSX", "$RECYCLE.BIN", "System Volume Information"})
_FILES_OF_SYSTEMS = frozenset({"Thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class Found:
    """A file that is to be read.

    Attributes:
        document: its path below the folder, with forward slashes.
    """

    path: Path
    document: str
    kind: str
    bytes: int


@dataclass(frozen=True)
class Findings:
    """What is in a folder: the files to read, and those that will not be, both by name."""

    files: list[Found]
    left_out: list[DocumentInfo]


def find_documents(folder: Path, largest_megabytes: int) -> Findings:
    """List a folder and the folders in it.

    Hidden files are listed as left out, a hidden folder as one entry; so are links, which are not followed.
    """
    found: list[Found] = []
    refused: list[DocumentInfo] = []

    def refuse(path: Path, refusal: RefusedError, size: int = 0) -> None:
        name, kind = shown_name(path, folder), _kind_or_nothing(path)
        reason, detail = refusal.reason, refusal.detail
        refused.append(
            DocumentInfo(document=name, sha256="", bytes=size, format=kind, status="left_out", reason=reason, detail=detail)
        )

    def unreadable(error: OSError) -> None:
        refuse(Path(error.filename), _cannot_read(error))

    for place, folders, files in os.walk(folder, onerror=unreadable):
        here = Path(place)
        closed = {name: refusal for name in folders if (refusal := _refusal_of_folder(here / name, folder))}
        for name, refusal in closed.items():
            refuse(here / name, refusal)
        folders[:] = sorted(set(folders) - set(closed))
        for name in files:
            path = here / name
            try:
                size = _checked_size(path, folder, largest_megabytes)
                found.append(Found(path, shown_name(path, folder), kind_by_name(path), size))
            except RefusedError as refusal:
                refuse(path, refusal, _size(path))
            except OSError as error:
                refuse(path, _cannot_read(error))
    return Findings(sorted(found, key=lambda file: file.document), sorted(refused, key=lambda info: info.document))


def check_size(size: int, largest_megabytes: int) -> None:
    """Refuse a file of more than `largest_megabytes`."""
    if size > largest_megabytes * 2**20:
        raise too_large(f"it is larger than {largest_megabytes} MB ({size / 2**20:,.0f} MB)")


def shown_name(path: Path, folder: Path) -> str:
    """A file's path below `folder` as text that can be printed and stored: one line, and Unicode only."""
    name = os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "backslashreplace")
    return "".join(repr(letter)[1:-1] if unicodedata.category(letter) in {"Cc", "Cs"} else letter for letter in name)


def _refusal_of_folder(path: Path, folder: Path) -> RefusedError | None:
    if path.is_symlink():
        return _linked(path, folder)
    if path.name.startswith(".") or path.name in _FOLDERS_OF_SYSTEMS:
        return RefusedError("hidden", "a hidden folder: not looked into", "rename it if it holds documents")
    return None


def _checked_size(path: Path, folder: Path, largest_megabytes: int) -> int:
    """Bytes of a file that may be opened."""
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise _linked(path, folder)
    if not stat.S_ISREG(status.st_mode):
        raise unsafe("no plain file, but a pipe, socket or device: reading it might never end")
    if path.name.startswith((".", _LOCK)) or path.name in _FILES_OF_SYSTEMS:
        raise RefusedError("hidden", "a hidden file, or one a program keeps for itself", "rename it if it is a document")
    if shown_name(path, folder) != path.relative_to(folder).as_posix():
        raise RefusedError("unsafe", "its name holds line breaks, control characters or broken letters", "rename it")
    if status.st_size == 0:
        raise RefusedError("empty", "the file is empty", "fetch it again, or leave it out")
    kind_by_name(path)
    check_size(status.st_size, largest_megabytes)
    return status.st_size


def _linked(path: Path, folder: Path) -> RefusedError:
    """Links are not followed: inside they give nothing new, outside they give what nobody put here."""
    try:
        inside = path.resolve(strict=True).is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        return RefusedError("broken", "a link that leads nowhere", "remove it, or put the file itself here")
    if inside:
        return RefusedError("duplicate", "a link to something in the same folder", "nothing need be done")
    return RefusedError("unsafe", "a link that leads out of the folder: not followed", "copy the file itself here")


def _cannot_read(error: OSError) -> RefusedError:
    return RefusedError("unreadable", f"cannot be read: {error.strerror or error}", "check that you may read it")


def _kind_or_nothing(path: Path) -> str:
    try:
        return kind_by_name(path)
    except RefusedError:
        return ""


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
