"""The rows a teacher made for a task, gated and reviewed: which of them may be used now, and where each comes from."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from anytasktune.datasets import GeneratedPart, input_hash, join_made
from anytasktune.datasets.join_made import Joined
from anytasktune.datasets.split_assignment import receiving
from anytasktune.pipeline.candidate_runs import MANIFEST, hash_of_records, latest_gated
from anytasktune.pipeline.events import Listener
from anytasktune.pipeline.reviewing import passages_of, read_reviews
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
from anytasktune.store import Project, read_record

Splits = Mapping[SplitName, Sequence[Example]]
_LOST: dict[str, str] = {"rejected": "rejected", "disputed": "disputed", "refused": "edit_refused", "repeated": "duplicate"}
"""What people said → the reason such candidates are counted by as dropped."""


@dataclass(frozen=True)
class MadeMaterial:
    """What was made for a task and may be used.

    Attributes:
        gated: what the gates let through.
        candidates: the same, to look things up in.
        reviews: what people said of them.
        result: what came of that.
        sets: the candidate sets they come from.
        documents: which split the rows of a document go to, as sealed.
        passages: those that rows were made from, by id.
    """

    task: Task
    gated: GatedSet
    candidates: GatedRows
    reviews: Sequence[Review]
    result: ReviewedRows
    sets: Sequence[CandidateSet]
    documents: Mapping[str, SplitName]
    passages: Mapping[str, Passage]

    @property
    def rows(self) -> list[Candidate]:
        """The candidates to be used, edited where they were."""
        return self.result.rows

    @cached_property
    def key(self) -> list[str]:
        """What the made part of a data set depends on."""
        lineages = [self._lineage(row, "train") for row in self.rows]
        return [
            hash_of_records(self.rows),
            hash_of_records(lineages),
            *(f"{name} {split}" for name, split in self.documents.items()),
        ]

    def join(self, own: Splits, config: SplitConfig) -> Joined:
        """A split for every row; see `join_made`."""
        return join_made(self.task, own, self.rows, documents=self.documents, config=config)

    def part(self, joined: Joined, own: Splits, config: SplitConfig) -> GeneratedPart:
        """What a data set says of the rows that joined."""
        lineage = [self._lineage(self.rows[position], split) for position, split in joined.placed.items()]
        return GeneratedPart(self._facts(joined, divided=len(receiving(own, config)) > 1), lineage)

    def _facts(self, joined: Joined, *, divided: bool) -> GeneratedRows:
        passages = list(dict.fromkeys(made.passages for made in self.sets if made.passages))
        return GeneratedRows(
            gated=self.gated.id,
            candidate_sets=self.gated.candidate_sets,
            seals=list(dict.fromkeys(made.seal for made in self.sets)),
            passages=passages,
            teachers=list(dict.fromkeys(made.teacher for made in self.sets if made.teacher)),
            judge=self.gated.judge,
            rows=dict(Counter(joined.placed.values())),
            divided_by=("document" if self.documents else "passage") if divided else "",
            counts=self._counts(joined),
            decisions={str(fate): count for fate, count in self.result.fates.items()},
            usage=_total([*(made.usage for made in self.sets), self.gated.usage]),
        )

    def _counts(self, joined: Joined) -> CandidateCounts:
        """Those of the gates, carried on: what people and the division dropped, and what people took back."""
        dropped = Counter(self.gated.counts.dropped)
        for row in self.rows:
            verdict = self.candidates.dropping(self._candidate_of(row))
            if verdict is not None:
                dropped[verdict.gate] -= 1
        dropped.update({_LOST[fate]: count for fate, count in self.result.fates.items() if fate in _LOST})
        dropped.update(joined.reasons)
        return self.gated.counts.model_copy(update={"kept": len(joined.placed), "dropped": dict(+dropped)})

    def _lineage(self, row: Candidate, split: SplitName) -> Lineage:
        made_as = self._candidate_of(row)
        outcome, verdict = self._outcomes.get(made_as), self.candidates.dropping(made_as)
        passage = self.passages.get(row.origin.passage or "")
        return Lineage(
            example=row.id,
            split=split,
            candidate=made_as,
            gated=self.gated.id,
            origin=row.origin,
            decision="unseen" if outcome is None else "edited" if outcome.status == "edited" else "accepted",
            reviewers=tuple(outcome.votes) if outcome else (),
            overruled=verdict.gate if verdict else "",
            page=passage.page if passage else None,
            heading=passage.heading if passage else (),
            quote=_quote(row, passage),
        )

    def _candidate_of(self, row: Candidate) -> str:
        """Id of what a row was before it was edited."""
        return row.id if self.candidates.find(row.id) else self._edits.get((row.input, row.output), row.id)

    @cached_property
    def _outcomes(self) -> dict[str, ReviewOutcome]:
        return review_outcomes(self.reviews)

    @cached_property
    def _edits(self) -> dict[tuple[str, str], str]:
        edited = ((outcome.edit, key) for key, outcome in self._outcomes.items() if self.candidates.find(key))
        return {(edit.input, edit.output): key for edit, key in edited if edit is not None}


def made_material(project: Project, task: Task, own: Splits, listener: Listener) -> MadeMaterial | None:
    """What was made for `task`; None if nothing was, or if it may not be used with these test rows, which is noted.

    Raises:
        StoreError: a file is damaged.
        DataError: a line of a review is none.
    """
    found = latest_gated(project, task.name)
    if found is None:
        return None
    sets, seals = _sealed_sets(project, found.manifest)
    reason = _unusable(task.name, seals, own) if seals else "what it was made from is gone"
    if reason:
        listener.note(f"{task.name}: made rows are not used: {reason}; make them anew: anytasktune build {task.name}")
        return None
    documents = {name: split for fixed in seals for name, split in fixed.documents.get(task.name, {}).items()}
    candidates, reviews = GatedRows(found.kept, found.dropped, found.verdicts), read_reviews(project, task)
    result = apply_reviews(task, candidates, reviews)
    passages = passages_of(project, found.manifest, result.rows)
    return MadeMaterial(task, found.manifest, candidates, reviews, result, sets, documents, passages)


def _sealed_sets(project: Project, gated: GatedSet) -> tuple[list[CandidateSet], list[Seal]]:
    """The candidate sets behind a gated set and their seals; no seals if any of this is gone."""
    paths = [project.candidates(gated.task) / identity / MANIFEST for identity in gated.candidate_sets]
    sets = [read_record(path, CandidateSet) for path in paths if path.exists()]
    seals = [project.seals / f"{identity}.json" for identity in dict.fromkeys(made.seal for made in sets)]
    if len(sets) < len(paths) or not all(path.exists() for path in seals):
        return sets, []
    return sets, [read_record(path, Seal) for path in seals]


def _unusable(task: str, seals: Sequence[Seal], own: Splits) -> str:
    """Why rows made under these seals may not be used with the test rows there are now; empty if they may."""
    now = {input_hash(row.input) for row in own.get("test", ())}
    exposed = len(now - frozenset[str].intersection(*(frozenset(fixed.inputs.get(task, ())) for fixed in seals)))
    if exposed:
        return f"{exposed} of the {len(now)} test rows were not sealed when they were made, so a teacher may have seen them"
    placed: dict[str, str] = {}
    assigned = (pair for fixed in seals for pair in fixed.documents.get(task, {}).items())
    if any(placed.setdefault(name, split) != split for name, split in assigned):
        return "they were made under seals that divide the documents differently"
    return ""


def _quote(row: Candidate, passage: Passage | None) -> str:
    span = row.origin.span
    if span is None or passage is None or span.document != passage.span.document:
        return ""
    start = span.start - passage.span.start
    return passage.text[start : span.end - passage.span.start] if start >= 0 else ""


def _total(usages: Iterable[TeacherUsage]) -> TeacherUsage:
    every = list(usages)
    costs = [usage.cost for usage in every if usage.cost is not None]
    return TeacherUsage(
        requests=sum(usage.requests for usage in every),
        found=sum(usage.found for usage in every),
        prompt_tokens=sum(usage.prompt_tokens for usage in every),
        answer_tokens=sum(usage.answer_tokens for usage in every),
        cost=sum(costs) if costs else None,
        currency=next((usage.currency for usage in every if usage.currency), ""),
        seconds=sum(usage.seconds for usage in every),
    )
