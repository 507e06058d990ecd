"""Passage sets, candidate runs and gated candidates on disk: a folder with a manifest and files of one record per line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from anytasktune.schema import Candidate, CandidateSet, FailedCandidate, GatedSet, Passage, PassageSet, UsedAnswer, Verdict
from anytasktune.store import (
    MANIFEST,
    ArtifactKind,
    Project,
    jsonl,
    read_hashed_rows,
    read_lines,
    read_manifest,
    read_record,
    read_ref,
    write_artifact_folder,
)

_PASSAGES, _CANDIDATES, _FAILED, _ANSWERS = "passages.jsonl", "candidates.jsonl", "failed.jsonl", "answers.jsonl"
_KEPT, _DROPPED, _VERDICTS = "kept.jsonl", "dropped.jsonl", "verdicts.jsonl"


@dataclass(frozen=True)
class Passages:
    """The passages read from a folder of documents."""

    manifest: PassageSet
    rows: list[Passage]

    @classmethod
    def load(cls, folder: Path) -> "Passages":
        """Read them back; DamagedError if a file was changed."""
        manifest = read_manifest(folder, PassageSet)
        return cls(manifest, read_hashed_rows(folder / _PASSAGES, Passage, manifest.sha256))

    def save(self, folder: Path) -> None:
        """Write them; the folder appears whole or not at all."""
        write_artifact_folder(folder, self.manifest, {_PASSAGES: jsonl(self.rows)})


@dataclass(frozen=True)
class CandidateRun:
    """The candidates of one run of generation or augmentation.

    Attributes:
        answers: those of the teacher that it rests on and no earlier run does.
    """

    manifest: CandidateSet
    candidates: list[Candidate]
    failed: list[FailedCandidate]
    answers: Sequence[UsedAnswer] = ()

    @classmethod
    def load(cls, folder: Path) -> "CandidateRun":
        """Read it back; DamagedError if a file was changed."""
        manifest = read_manifest(folder, CandidateSet)
        candidates = read_hashed_rows(folder / _CANDIDATES, Candidate, manifest.sha256)
        failed, answers = read_lines(folder / _FAILED, FailedCandidate), read_lines(folder / _ANSWERS, UsedAnswer)
        return cls(manifest, candidates, failed, answers)

    def save(self, folder: Path) -> None:
        """Write it; the folder appears whole or not at all."""
        files = {_CANDIDATES: jsonl(self.candidates), _FAILED: jsonl(self.failed), _ANSWERS: jsonl(self.answers)}
        write_artifact_folder(folder, self.manifest, files)


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

    @classmethod
    def load(cls, folder: Path) -> "GatedCandidates":
        """Read them back; DamagedError if a file was changed."""
        manifest = read_manifest(folder, GatedSet)
        kept = read_hashed_rows(folder / _KEPT, Candidate, manifest.sha256)
        return cls(manifest, kept, read_lines(folder / _DROPPED, Candidate), read_lines(folder / _VERDICTS, Verdict))

    def save(self, folder: Path) -> None:
        """Write them; the folder appears whole or not at all."""
        files = {_KEPT: jsonl(self.kept), _DROPPED: jsonl(self.dropped), _VERDICTS: jsonl(self.verdicts)}
        write_artifact_folder(folder, self.manifest, files)


PASSAGE_SETS = ArtifactKind(Passages.load, lambda folder, passages: passages.save(folder), lambda it: it.manifest.id)
CANDIDATE_RUNS = ArtifactKind(CandidateRun.load, lambda folder, run: run.save(folder), lambda run: run.manifest.id)
GATED_CANDIDATES = ArtifactKind(GatedCandidates.load, lambda folder, gated: gated.save(folder), lambda it: it.manifest.id)


def latest_gated(project: Project, task: str) -> GatedCandidates | None:
    """The result of the last run of the gates; None if there was none."""
    found = read_ref(project.gated(task))
    return GatedCandidates.load(project.gated(task) / found) if found else None


def passages_of(project: Project, gated: GatedSet, candidates: Iterable[Candidate]) -> dict[str, Passage]:
    """The passages of candidates, by id; those that do not exist any more are left out."""
    wanted = {candidate.origin.passage for candidate in candidates} - {None}
    manifests = [project.candidates(gated.task) / identity / MANIFEST for identity in gated.candidate_sets]
    sets = {read_record(path, CandidateSet).passages for path in manifests if wanted and path.exists()}
    folders = sorted(project.passages / identity for identity in sets if identity)
    rows = [row for folder in folders if folder.exists() for row in Passages.load(folder).rows]
    return {row.id: row for row in rows if row.id in wanted}
