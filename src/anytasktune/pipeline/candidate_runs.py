"""Passages, candidates and gated candidates on disk: a folder with a manifest and files of one record per line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from anytasktune.errors import StoreError
from anytasktune.ids import text_hash
from anytasktune.schema import Candidate, CandidateSet, FailedCandidate, GatedSet, Passage, PassageSet, Verdict
from anytasktune.store import LATEST, Project, atomic_folder, read_lines, read_record, read_ref, write_atomic, write_record

MANIFEST = "manifest.json"
PASSAGES, CANDIDATES, FAILED = "passages.jsonl", "candidates.jsonl", "failed.jsonl"
KEPT, DROPPED, VERDICTS = "kept.jsonl", "dropped.jsonl", "verdicts.jsonl"
_CHANGED = "it was changed after it was made: delete the folder and run the command again"

AnyRecord = TypeVar("AnyRecord", bound=BaseModel)


@dataclass(frozen=True)
class Passages:
    """What was read from a folder of documents."""

    manifest: PassageSet
    rows: list[Passage]


@dataclass(frozen=True)
class Made:
    """One go of making candidates."""

    manifest: CandidateSet
    candidates: list[Candidate]
    failed: list[FailedCandidate]


@dataclass(frozen=True)
class GatedCandidates:
    """What the gates let through and what not.

    Attributes:
        verdicts: of the gates and the judge; `Verdict.position` counts through all candidates in the order they were gated.
    """

    manifest: GatedSet
    kept: list[Candidate]
    dropped: list[Candidate]
    verdicts: list[Verdict]


def lines_of_records(records: Iterable[BaseModel]) -> str:
    """One JSON line per record: equal records give equal bytes."""
    return "".join(record.model_dump_json(exclude_defaults=True) + "\n" for record in records)


def hash_of_records(records: Iterable[BaseModel]) -> str:
    """SHA-256 of the file these records give."""
    return text_hash(lines_of_records(records))


def save_passages(folder: Path, passages: Passages) -> None:
    """Write a passage set; the folder appears whole or not at all."""
    _save(folder, passages.manifest, {PASSAGES: passages.rows})


def load_passages(folder: Path) -> Passages:
    """Read a passage set back; StoreError if a file was changed."""
    manifest = read_record(folder / MANIFEST, PassageSet)
    return Passages(manifest, _checked(folder / PASSAGES, Passage, manifest.sha256))


def save_made(folder: Path, made: Made) -> None:
    """Write a candidate set; the folder appears whole or not at all."""
    _save(folder, made.manifest, {CANDIDATES: made.candidates, FAILED: made.failed})


def load_made(folder: Path) -> Made:
    """Read a candidate set back; StoreError if a file was changed."""
    manifest = read_record(folder / MANIFEST, CandidateSet)
    candidates = _checked(folder / CANDIDATES, Candidate, manifest.sha256)
    return Made(manifest, candidates, read_lines(folder / FAILED, FailedCandidate))


def save_gated(folder: Path, gated: GatedCandidates) -> None:
    """Write a gated set; the folder appears whole or not at all."""
    _save(folder, gated.manifest, {KEPT: gated.kept, DROPPED: gated.dropped, VERDICTS: gated.verdicts})


def load_gated(folder: Path) -> GatedCandidates:
    """Read a gated set back; StoreError if a file was changed."""
    manifest = read_record(folder / MANIFEST, GatedSet)
    kept = _checked(folder / KEPT, Candidate, manifest.sha256)
    return GatedCandidates(manifest, kept, read_lines(folder / DROPPED, Candidate), read_lines(folder / VERDICTS, Verdict))


def latest_gated(project: Project, task: str) -> GatedCandidates | None:
    """What the gates let through the last time, if anything was made for the task."""
    folder = project.gated(task)
    found = read_ref(folder, LATEST)
    return load_gated(folder / found) if found else None


def _save(folder: Path, manifest: BaseModel, files: dict[str, Sequence[BaseModel]]) -> None:
    if folder.exists():
        return
    with atomic_folder(folder) as temporary:
        for name, records in files.items():
            write_atomic(temporary / name, lines_of_records(records))
        write_record(temporary / MANIFEST, manifest)


def _checked(path: Path, record_type: type[AnyRecord], sha256: str) -> list[AnyRecord]:
    records = read_lines(path, record_type)
    if not path.exists() or text_hash(path.read_bytes().decode("utf-8", "replace")) != sha256:
        raise StoreError("the content does not match the manifest", where=str(path), fix=_CHANGED)
    return records
