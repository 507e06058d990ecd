"""Records on disk: one per file with its checksum, append-only logs, and JSON Lines checked against a hash."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from anytasktune.errors import DamagedError, StoreError
from anytasktune.ids import text_hash
from anytasktune.store.atomic import atomic_folder, disk_errors, locked, write_atomic
from anytasktune.store.checksums import check_sums, damaged, with_checksum, without_checksum

AnyRecord = TypeVar("AnyRecord", bound=BaseModel)
MANIFEST = "manifest.json"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def write_record(path: Path, record: BaseModel) -> None:
    """Write one record as indented JSON with its checksum, whole or not at all."""
    write_atomic(path, with_checksum(record.model_dump_json(indent=2)))


def read_record(path: Path, record_type: type[AnyRecord]) -> AnyRecord:
    """Read one record.

    Raises:
        DamagedError: it is not what was written, or of another version.
        StoreError: the file is missing or cannot be read.
    """
    return _parse(without_checksum(_read_bytes(path), path), record_type, path)


def read_manifest(folder: Path, record_type: type[AnyRecord]) -> AnyRecord:
    """Read the manifest of an artefact's folder, all of whose files must be as they were written; errors as `read_record`."""
    check_sums(folder)
    return read_record(folder / MANIFEST, record_type)


def append_line(path: Path, record: BaseModel) -> None:
    """Add one JSON line to an append-only log, while no other process does.

    A last line without `\\n` is mended first: a whole record is ended; half a record, which a crash left, is removed.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as stream, locked(stream):
            end = stream.seek(0, 2)
            stream.seek(max(0, end - 1))
            if stream.read(1) not in {b"", b"\n"}:
                stream.seek(0)
                content = stream.read()
                last = content[content.rfind(b"\n") + 1 :]
                if _is_whole(last, type(record)):
                    stream.write(b"\n")
                else:
                    stream.truncate(end - len(last))
            stream.write(record.model_dump_json().encode() + b"\n")
            stream.flush()


def log_lines(content: bytes, record_type: type[BaseModel]) -> list[tuple[int, bytes]]:
    """The lines of an append-only log that are not blank, each with its number from 1.

    A last line without `\\n` is left out unless it is a whole record: a crash cut it off.
    """
    *ended, last = content.removeprefix(_BYTE_ORDER_MARK).split(b"\n")
    lines = [(number, line) for number, line in enumerate(ended, 1) if line.strip()]
    return [*lines, (len(ended) + 1, last)] if _is_whole(last, record_type) else lines


def read_lines(path: Path, record_type: type[AnyRecord]) -> list[AnyRecord]:
    """All whole records of an append-only log; empty if there is no such file. See `log_lines` for a line cut off by a crash.

    Raises:
        StoreError: if another line is no such record; it is named.
    """
    lines = log_lines(_read_bytes(path), record_type) if path.exists() else []
    return [_parse(line, record_type, path, number) for number, line in lines]


def jsonl(records: Iterable[BaseModel]) -> str:
    """One JSON line per record, without fields at their default: equal records give equal text."""
    return "".join(record.model_dump_json(exclude_defaults=True) + "\n" for record in records)


def hash_of_rows(records: Iterable[BaseModel]) -> str:
    """SHA-256 of the file that `jsonl` gives."""
    return text_hash(jsonl(records))


def read_hashed_rows(path: Path, record_type: type[AnyRecord], sha256: str) -> list[AnyRecord]:
    """Read a file of one record per line that must have this SHA-256.

    Raises:
        DamagedError: it is not what was written; it is named.
        StoreError: the file is missing or cannot be read.
    """
    content = _read_bytes(path)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise damaged(path, "the content does not match the manifest")
    return [_parse(line, record_type, path, number) for number, line in enumerate(content.split(b"\n")[:-1], 1)]


def write_artifact_folder(folder: Path, manifest: BaseModel, files: Mapping[str, str]) -> None:
    """Write `manifest.json` and further files, by name; the folder appears whole or not at all."""
    with atomic_folder(folder) as temporary:
        for name, text in files.items():
            write_atomic(temporary / name, text)
        write_record(temporary / MANIFEST, manifest)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreError(f"cannot be read: {error.strerror or error}", where=str(path)) from None


def _parse(content: bytes, record_type: type[AnyRecord], path: Path, line: int | None = None) -> AnyRecord:
    try:
        return record_type.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = "".join(f"{part}: " for part in first["loc"])
        what = f"not a {record_type.__name__}: {field}{first['msg']}"
        if line is None:
            raise damaged(path, what) from None
        fix = "it was damaged or made by another version: delete the file and run the command again"
        raise DamagedError(what, where=f"{path}:{line}", fix=fix) from None


def _is_whole(line: bytes, record_type: type[BaseModel]) -> bool:
    try:
        record_type.model_validate_json(line)
    except ValidationError:
        return False
    return True
