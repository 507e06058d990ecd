"""The lines reviewers wrote: which of them hold, and what they come to together."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import ValidationError

from anytasktune.errors import DataError, Problem
from anytasktune.schema import Review

Status = Literal["accepted", "edited", "rejected", "disputed"]
_CONFLICT_MARKS = (b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")


@dataclass(frozen=True)
class Outcome:
    """What all reviewers together say of a candidate.

    Attributes:
        status: `accepted` as it was made, `edited`, `rejected`, or `disputed`: then it stays out until they agree.
        votes: the standing decision of each reviewer, by name, in the order of the names.
        edit: the edit that holds, if `status` is `edited`.
    """

    status: Status
    votes: Mapping[str, Review] = field(default_factory=dict)
    edit: Review | None = None

    @property
    def versions(self) -> list[tuple[str, str]]:
        """The different texts, input and output, that edits gave it, in the order of the reviewers' names."""
        return list(dict.fromkeys((vote.input, vote.output) for vote in self.votes.values() if vote.decision == "edit"))


def parse_lines(content: bytes, reviewer: str, where: str) -> list[Review]:
    """The lines of one reviewer's file. A last line without an end that is no whole record was cut off and is left out.

    Args:
        reviewer: whose file it is.
        where: its path, for messages.

    Raises:
        DataError: for lines that are no review, or another reviewer's; every one of them is named.
    """
    *whole, last = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    found: list[Review] = []
    problems: list[Problem] = []
    for number, line in enumerate([*whole, last], 1):
        if not line.strip():
            continue
        read = _parsed(line, reviewer, f"{where}:{number}")
        if isinstance(read, Review):
            found.append(read)
        elif number <= len(whole):
            problems.append(read)
    if problems:
        raise DataError(problems)
    return found


def _parsed(line: bytes, reviewer: str, where: str) -> Review | Problem:
    if line.startswith(_CONFLICT_MARKS):
        return Problem("a mark of a merge conflict", where, "keep the lines of both sides and remove the marks")
    try:
        review = Review.model_validate_json(line)
    except ValidationError as error:
        fix = "mend or remove that line; the other decisions stay"
        return Problem(f"not a line of a review: {error.errors()[0]['msg']}", where, fix)
    if review.reviewer != reviewer:
        fix = f"every reviewer has a file: move it to {review.reviewer}.jsonl"
        return Problem(f"a decision of {review.reviewer} in the file of {reviewer}", where, fix)
    return review


def holding(lines: Iterable[Review]) -> list[Review]:
    """The lines of one reviewer that hold, in their order: each `undo` takes back the last one before it that does."""
    stack: list[Review] = []
    for line in lines:
        if line.decision != "undo":
            stack.append(line)
        elif stack:
            stack.pop()
    return stack


def decisions(lines: Iterable[Review]) -> dict[str, Review]:
    """One reviewer's standing decision per candidate: the last that holds. To skip is no decision."""
    return {line.candidate: line for line in holding(lines) if line.decision != "skip"}


def first_decisions(lines: Iterable[Review]) -> dict[str, Review]:
    """One reviewer's first decision per candidate that holds."""
    found: dict[str, Review] = {}
    for line in holding(lines):
        if line.decision != "skip":
            found.setdefault(line.candidate, line)
    return found


def skipped(lines: Iterable[Review]) -> set[str]:
    """Candidates one reviewer put off and has not decided."""
    held = holding(lines)
    return {line.candidate for line in held} - {line.candidate for line in held if line.decision != "skip"}


def by_reviewer(lines: Iterable[Review]) -> dict[str, list[Review]]:
    """Lines of several reviewers, each reviewer's in their order; by name."""
    found: dict[str, list[Review]] = {}
    for line in lines:
        found.setdefault(line.reviewer, []).append(line)
    return dict(sorted(found.items()))


def outcomes(lines: Iterable[Review]) -> dict[str, Outcome]:
    """What the reviewers together say of each candidate that any of them decided.

    More rejections than not: rejected; as many: disputed. Otherwise it is in, in the version most of them want: as it was made
    (those who accepted it) or as one of the edits. An edit wins a tie with those who accepted: whoever accepts a text does
    not say it could not be better. Two edits that tie are a dispute.

    Args:
        lines: of any number of reviewers. How they are interleaved does not matter, only the order of each one's own.
    """
    standing = {reviewer: decisions(theirs) for reviewer, theirs in by_reviewer(lines).items()}
    decided = dict.fromkeys(candidate for theirs in standing.values() for candidate in theirs)
    return {
        candidate: _together({name: theirs[candidate] for name, theirs in standing.items() if candidate in theirs})
        for candidate in decided
    }


def _together(votes: Mapping[str, Review]) -> Outcome:
    said = Counter(vote.decision for vote in votes.values())
    inside = said["accept"] + said["edit"]
    if said["reject"] >= inside:
        return Outcome("rejected" if said["reject"] > inside else "disputed", votes)
    edits = Counter((vote.input, vote.output) for vote in votes.values() if vote.decision == "edit")
    most = max(edits.values(), default=0)
    if said["accept"] > most:
        return Outcome("accepted", votes)
    wanted = [version for version, count in edits.items() if count == most]
    if len(wanted) > 1:
        return Outcome("disputed", votes)
    held = next(vote for vote in votes.values() if vote.decision == "edit" and (vote.input, vote.output) == wanted[0])
    return Outcome("edited", votes, held)
