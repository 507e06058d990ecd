"""The generated rows of a task after gates and review: which may be used with the test rows of today, and their lineage."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from anytasktune.datasets import GeneratedPart, input_hash, join_generated
from anytasktune.datasets.join_generated import Joined
from anytasktune.datasets.split import splits_to_fill
from anytasktune.errors import counted
from anytasktune.pipeline.candidate_runs import latest_gated, passages_of
from anytasktune.pipeline.existing_candidates import made_for
from anytasktune.pipeline.reviewing import read_reviews
from anytasktune.pipeline.rows_from_use import candidates_from_use
from anytasktune.review import GatedRows, ReviewedRows, apply_reviews, review_outcomes
from anytasktune.schema import (
    Candidate,
    CandidateCounts,
    CandidateSet,
    Example,
    GatedSet,
    GeneratedRows,
    Lineage,
    Passage,
    Review,
    ReviewOutcome,
    Seal,
    SplitName,
    Task,
    TeacherUsage,
)
from anytasktune.settings import SplitConfig
from anytasktune.store import LATEST, MANIFEST, Project, hash_of_rows, read_record

Splits = Mapping[SplitName, Sequence[Example]]
_DROP_REASONS: dict[str, str] = {
    "rejected": "rejected",
    "disputed": "disputed",
    "refused": "edit_refused",
    "repeated": "duplicate",
}
"""Result of a review → reason the candidate is counted by as dropped."""

_NAMED = 5
"""Ids that are named in a note; of more, the first."""


@dataclass(frozen=True)
class UsableRows:
    """The generated rows of a task that may be used.

    Attributes:
        gated: the manifest of the gated candidates.
        candidates: the gated candidates by id.
        reviews: the lines of all reviewers.
        result: the candidates after review.
        runs: the manifests of the candidate runs.
        documents: document → split of its rows, as sealed.
        passages: the passages of rows, by id.
    """

    task: Task
    gated: GatedSet
    candidates: GatedRows
    reviews: Sequence[Review]
    result: ReviewedRows
    runs: Sequence[CandidateSet]
    documents: Mapping[str, SplitName]
    passages: Mapping[str, Passage]

    @property
    def rows(self) -> list[Candidate]:
        """The candidates to use, edited where reviewers edited them."""
        return self.result.rows

    @cached_property
    def key(self) -> list[str]:
        """Everything the generated part of a data set depends on."""
        lineages = [self._lineage(row, "train") for row in self.rows]
        assigned = [f"{name} {split}" for name, split in self.documents.items()]
        return [hash_of_rows(self.rows), hash_of_rows(lineages), *assigned]

    def join(self, own: Splits, config: SplitConfig) -> tuple[dict[SplitName, list[Example]], GeneratedPart]:
        """Own and generated rows together, and the facts and lineage of the generated ones; see `join_generated`."""
        joined = join_generated(self.task, own, self.rows, documents=self.documents, config=config)
        splits = {split: list(rows) for split, rows in own.items()}
        for position, split in joined.placed.items():
            splits.setdefault(split, []).append(self.rows[position].example())
        is_divided = len(splits_to_fill(own, config)) > 1
        facts = GeneratedRows(
            gated=self.gated.id,
            candidate_sets=self.gated.candidate_sets,
            seals=list(dict.fromkeys(run.seal for run in self.runs)),
            passages=list(dict.fromkeys(run.passages for run in self.runs if run.passages)),
            teachers=list(dict.fromkeys(run.teacher for run in self.runs if run.teacher)),
            judge=self.gated.judge,
            rows=dict(Counter(joined.placed.values())),
            split_by=("document" if self.documents else "passage") if is_divided else "",
            counts=self._counts(joined),
            decisions={str(fate): count for fate, count in self.result.fates.items()},
            usage=TeacherUsage.total([*(run.usage for run in self.runs), self.gated.usage]),
        )
        return splits, GeneratedPart(facts, [self._lineage(self.rows[at], split) for at, split in joined.placed.items()])

    def _counts(self, joined: Joined) -> CandidateCounts:
        """The counts of the gates, with what reviewers and the split dropped and what reviewers took back."""
        dropped = Counter(self.gated.counts.dropped)
        for row in self.rows:
            verdict = self.candidates.dropping(self._candidate_of(row))
            if verdict is not None:
                dropped[verdict.gate] -= 1
        dropped.update({_DROP_REASONS[fate]: count for fate, count in self.result.fates.items() if fate in _DROP_REASONS})
        dropped.update(joined.reasons)
        return self.gated.counts.model_copy(update={"kept": len(joined.placed), "dropped": dict(+dropped)})

    def _lineage(self, row: Candidate, split: SplitName) -> Lineage:
        candidate = self._candidate_of(row)
        outcome, verdict = self._outcomes.get(candidate), self.candidates.dropping(candidate)
        passage, span, quote = self.passages.get(row.origin.passage or ""), row.origin.span, ""
        if passage and span and span.document == passage.span.document and span.start >= passage.span.start:
            quote = passage.text[span.start - passage.span.start : span.end - passage.span.start]
        return Lineage(
            example=row.id,
            split=split,
            candidate=candidate,
            gated=self.gated.id,
            origin=row.origin,
            decision="unseen" if outcome is None else "edited" if outcome.status == "edited" else "accepted",
            reviewers=tuple(outcome.votes) if outcome else (),
            overruled=verdict.gate if verdict else "",
            page=passage.page if passage else None,
            heading=passage.heading if passage else (),
            quote=quote,
        )

    def _candidate_of(self, row: Candidate) -> str:
        """Id of the candidate before it was edited."""
        return row.id if self.candidates.find(row.id) else self._edited.get((row.input, row.output), row.id)

    @cached_property
    def _edited(self) -> dict[tuple[str, str], str]:
        """Texts after an edit → id of the candidate."""
        edited = ((outcome.edit, key) for key, outcome in self._outcomes.items() if self.candidates.find(key))
        return {(edit.input, edit.output): key for edit, key in edited if edit is not None}

    @cached_property
    def _outcomes(self) -> dict[str, ReviewOutcome]:
        return review_outcomes(self.reviews)


def usable_rows(project: Project, task: Task, own: Splits, note: Callable[[str], None]) -> UsableRows | None:
    """The generated rows of `task`; None if there are none, or if they may not be used with these test rows, which is noted.

    Raises:
        StoreError: a file is damaged.
        DataError: a line of a review is invalid.
    """
    found = latest_gated(project, task.name)
    if found is None:
        if (project.gated(task.name) / LATEST).exists():
            again = project.command("build", task.name)
            note(f"{task.name}: generated rows are not used: the gated candidates were deleted; make them again: {again}")
        return None
    paths = [project.candidates(task.name) / identity / MANIFEST for identity in found.manifest.candidate_sets]
    runs = [read_record(path, CandidateSet) for path in paths if path.exists()]
    seal_paths = [project.seals / f"{identity}.json" for identity in dict.fromkeys(run.seal for run in runs)]
    are_there = len(runs) == len(paths) and all(path.exists() for path in seal_paths)
    seals = [read_record(path, Seal) for path in seal_paths] if are_there else []
    assigned = [pair for fixed in seals for pair in fixed.documents.get(task.name, {}).items()]
    now = {input_hash(row.input) for row in own.get("test", ())}
    reason = ""
    if not seals:
        reason = "the candidates behind them do not exist any more"
    elif exposed := len(now - frozenset[str].intersection(*(frozenset(fixed.inputs.get(task.name, ())) for fixed in seals))):
        reason = f"{exposed} of the {len(now)} test rows were not sealed when they were made, so a teacher may have seen them"
    elif len(set(assigned)) > len(dict(assigned)):
        reason = "they were made under seals that divide the documents differently"
    if reason:
        again = project.command("build", task.name)
        note(f"{task.name}: generated rows are not used: {reason}; generate them again: {again}")
        return None
    if any(run.made_for not in {"", made_for(task)} for run in runs):
        again = project.command("build", task.name)
        note(f"{task.name}: generated rows were made for another instruction, output or rules; make others: {again}")
    candidates, reviews = GatedRows(found.kept, found.dropped, found.verdicts), read_reviews(project, task)
    result = apply_reviews(task, candidates, reviews)
    from_use = {candidate.id for candidate in candidates_from_use(project, task)}
    if unknown := sorted(key for key in review_outcomes(reviews) if key not in from_use and candidates.find(key) is None):
        named = ", ".join(unknown[:_NAMED]) + (", ..." if len(unknown) > _NAMED else "")
        what = (
            f"decisions on {counted(len(unknown), 'candidate')} are kept and not applied, because the candidates are not in use"
        )
        note(f"{task.name}: {what}: {named}")
    passages = passages_of(project, found.manifest, result.rows)
    return UsableRows(task, found.manifest, candidates, reviews, result, runs, dict(assigned), passages)
