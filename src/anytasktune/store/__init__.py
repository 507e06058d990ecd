"""The only module that knows where things lie in a project, and the only one that writes artefacts.

    my-firm/
      domain.yaml                     the Task Pool, edited by hand
      train.yaml                      optional: fields of TrainConfig
      interview.jsonl                 optional: what a practitioner answered, only ever added to
      build.yaml                      optional: fields of BuildConfig
  documents/                      optional: what data sets are made from
  data/<task>.jsonl              rows of a task, or data/<task>/{train,dev,test}.jsonl
  reviews/<task>/<reviewer>.jsonl what people said of candidates, only ever added to
      artifacts/                      everything made by the program; safe to delete, never edited
        datasets/<task>/<id>/         manifest.json, train.jsonl, dev.jsonl, test.jsonl
        datasets/<task>/from-<inputs> which data set some seeds gave; beside it, the rows of theirs that were dropped
        encoded/<task>/<id>.safetensors   rows as tokens, made again when they are gone
        runs/<task>/<id>/             run.json, metrics.jsonl, adapter/, checkpoint-*/ while it runs
        predictions/<task>/<id>.json
        reports/<id>/                 report.json, report.md, report.html
        teacher/                      what a teacher model was asked, answered and cost
        passages/<id>/                manifest.json, passages.jsonl: what was read from documents
        seals/<task>/<id>.json        the test rows, fixed before anything is made
        feasibility/<task>/<id>.json  how a teacher did on rows whose answers are known
        candidates/<task>/<id>/       manifest.json, candidates.jsonl, failed.jsonl
        gated/<task>/<id>/            manifest.json, kept.jsonl, dropped.jsonl, verdicts.jsonl

A file is written beside its place and moved there when it is complete; a folder likewise. So whatever exists is whole.
"""

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from anytasktune.errors import ConfigError, StoreError

AnyRecord = TypeVar("AnyRecord", bound=BaseModel)

DOMAIN_FILE = "domain.yaml"
TRAIN_FILE = "train.yaml"
BUILD_FILE = "build.yaml"
LATEST = "latest"
_LONGEST_ID = 64

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space, then run the same command again",
    errno.EDQUOT: "your disk quota is used up: free some space, then run the same command again",
    errno.EROFS: "the disk is read-only: copy the project to a folder you can write to",
    errno.EFBIG: "files may not get that large here: check `ulimit -f` and the file system",
    errno.EACCES: "you may not write here: check the folder's permissions or copy the project elsewhere",
    errno.EPERM: "you may not write here: check the folder's permissions or copy the project elsewhere",
}


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError on `path` into a StoreError that says what to do."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "check that the disk works and the path is right")
        in_the_way = next((place for place in path.parents if place.is_file()), None)
        if in_the_way:
            advice = f"{in_the_way} is a file and must be a folder: move it away"
        elif path.is_dir() and error.errno == errno.EISDIR:
            advice = f"{path.name} is a folder and must be a file: move it away"
        raise StoreError(f"cannot write: {error.strerror or error}", where=str(path), fix=advice) from error


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a whole file or nothing: a reader, or a crash, never sees half of it. Text is UTF-8 with `\\n`."""
    data = content.encode() if isinstance(content, str) else content
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _beside(path)
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


def _beside(path: Path) -> Path:
    """A new name in the same folder. Not from `tempfile`, whose files only their maker may read."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")


@contextlib.contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes `target` when the block ends well, and vanishes otherwise.

    If `target` exists by then (another process was faster), the one that is there stays.
    """
    with disk_errors(target):
        temporary = _beside(target)
        temporary.mkdir(parents=True)
    try:
        with disk_errors(target):
            yield temporary
            if not target.exists():
                temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def append_line(path: Path, record: BaseModel) -> None:
    """Add one JSON line to an append-only log."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(record.model_dump_json() + "\n")


