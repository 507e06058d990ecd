"""Reads reviewers' files and adds their decisions up to an outcome per candidate."""

from collections import Counter
from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from anytasktune.errors import DataError, Problem
from anytasktune.schema import Review, ReviewOutcome
from anytasktune.store import log_lines

_CONFLICT_MARKS = (b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")


def parse_reviews(content: bytes, reviewer: str, where: str) -> list[Review]:
    """The lines of one reviewer's file; see `store.log_lines` for a last line cut off by a crash.

    Args:
        reviewer: owner of the file.
        where: its path, for messages.

    Raises:
        DataError: for lines that are no review, or another reviewer's; every one of them is named.
    """
    found: list[Review] = []
    problems: list[Problem] = []
    for number, line in log_lines(content, Review):
        place = f"{where}:{number}"
        try:
            review = Review.model_validate_json(line)
        except ValidationError as error:
            if line.startswith(_CONFLICT_MARKS):
                problem = Problem("a mark of a merge conflict", place, "keep the lines of both sides and remove the marks")
            else:
                fix = "mend or remove that line; the other decisions stay"
                problem = Problem(f"not a line of a review: {error.errors()[0]['msg']}", place, fix)
            problems.append(problem)
            continue
        if review.reviewer != reviewer:
            fix = f"every reviewer has a file: move it to {review.reviewer}.jsonl"
            problems.append(Problem(f"a decision of {review.reviewer} in the file of {reviewer}", place, fix))
        found.append(review)
    if problems:
        raise DataError(problems)
    return found


def group_by_reviewer(reviews: Iterable[Review]) -> dict[str, list[Review]]:
    """Lines of several reviewers, each reviewer's in their order; by name."""
    found: dict[str, list[Review]] = {}
    for review in reviews:
        found.setdefault(review.reviewer, []).append(review)
    return dict(sorted(found.items()))


def remove_undone(reviews: Iterable[Review]) -> list[Review]:
    """The lines of one reviewer that still hold: each `undo` takes back the last one before it that does.

    An `undo` that names a candidate takes back the last line on that candidate: of two windows, each undoes its own.
    """
    stack: list[Review] = []
    for review in reviews:
        if review.decision != "undo":
            stack.append(review)
            continue
        undone = (at for at in reversed(range(len(stack))) if review.candidate in {"", stack[at].candidate})
        if (place := next(undone, None)) is not None:
            del stack[place]
    return stack


def standing_decisions(reviews: Iterable[Review], *, first: bool = False) -> dict[str, Review]:
    """One reviewer's last decision per candidate, or the `first` one, of those not undone. Skipping is no decision."""
    found: dict[str, Review] = {}
    for review in remove_undone(reviews):
        if review.decision != "skip" and not (first and review.candidate in found):
            found[review.candidate] = review
    return found


def skipped_candidates(reviews: Iterable[Review]) -> set[str]:
    """Candidates that one reviewer skipped and has not decided."""
    held = remove_undone(reviews)
    return {review.candidate for review in held} - {review.candidate for review in held if review.decision != "skip"}


def review_outcomes(reviews: Iterable[Review]) -> dict[str, ReviewOutcome]:
    """The outcome of each candidate that any reviewer decided.

    More rejections than other decisions: rejected; as many: disputed. Otherwise it is in, in the version most of them want: as
    it was made (those who accepted it) or as one of the edits. An edit wins a tie with those who accepted: accepting a text
    does not say it could not be better. Two edits that tie are a dispute.

    Args:
        reviews: of any number of reviewers. Only the order of each one's own lines matters.
    """
    standing = {reviewer: standing_decisions(theirs) for reviewer, theirs in group_by_reviewer(reviews).items()}
    decided = dict.fromkeys(candidate for theirs in standing.values() for candidate in theirs)
    return {
        candidate: _outcome({name: theirs[candidate] for name, theirs in standing.items() if candidate in theirs})
        for candidate in decided
    }


def _outcome(votes: Mapping[str, Review]) -> ReviewOutcome:
    counts = Counter(vote.decision for vote in votes.values())
    inside = counts["accept"] + counts["edit"]
    if counts["reject"] >= inside:
        return ReviewOutcome(status="rejected" if counts["reject"] > inside else "disputed", votes=dict(votes))
    edits = Counter((vote.input, vote.output) for vote in votes.values() if vote.decision == "edit")
    most = max(edits.values(), default=0)
    if counts["accept"] > most:
        return ReviewOutcome(status="accepted", votes=dict(votes))
    wanted = [version for version, count in edits.items() if count == most]
    if len(wanted) > 1:
        return ReviewOutcome(status="disputed", votes=dict(votes))
    edit = next(vote for vote in votes.values() if vote.decision == "edit" and (vote.input, vote.output) == wanted[0])
    return ReviewOutcome(status="edited", votes=dict(votes), edit=edit)
