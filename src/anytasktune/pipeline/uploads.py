"""Files given to a page: a data file that waits for its import, what came of it, and documents put into the project."""

import re
import unicodedata
from pathlib import Path

from anytasktune.documents import ENDINGS, READABLE
from anytasktune.errors import ConfigError, DataError
from anytasktune.ids import bytes_hash, content_id
from anytasktune.pipeline.importing import ROW_ENDINGS, Imported
from anytasktune.pipeline.own_rows import relative
from anytasktune.records import Artifact
from anytasktune.schema import DroppedRow, RowCounts
from anytasktune.store import Project, changing, disk_errors, read_record, write_atomic, write_record

_UPLOAD, _SOURCE, _RESULT = "upload.json", "source", "result.json"
_ID = re.compile(r"[0-9a-f]{12}")
_LONGEST_NAME = 120
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*/\\]')
_UNSAFE_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


class Upload(Artifact):
    """A data file that was uploaded and waits for its import."""

    id: str
    name: str
    """Its name on the user's machine; shown, never used as a path."""
    ending: str
    bytes: int


class ImportedUpload(Artifact):
    """The result of the import of an upload."""

    task: str
    command: list[str]
    """The command that does the same."""
    counts: RowCounts
    dropped: tuple[DroppedRow, ...]
    files: dict[str, int]
    """Rows each file of the project has now, by its path in the project."""
    notes: tuple[str, ...]


def keep_upload(project: Project, name: str, content: bytes) -> Upload:
    """Keep an uploaded data file in `artifacts/uploads`; the same file again is the same upload.

    Raises:
        DataError: its ending is not one that is read, or it is empty.
        StoreError: the disk does not take it.
    """
    shown = shown_name(name)
    ending = Path(shown).suffix.lower()
    if ending not in ROW_ENDINGS:
        fix = f"give one of these: {', '.join(sorted(ROW_ENDINGS))} (an older spreadsheet: save it as .xlsx or CSV UTF-8)"
        raise DataError(f"files ending in {ending or 'nothing'!r} cannot be read", where=shown, fix=fix)
    if not content:
        raise DataError("the file is empty", where=shown, fix="check that it was copied whole")
    upload = Upload(id=content_id([shown, bytes_hash(content)]), name=shown, ending=ending, bytes=len(content))
    folder = project.uploads / upload.id
    write_atomic(folder / f"{_SOURCE}{ending}", content)
    write_record(folder / _UPLOAD, upload)
    return upload


def find_upload(project: Project, upload_id: str) -> tuple[Upload, Path]:
    """An upload and the file that holds it; ConfigError if there is none."""
    record = project.uploads / upload_id / _UPLOAD
    if not _ID.fullmatch(upload_id) or not record.exists():
        raise ConfigError(f"there is no upload {upload_id[:40]!r}", where=str(project.uploads), fix="upload the file again")
    upload = read_record(record, Upload)
    return upload, record.with_name(f"{_SOURCE}{upload.ending}")


def keep_import(project: Project, upload: Upload, imported: Imported, command: list[str]) -> ImportedUpload:
    """Keep the result of an import beside its upload, with the file's own name in place of the kept one's path."""
    kept = str(project.uploads / upload.id / f"{_SOURCE}{upload.ending}")
    result = ImportedUpload(
        task=imported.task,
        command=command,
        counts=imported.counts,
        dropped=tuple(row.model_copy(update={"file": upload.name}) for row in imported.dropped),
        files={relative(project, path): count for path, count in imported.files.items()},
        notes=tuple(note.replace(kept, upload.name).replace(Path(kept).name, upload.name) for note in imported.notes),
    )
    write_record(project.uploads / upload.id / _RESULT, result)
    return result


def find_import(project: Project, upload_id: str) -> ImportedUpload:
    """The result of the import of an upload; ConfigError if it was not imported."""
    find_upload(project, upload_id)
    path = project.uploads / upload_id / _RESULT
    if not path.exists():
        raise ConfigError("this file was not imported yet", where=upload_id, fix="check the preview and import it")
    return read_record(path, ImportedUpload)


def add_document(project: Project, name: str, content: bytes) -> Path:
    """Put a document into the project's `documents/` under its name, without what no file may be called.

    Raises:
        DataError: its ending is not one that is read, or it is empty, or another document has that name.
        StoreError: the disk does not take it.
    """
    shown = shown_name(name)
    if Path(shown).suffix.lower() not in ENDINGS:
        raise DataError("this is no document that is read", where=shown, fix=f"give one of these: {READABLE}")
    if not content:
        raise DataError("the file is empty", where=shown, fix="check that it was copied whole")
    path = project.documents / shown
    with changing(project.root):
        if path.exists():
            with disk_errors(path):
                same = path.read_bytes() == content
            if same:
                return path
            fix = "rename the new one, or remove the old one from documents/"
            raise DataError("another document has this name", where=relative(project, path), fix=fix)
        write_atomic(path, content)
    return path


def shown_name(name: str) -> str:
    """The last part of a file's name in a form that is safe to show and to call a file.

    Raises:
        DataError: nothing is left of it.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    plain = "".join(letter for letter in last if unicodedata.category(letter) not in _UNSAFE_CATEGORIES)
    plain = _FORBIDDEN.sub("_", plain).strip(" .")
    stem, ending = Path(plain).stem[:_LONGEST_NAME], Path(plain).suffix[:12]
    if not stem:
        raise DataError("the file has no name", fix="rename it and upload it again")
    return f"{stem}{ending}"
