"""Passage sets, candidate runs and gated candidates on disk: a folder with a manifest and files of one record per line."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from anytasktune.schema import Candidate, CandidateSet, FailedCandidate, GatedSet, Passage, PassageSet, Verdict
from anytasktune.store import (
    MANIFEST,
    ArtifactKind,
    Project,
    jsonl,
    read_hashed_rows,
    read_lines,
    read_record,
    read_ref,
    write_artifact_folder,
)

_PASSAGES, _CANDIDATES, _FAILED = "passages.jsonl", "candidates.jsonl", "failed.jsonl"
_KEPT, _DROPPED, _VERDICTS = "kept.jsonl", "dropped.jsonl", "verdicts.jsonl"


@dataclass(frozen=True)
class Passages:
    """The passages read from a folder of documents."""

    manifest: PassageSet
    rows: list[Passage]


@dataclass(frozen=True)
class CandidateRun:
    """The candidates of one run of generation or augmentation."""

    manifest: CandidateSet
    candidates: list[Candidate]
    failed: list[FailedCandidate]


@dataclass(frozen=True)
class GatedCandidates:
    """The candidates that passed the gates, and those that did not.

    Attributes:
        verdicts: of the gates and the judge; `Verdict.position` counts through all candidates in the order they were gated.
    """

    manifest: GatedSet
    kept: list[Candidate]
    dropped: list[Candidate]
    verdicts: list[Verdict]


def _load_passages(folder: Path) -> Passages:
    manifest = read_record(folder / MANIFEST, PassageSet)
    return Passages(manifest, read_hashed_rows(folder / _PASSAGES, Passage, manifest.sha256))


def _save_passages(folder: Path, passages: Passages) -> None:
    write_artifact_folder(folder, passages.manifest, {_PASSAGES: jsonl(passages.rows)})


def _load_run(folder: Path) -> CandidateRun:
    manifest = read_record(folder / MANIFEST, CandidateSet)
    candidates = read_hashed_rows(folder / _CANDIDATES, Candidate, manifest.sha256)
    return CandidateRun(manifest, candidates, read_lines(folder / _FAILED, FailedCandidate))


def _save_run(folder: Path, run: CandidateRun) -> None:
    write_artifact_folder(folder, run.manifest, {_CANDIDATES: jsonl(run.candidates), _FAILED: jsonl(run.failed)})


def _load_gated(folder: Path) -> GatedCandidates:
    manifest = read_record(folder / MANIFEST, GatedSet)
    kept = read_hashed_rows(folder / _KEPT, Candidate, manifest.sha256)
    return GatedCandidates(manifest, kept, read_lines(folder / _DROPPED, Candidate), read_lines(folder / _VERDICTS, Verdict))


def _save_gated(folder: Path, gated: GatedCandidates) -> None:
    files = {_KEPT: jsonl(gated.kept), _DROPPED: jsonl(gated.dropped), _VERDICTS: jsonl(gated.verdicts)}
    write_artifact_folder(folder, gated.manifest, files)


PASSAGE_SETS = ArtifactKind(_load_passages, _save_passages, lambda passages: passages.manifest.id)
CANDIDATE_RUNS = ArtifactKind(_load_run, _save_run, lambda run: run.manifest.id)
GATED_CANDIDATES = ArtifactKind(_load_gated, _save_gated, lambda gated: gated.manifest.id)


def latest_gated(project: Project, task: str) -> GatedCandidates | None:
    """The result of the last run of the gates; None if there was none."""
    found = read_ref(project.gated(task))
    return GATED_CANDIDATES.load(project.gated(task) / found) if found else None


def passages_of(project: Project, gated: GatedSet, candidates: Iterable[Candidate]) -> dict[str, Passage]:
    """The passages of candidates, by id; those that do not exist any more are left out."""
    wanted = {candidate.origin.passage for candidate in candidates} - {None}
    manifests = [project.candidates(gated.task) / identity / MANIFEST for identity in gated.candidate_sets]
    sets = {read_record(path, CandidateSet).passages for path in manifests if wanted and path.exists()}
    folders = sorted(project.passages / identity for identity in sets if identity)
    rows = [row for folder in folders if folder.exists() for row in PASSAGE_SETS.load(folder).rows]
    return {row.id: row for row in rows if row.id in wanted}
