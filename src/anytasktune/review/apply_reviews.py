"""Applies reviews to gated candidates: the rows that go into a data set."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from anytasktune.errors import Problem
from anytasktune.review.gated_rows import GatedRows, is_final
from anytasktune.review.review_log import review_outcomes
from anytasktune.schema import Candidate, Review, ReviewOutcome, Task
from anytasktune.scorers import explain_rules

ReviewFate = Literal["unseen", "accepted", "edited", "rejected", "disputed", "refused", "repeated"]
"""Fate of a candidate: nobody decided; one of the four outcomes; its decision cannot be applied; another row has the
same text."""


@dataclass(frozen=True)
class RefusedDecision:
    """A decision that cannot be applied, and why."""

    candidate: Candidate
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class ReviewedRows:
    """Candidates after review.

    Attributes:
        rows: kept candidates in their order, edited where they were, then dropped ones that came back.
        fates: number of kept candidates by what became of them; together they are all kept candidates.
        returned: number of dropped candidates that came back.
        disputed: candidates about which the reviewers do not agree; they are not in `rows`.
        refused: decisions that could not be applied; their candidates are not in `rows`.
        unknown: number of decided candidates that are not in this set.
    """

    rows: list[Candidate]
    fates: dict[ReviewFate, int]
    returned: int
    disputed: list[Candidate]
    refused: list[RefusedDecision]
    unknown: int


@dataclass(frozen=True)
class _Applied:
    """A candidate, its fate, and the row it becomes, if any."""

    candidate: Candidate
    fate: ReviewFate
    row: Candidate | None = None
    problems: tuple[Problem, ...] = ()


def apply_reviews(task: Task, gated: GatedRows, reviews: Iterable[Review]) -> ReviewedRows:
    """Apply the outcomes of all reviews.

    Kept candidates stay unless they were rejected, are disputed, or their edit breaks the task's rules. Dropped ones come back
    when they were accepted or edited and keep the task's rules, unless the gate that dropped them cannot be overruled. No row
    comes in twice: an edited or returning candidate whose text equals that of another row is left out.
    """
    outcomes = review_outcomes(reviews)
    kept = [_apply(task, gated, candidate, outcomes.get(key)) for key, candidate in gated.kept_by_id.items()]
    back = [_apply(task, gated, candidate, outcomes[key]) for key, candidate in gated.dropped_by_id.items() if key in outcomes]
    taken = {each.row.id for each in kept if each.row is each.candidate}
    applied = [each if each.row is each.candidate else _without_repeat(each, taken) for each in kept]
    applied += [_without_repeat(each, taken) for each in back]
    fates: Counter[ReviewFate] = Counter(each.fate for each in applied[: len(kept)])
    fates["repeated"] += len(gated.kept) - len(kept)
    return ReviewedRows(
        rows=[each.row for each in applied if each.row],
        fates=dict(+fates),
        returned=sum(each.row is not None for each in applied[len(kept) :]),
        disputed=[each.candidate for each in applied if each.fate == "disputed"],
        refused=[RefusedDecision(each.candidate, each.problems) for each in applied if each.fate == "refused"],
        unknown=sum(gated.find(key) is None for key in outcomes),
    )


def row_problems(task: Task, gated: GatedRows, candidate: Candidate, row: Candidate) -> tuple[Problem, ...]:
    """Why `row`, an edit of `candidate` or the candidate itself, cannot be a row of the data set; empty if it can."""
    dropping = gated.dropping(candidate.id)
    if dropping and is_final(dropping):
        return (Problem("it is too close to a dev or test row", fix="leave it out: an answer given away proves nothing"),)
    return tuple(explain_rules(task, row.input, row.output, row.language))


def edit_candidate(candidate: Candidate, input_text: str, output_text: str) -> Candidate:
    """The candidate with other texts and the same origin.

    Raises:
        ValueError: the input is empty.
    """
    if not input_text.strip():
        raise ValueError("the input is empty")
    return candidate.model_copy(update={"input": input_text, "output": output_text})


def _apply(task: Task, gated: GatedRows, candidate: Candidate, outcome: ReviewOutcome | None) -> _Applied:
    if outcome is None:
        return _Applied(candidate, "unseen", candidate)
    if outcome.status in {"rejected", "disputed"}:
        return _Applied(candidate, outcome.status)
    try:
        row = edit_candidate(candidate, outcome.edit.input, outcome.edit.output) if outcome.edit else candidate
    except ValueError as error:
        return _Applied(candidate, "refused", None, (Problem(str(error), fix="edit it again, or reject it"),))
    was_kept = candidate.id in gated.kept_by_id
    problems = () if was_kept and row is candidate else row_problems(task, gated, candidate, row)
    return _Applied(candidate, "refused", None, problems) if problems else _Applied(candidate, outcome.status, row)


def _without_repeat(applied: _Applied, taken: set[str]) -> _Applied:
    """The same, or without its row if that is among the ids `taken`, which grow."""
    if applied.row is None:
        return applied
    if applied.row.id in taken:
        return _Applied(applied.candidate, "repeated")
    taken.add(applied.row.id)
    return applied
