"""Records of review: decisions on candidates, their outcome, the queue, and agreement."""

from typing import Literal

from pydantic import Field

from anytasktune.records import Name, Record
from anytasktune.schema.candidate import Candidate, Verdict

ReviewReason = Literal[
    "disputed", "second_opinion", "from_use", "border", "judge_doubts", "samples_differ", "other_answer", "novel", "rare"
]
"""Why a candidate is worth reviewing: reviewers disagree; a second reviewer is wanted; in use it was corrected or answered
unsurely; the decision of a judge or gate was close; the judge marks it low; samples of the teacher differ; the answer is not
the one that was asked for; its wording is new; few of its kind were reviewed."""

JUDGE = "judge"
"""The LLM judge as a rater."""
FEWEST_RATED = 30
"""From fewer items an agreement is no more than a hint."""
AgreementRemark = Literal["nothing_in_common", "one_answer", "too_few", "no_difference", "wide", ""]
"""Limit on what an agreement shows: no item in common; all ratings equal, so that chance explains everything; too few items; no
difference at all, so that the interval is too narrow; a wide interval."""


class Review(Record):
    """One line of `reviews/<task>/<reviewer>.jsonl`: a person's decision on a candidate.

    The file is only ever added to. An `undo` line takes back the last line that still holds or, with a candidate, the
    last one on that candidate.
    """

    reviewer: Name
    decision: Literal["accept", "edit", "reject", "skip", "undo"]
    candidate: str = ""
    """Its id; empty in an `undo` line that takes back the last one, whatever it was."""
    input: str = ""
    """After an edit."""
    output: str = ""
    """After an edit."""
    note: str = ""
    posted: str = ""
    """`WINDOW:NUMBER` of a decision made in a window of the studio, so that one posted twice is written once; else empty."""


class ReviewOutcome(Record):
    """The decisions of all reviewers on a candidate, taken together."""

    status: Literal["accepted", "edited", "rejected", "disputed"]
    """`disputed`: it stays out until the reviewers agree."""
    votes: dict[Name, Review] = Field(default_factory=dict)
    """Standing decision of each reviewer, in the order of their names."""
    edit: Review | None = None
    """The edit that holds, if `status` is `edited`."""

    @property
    def versions(self) -> list[tuple[str, str]]:
        """The different texts, input and output, that edits gave the candidate, in the order of the reviewers' names."""
        return list(dict.fromkeys((vote.input, vote.output) for vote in self.votes.values() if vote.decision == "edit"))


class ReviewItem(Record):
    """A candidate in a reviewer's queue."""

    candidate: Candidate
    reasons: tuple[ReviewReason, ...] = ()
    """Why it is worth reviewing, the weightiest first; empty for one of many."""
    verdicts: tuple[Verdict, ...] = ()
    """Of the gates and the judge."""
    outcome: ReviewOutcome | None = None
    """The decisions so far, if any."""


class Agreement(Record):
    """Agreement of some raters beyond chance."""

    raters: tuple[str, ...]
    items: int
    """Items that all of them rated."""
    observed: float | None = None
    """Share of equal pairs of ratings of an item; None without items."""
    kappa: float | None = None
    """1 is full agreement, 0 that of chance, below 0 less than chance; None where it is undefined."""
    low: float | None = None
    """Lower end of its 95 % interval; None where resampling gives none."""
    high: float | None = None
    remark: AgreementRemark = ""
