"""Checksums of everything the program writes for itself: recorded with the content, compared whenever it is read.

A folder holds the SHA-256 of each of its files in `SHA256SUMS`, which `sha256sum --check` reads, too; a record holds that of
its own text in its last field. Content without a checksum was written by an older version and is taken as it is.
"""

import hashlib
import re
from pathlib import Path

from anytasktune.errors import DamagedError, StoreError
from anytasktune.ids import file_hash, text_hash

SUMS_FILE = "SHA256SUMS"
_FIELD = re.compile(rb',\n  "record_sha256": "([0-9a-f]{64})"\n}\n\Z')
_LINE = re.compile(r"([0-9a-f]{64})  ([^\0]+)")
_END = "\n}"
_OLD_FORM = re.compile(r"[0-9A-Za-z]{1,64}\n?")


def write_sums(folder: Path) -> None:
    """Record the SHA-256 of every file in a folder that is being made."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = "".join(f"{file_hash(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)
    (folder / SUMS_FILE).write_text(sums, encoding="utf-8", newline="\n")


def check_sums(folder: Path) -> None:
    """Compare the files of a folder with their recorded SHA-256.

    Raises:
        DamagedError: a file is gone or another one; it is named.
        StoreError: a file cannot be read.
    """
    sums = folder / SUMS_FILE
    if not sums.exists():
        return
    try:
        for line in sums.read_bytes().decode("utf-8", "replace").removesuffix("\n").split("\n"):
            entry = _LINE.fullmatch(line)
            if entry is None:
                raise damaged(sums)
            if not (folder / entry[2]).is_file():
                raise damaged(folder / entry[2], "the file is missing", folder)
            if file_hash(folder / entry[2]) != entry[1]:
                raise damaged(folder / entry[2], folder=folder)
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(f"cannot be read: {error.strerror or error}", where=str(error.filename or folder)) from None


def with_checksum(text: str) -> str:
    """The JSON object `text`, indented, with the SHA-256 of itself as its last field."""
    return f'{text[: -len(_END)]},\n  "record_sha256": "{text_hash(text)}"\n}}\n'


def without_checksum(content: bytes, path: Path) -> bytes:
    """The JSON object before its checksum was added; DamagedError if it is another one."""
    found = _FIELD.search(content)
    if found is None:
        return content
    text = content[: found.start()] + b"\n}"
    if hashlib.sha256(text).hexdigest().encode() != found[1]:
        raise damaged(path)
    return text


def reference_text(artifact_id: str) -> str:
    """Content of a reference to an artefact: its id and, in a second line, the checksum of the id."""
    return f"{artifact_id}\nsha256:{text_hash(artifact_id)[:16]}\n"


def referenced_id(content: bytes, path: Path) -> str:
    """The id a reference holds; DamagedError if it is not what was written."""
    text = content.decode("latin-1")
    artifact_id = text.partition("\n")[0]
    if text != reference_text(artifact_id) and not _OLD_FORM.fullmatch(text):
        raise damaged(path)
    return artifact_id


def damaged(path: Path, what: str = "the content does not match its checksum", folder: Path | None = None) -> DamagedError:
    """The error of a file, or of a file in a folder with checksums, that is not what was written."""
    whole = folder or (path.parent if (path.parent / SUMS_FILE).exists() else path)
    name = f"its folder {whole.name}" if whole != path else "it"
    fix = f"it was damaged or changed after it was made: delete {name} and run the command again that made it"
    return DamagedError(what, where=str(path), fix=fix)
