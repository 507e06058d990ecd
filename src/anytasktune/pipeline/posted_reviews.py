"""Decisions on candidates that a window posts: written in their order, each once, however often they are posted."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from anytasktune.errors import DataError, Problem
from anytasktune.pipeline.candidate_runs import passages_of
from anytasktune.pipeline.reviewing import ReviewSession, rows_to_review
from anytasktune.pipeline.rows_from_use import candidates_from_use
from anytasktune.records import Name, Record
from anytasktune.review import GatedRows
from anytasktune.schema import GatedSet, Passage, Task
from anytasktune.store import Project, changing, read_ref

MOST_POSTED = 200
"""Decisions in one request; a window with more posts the others afterwards."""
LONGEST_TEXT = 1_000_000
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]


class PostedDecision(Record):
    """A decision as a window posts it."""

    number: int = Field(ge=1)
    """Its place among the decisions of the window."""
    decision: Literal["accept", "edit", "reject", "skip", "undo"]
    candidate: Annotated[str, Field(max_length=64)] = ""
    """Its id; for `undo` that of the candidate whose last decision is taken back, or empty for the reviewer's last one."""
    input: Text | None = None
    """After an edit; None: unchanged."""
    output: Text | None = None
    """After an edit; None: unchanged."""
    note: Text = ""


class PostedDecisions(Record):
    """Decisions of one window that were not acknowledged yet."""

    window: str = Field(pattern=r"^[0-9a-f-]{8,64}$")
    reviewer: Name
    decisions: list[PostedDecision] = Field(max_length=MOST_POSTED)


class DecisionResult(Record):
    """Result of a posted decision; every decision is acknowledged by one."""

    number: int
    status: Literal["written", "known", "refused", "nothing_to_undo"]
    """`known`: it was written before."""
    candidate: str = ""
    """Id of the candidate; of an `undo`, the one whose decision was taken back."""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class CandidatesInMemory:
    """The candidates of a task with their passages, as they were read for a gated set.

    Attributes:
        key: identifies what was read.
    """

    key: tuple[object, ...]
    manifest: GatedSet | None
    gated: GatedRows
    passages: dict[str, Passage]


class CandidateShelf:
    """Candidates of tasks under review, kept in memory while they stay the same: a window asks for some at every key."""

    def __init__(self) -> None:
        self._held: dict[tuple[Project, str], CandidatesInMemory] = {}

    def take(self, project: Project, task: Task) -> CandidatesInMemory:
        """The candidates that were gated last, and the items from use; errors as `rows_to_review`."""
        from_use = tuple(candidate.id for candidate in candidates_from_use(project, task))
        key = (read_ref(project.gated(task.name)), from_use)
        held = self._held.get((project, task.name))
        if held is None or held.key != key:
            manifest, gated = rows_to_review(project, task)
            passages = passages_of(project, manifest, [*gated.kept, *gated.dropped]) if manifest else {}
            held = CandidatesInMemory(key, manifest, gated, passages)
            self._held[project, task.name] = held
        return held

    def session(self, project: Project, task: Task, reviewer: str) -> ReviewSession:
        """A session of a reviewer on candidates of the shelf; errors as `ReviewSession.open`."""
        held = self.take(project, task)
        return ReviewSession.open(project, task, reviewer, (held.manifest, held.gated))


def write_posted(shelf: CandidateShelf, project: Project, task: Task, posted: PostedDecisions) -> list[DecisionResult]:
    """Write the decisions of a window that are not in the reviewer's file yet, in the order of their numbers.

    A decision that cannot be applied is refused, and the others go on. All of it is done under the lock of the project's own
    files, so that two requests with the same decisions write them once.

    Raises:
        DataError: there are no candidates, or a line of a review is none.
        StoreError: the disk does not take a line; what was written before stays, and is known when it is posted again.
    """
    with changing(project.root):
        session = shelf.session(project, task, posted.reviewer)
        known = {line.posted for line in session.own}
        results = []
        for one in sorted(posted.decisions, key=lambda decision: decision.number):
            session.posted = f"{posted.window}:{one.number}"
            if session.posted in known:
                results.append(DecisionResult(number=one.number, status="known", candidate=one.candidate))
            else:
                results.append(_write(session, one))
        return results


def _write(session: ReviewSession, one: PostedDecision) -> DecisionResult:
    if one.decision == "undo":
        undone = session.undo(one.candidate)
        status: Literal["written", "nothing_to_undo"] = "written" if undone else "nothing_to_undo"
        return DecisionResult(number=one.number, status=status, candidate=undone.candidate if undone else one.candidate)
    try:
        decide(session, one)
    except DataError as error:
        return DecisionResult(number=one.number, status="refused", candidate=one.candidate, problems=error.problems)
    return DecisionResult(number=one.number, status="written", candidate=one.candidate)


def decide(session: ReviewSession, one: PostedDecision) -> None:
    """Write a decision on a candidate.

    Raises:
        DataError: there is no such candidate, or the decision cannot be applied.
    """
    candidate = session.gated.find(one.candidate)
    if candidate is None:
        fix = "load the page again: the candidates were made anew"
        raise DataError(f"there is no candidate {one.candidate!r} any more", where=f"task {session.task.name}", fix=fix)
    match one.decision:
        case "accept":
            session.accept(candidate)
        case "edit":
            input_text = candidate.input if one.input is None else one.input
            output_text = candidate.output if one.output is None else one.output
            session.edit(candidate, input_text, output_text, one.note)
        case "reject":
            session.reject(candidate, one.note)
        case _:
            session.skip(candidate)
