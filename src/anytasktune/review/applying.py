"""Gated candidates and what people said of them → the rows of a data set."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from anytasktune.errors import Problem
from anytasktune.review.gated import GatedRows, is_final
from anytasktune.review.review_log import Outcome, outcomes
from anytasktune.schema import Candidate, Review, Task
from anytasktune.scorers import explain_rules

Fate = Literal["unseen", "accepted", "edited", "rejected", "disputed", "refused", "repeated"]
"""What became of a candidate: nobody decided; one of the four outcomes; the decision cannot be carried out; another row says
the same."""


@dataclass(frozen=True)
class Refusal:
    """A decision that cannot be carried out, and why."""

    candidate: Candidate
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Reviewed:
    """What is left after review.

    Attributes:
        rows: kept candidates in their order, edited where they were, then those that came back.
        fates: number of kept candidates by what became of them; together they are all kept candidates.
        returned: number of dropped candidates that came back.
        disputed: candidates about which the reviewers do not agree; they are not in `rows`.
        refused: decisions that could not be carried out; their candidates are not in `rows`.
        unknown: number of decided candidates that are not in this set.
    """

    rows: list[Candidate]
    fates: dict[Fate, int]
    returned: int
    disputed: list[Candidate]
    refused: list[Refusal]
    unknown: int


@dataclass(frozen=True)
class _Decided:
    candidate: Candidate
    fate: Fate
    row: Candidate | None = None
    problems: tuple[Problem, ...] = ()


def reviewed(task: Task, gated: GatedRows, reviews: Iterable[Review]) -> Reviewed:
    """Carry out what people decided.

    Kept candidates stay unless they were rejected, are disputed, or their edit breaks the task's rules. Dropped ones come back
    when they were accepted or edited and keep the task's rules, unless the gate that dropped them cannot be overruled. No row
    comes in twice: an edited or returning candidate that says word for word what another row says is left out.
    """
    said = outcomes(reviews)
    kept = [_decided(task, gated, candidate, said.get(key)) for key, candidate in gated.kept_by_id.items()]
    dropped = gated.dropped_by_id.items()
    back = [_decided(task, gated, candidate, said[key]) for key, candidate in dropped if key in said]
    taken = {each.row.id for each in kept if each.row is each.candidate}
    kept = [each if each.row is each.candidate else _once(each, taken) for each in kept]
    back = [_once(each, taken) for each in back]
    fates: Counter[Fate] = Counter(each.fate for each in kept)
    fates["repeated"] += len(gated.kept) - len(kept)
    return Reviewed(
        rows=[each.row for each in (*kept, *back) if each.row],
        fates=dict(+fates),
        returned=sum(each.row is not None for each in back),
        disputed=[each.candidate for each in (*kept, *back) if each.fate == "disputed"],
        refused=[Refusal(each.candidate, each.problems) for each in (*kept, *back) if each.fate == "refused"],
        unknown=sum(gated.find(key) is None for key in said),
    )


def faults(task: Task, gated: GatedRows, candidate: Candidate, row: Candidate) -> tuple[Problem, ...]:
    """Why `row`, made of `candidate` by an edit or the candidate itself, cannot be a row of the data set; empty if it can."""
    dropping = gated.dropping(candidate.id)
    if dropping and is_final(dropping):
        return (Problem("it is too close to a dev or test row", fix="leave it out: what gives away the answer proves nothing"),)
    return tuple(explain_rules(task, row.input, row.output, row.language))


def edited(candidate: Candidate, input_text: str, output_text: str) -> Candidate:
    """The candidate with other texts; where it came from stays.

    Raises:
        ValueError: the input is empty.
    """
    if not input_text.strip():
        raise ValueError("the input is empty")
    return candidate.model_copy(update={"input": input_text, "output": output_text})


def _decided(task: Task, gated: GatedRows, candidate: Candidate, outcome: Outcome | None) -> _Decided:
    if outcome is None:
        return _Decided(candidate, "unseen", candidate)
    if outcome.status in {"rejected", "disputed"}:
        return _Decided(candidate, outcome.status)
    try:
        row = edited(candidate, outcome.edit.input, outcome.edit.output) if outcome.edit else candidate
    except ValueError as error:
        return _Decided(candidate, "refused", None, (Problem(str(error), fix="edit it again, or reject it"),))
    was_kept = candidate.id in gated.kept_by_id
    problems = () if was_kept and row is candidate else faults(task, gated, candidate, row)
    return _Decided(candidate, "refused", None, problems) if problems else _Decided(candidate, outcome.status, row)


def _once(decided: _Decided, taken: set[str]) -> _Decided:
    """The same, or without its row if that is among those `taken`, which grow."""
    if decided.row is None:
        return decided
    if decided.row.id in taken:
        return _Decided(decided.candidate, "repeated")
    taken.add(decided.row.id)
    return decided