def read_lines(path: Path, record_type: type[AnyRecord]) -> list[AnyRecord]:
    """All whole records of an append-only log; a last line cut off by a crash is left out.

    Raises:
        StoreError: if another line is no such record.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [_read(line, record_type, f"{path}:{number}") for number, line in enumerate(lines, 1) if line]


def write_record(path: Path, record: BaseModel) -> None:
    """Write one record as indented JSON, whole or not at all."""
    write_atomic(path, record.model_dump_json(indent=2) + "\n")


def read_record(path: Path, record_type: type[AnyRecord]) -> AnyRecord:
    """Read one record; StoreError when the file is missing, damaged or of another version."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"cannot be read: {error.strerror or error}", where=str(path)) from None
    return _read(content, record_type, str(path))


def _read(content: bytes, record_type: type[AnyRecord], where: str) -> AnyRecord:
    try:
        return record_type.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = "".join(f"{part}: " for part in first["loc"])
        fix = "it was damaged or made by another version: delete the file and run the command again"
        raise StoreError(f"not a {record_type.__name__}: {field}{first['msg']}", where=where, fix=fix) from None


def write_ref(folder: Path, name: str, artefact_id: str) -> None:
    """Make the pointer `folder/name` say which of the artefacts in `folder` is meant."""
    if read_ref(folder, name) != artefact_id:
        write_atomic(folder / name, artefact_id + "\n")


def read_ref(folder: Path, name: str = LATEST) -> str | None:
    """The id the pointer `folder/name` holds; None if there is no such pointer or the artefact is gone."""
    pointer = folder / name
    artefact_id = pointer.read_bytes().decode("ascii", "replace").strip() if pointer.is_file() else ""
    is_name = artefact_id.isalnum() and len(artefact_id) <= _LONGEST_ID
    return artefact_id if is_name and (folder / artefact_id).exists() else None


@dataclass(frozen=True)
class Project:
    """A project folder and the places in it."""

    root: Path

    @classmethod
    def open(cls, folder: Path | str) -> "Project":
        """The project in `folder`; ConfigError if there is no `domain.yaml` in it."""
        project = cls(Path(folder).resolve())
        if not project.domain_file.is_file():
            fix = "run `anytasktune init FOLDER` to make a project, or give one with --project"
            raise ConfigError(f"no project here: {DOMAIN_FILE} is missing", where=str(project.root), fix=fix)
        return project

    @property
    def domain_file(self) -> Path:
        return self.root / DOMAIN_FILE

    @property
    def train_file(self) -> Path:
        return self.root / TRAIN_FILE

    @property
    def interview_file(self) -> Path:
        return self.root / "interview.jsonl"

    @property
    def build_file(self) -> Path:
        return self.root / BUILD_FILE

    @property
    def documents(self) -> Path:
        return self.root / "documents"

    @property
    def artifacts(self) -> Path:
        return self.root / "artifacts"

    @property
    def teacher_answers(self) -> Path:
        return self.artifacts / "teacher"

    @property
    def reports(self) -> Path:
        return self.artifacts / "reports"

    def rows_file(self, task: str) -> Path:
        return self.root / "data" / f"{task}.jsonl"

    def rows_folder(self, task: str) -> Path:
        return self.root / "data" / task

    def datasets(self, task: str) -> Path:
        return self.artifacts / "datasets" / task

    def reviews(self, task: str) -> Path:
        """A file per reviewer."""
        return self.root / "reviews" / task

    @property
    def passages(self) -> Path:
        return self.artifacts / "passages"

    def seals(self, task: str) -> Path:
        return self.artifacts / "seals" / task

    def feasibility(self, task: str) -> Path:
        return self.artifacts / "feasibility" / task

    def candidates(self, task: str) -> Path:
        return self.artifacts / "candidates" / task

    def gated(self, task: str) -> Path:
        return self.artifacts / "gated" / task

    @property
    def encoded(self) -> Path:
        """Rows as tokens, a folder per task."""
        return self.artifacts / "encoded"

    def runs(self, task: str) -> Path:
        return self.artifacts / "runs" / task

    def predictions(self, task: str) -> Path:
        return self.artifacts / "predictions" / task
