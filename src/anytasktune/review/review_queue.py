"""Orders the candidates for a reviewer.

By turn: disputes, second opinions, the reviewer's own share, the shares of others, skipped candidates. Within a turn, those
whose review is likely to change something and to add information: a judge or gate was near its threshold, samples of the
teacher differ, the answer is not the one asked for, the wording is unlike that of candidates reviewed before, or few of
the kind were reviewed. The last two fall as the queue goes on, so the order is a greedy one, found lazily (Minoux 1978,
"Accelerated greedy algorithms for maximizing submodular set functions").
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anytasktune.ids import text_hash
from anytasktune.records import Language
from anytasktune.review.gated_rows import GatedRows, is_final
from anytasktune.review.review_log import group_by_reviewer, review_outcomes, skipped_candidates, standing_decisions
from anytasktune.schema import Candidate, Review, ReviewItem, ReviewOutcome, ReviewReason, Task, Verdict
from anytasktune.text.plain_text import normalise

Show = Literal["kept", "dropped", "disputed"]
"""Candidates to show: those that the gates kept, those they dropped, or those the reviewers do not agree on."""
Strengths = dict[ReviewReason, float]
"""Strength of each reason for reviewing a candidate, from 0 to 1."""

WEIGHTS: Mapping[ReviewReason, float] = {
    "from_use": 2.0,
    "border": 1.0,
    "judge_doubts": 1.0,
    "samples_differ": 1.0,
    "other_answer": 1.0,
    "novel": 0.5,
    "rare": 0.5,
}
_NAMED_FROM = 0.5
"""Least strength of a reason that is named."""
_ORDERED = 500
"""Candidates that are chosen each in view of those before; the others follow by their worth without any before."""
_POOL = 4 * _ORDERED
"""Candidates they are chosen from."""
_FEWEST_REVIEWED = 5
"""After fewer reviews everything is novel and rare, and that is not named."""
_TURN = 10.0
"""More than all reasons together: an earlier turn comes first."""
_GRAM: dict[Language, int] = {"en": 5, "zh": 2}
"""Characters per n-gram of the wording: about a word in either language."""
_READ = 400
"""Characters of an input whose wording is compared."""
_BUCKETS = 1 << 20
_FNV_START, _FNV_FACTOR = np.uint32(0x811C9DC5), np.uint32(0x01000193)  # of the FNV-1a hash


def review_queue(
    task: Task,
    gated: GatedRows,
    reviews: Iterable[Review],
    reviewer: str,
    *,
    show: Show = "kept",
    double_share: float = 0.2,
    limit: int | None = None,
) -> list[ReviewItem]:
    """The candidates for a reviewer, in the order of the module's docstring.

    A candidate for which one decision is enough is in the share of one of the reviewers there are, chosen by hash, so that
    people who work at the same time seldom do the same work; nothing stays undone if one of them is away. Deterministic, and
    independent of how the lines of different reviewers are interleaved.

    Args:
        double_share: share of the candidates that two people review, so that their agreement can be measured.
        limit: most candidates in the queue; None: all.
    """
    outcomes, choices = _choices(gated, reviews, reviewer, show, double_share)
    before = [found for key in sorted(outcomes) if (found := gated.find(key))]
    items = []
    for choice, named in islice(_best_first(task, choices, before), limit):
        outcome = outcomes.get(choice.key)
        first: tuple[ReviewReason, ...] = () if outcome is None else ("second_opinion",)
        first = ("disputed",) if outcome and outcome.status == "disputed" else first
        verdicts = tuple(choice.verdicts)
        items.append(ReviewItem(candidate=choice.candidate, reasons=(*first, *named), verdicts=verdicts, outcome=outcome))
    return items


def count_to_review(
    gated: GatedRows, reviews: Iterable[Review], reviewer: str, *, show: Show = "kept", double_share: float = 0.2
) -> int:
    """Number of candidates in the whole `review_queue`, without putting them in order."""
    return len(_choices(gated, reviews, reviewer, show, double_share)[1])


def _choices(
    gated: GatedRows, reviews: Iterable[Review], reviewer: str, show: Show, double_share: float
) -> "tuple[dict[str, ReviewOutcome], list[_Choice]]":
    """The outcomes so far, and the candidates that the reviewer is to see, with their turns."""
    lines = group_by_reviewer(reviews)
    outcomes = review_outcomes(review for theirs in lines.values() for review in theirs)
    own = lines.get(reviewer, [])
    shown = {"kept": gated.kept_by_id, "dropped": gated.dropped_by_id, "disputed": gated.kept_by_id | gated.dropped_by_id}[show]
    turns = _Turns(reviewer, sorted({*lines, reviewer}), outcomes, set(standing_decisions(own)), skipped_candidates(own))
    final = {verdict.candidate for verdict in gated.verdicts if is_final(verdict)}
    choices = []
    for key, candidate in shown.items():
        turn = turns.turn(key, double_share, only_disputed=show == "disputed")
        if turn is not None:
            turn = 5 if show == "dropped" and key in final and turn < 4 else turn
            choices.append(_Choice(key, candidate, gated.verdicts_of(key), turn))
    return outcomes, choices


@dataclass(frozen=True)
class _Turns:
    """Decides whether a reviewer sees a candidate, and how early.

    Attributes:
        reviewers: all who share the work.
        decided: candidates that the reviewer decided.
        skipped: candidates that the reviewer skipped.
    """

    reviewer: str
    reviewers: Sequence[str]
    outcomes: Mapping[str, ReviewOutcome]
    decided: set[str]
    skipped: set[str]

    def turn(self, key: str, double_share: float, *, only_disputed: bool) -> int | None:
        """0 is first; None: this reviewer need not see it."""
        outcome = self.outcomes.get(key)
        disputed = outcome is not None and outcome.status == "disputed"
        if only_disputed:
            return 0 if disputed else None
        wanted = 2 if int(text_hash(f"double {key}")[:8], 16) < double_share * 2**32 else 1
        if key in self.decided or (outcome and not disputed and len(outcome.votes) >= wanted):
            return None
        if key in self.skipped:
            return 4
        if outcome:
            return 0 if disputed else 1
        # rendezvous hashing: few candidates change hands when a reviewer joins
        owner = max(self.reviewers, key=lambda reviewer: text_hash(f"{reviewer} {key}"))
        return 2 if wanted > 1 or owner == self.reviewer else 3


@dataclass(frozen=True)
class _Choice:
    """A candidate, by id, that may be shown; those with a lower turn come first."""

    key: str
    candidate: Candidate
    verdicts: Sequence[Verdict]
    turn: int


class _Reviewed:
    """Kinds and wording of the candidates reviewed so far."""

    def __init__(self, task: Task) -> None:
        self.count = 0
        self._task = task
        self._kinds: Counter[str] = Counter()
        self._seen_grams = np.zeros(_BUCKETS, dtype=np.bool_)

    def add(self, candidate: Candidate) -> None:
        self.count += 1
        self._kinds.update(_kinds(self._task, candidate))
        self._seen_grams[_grams(candidate)] = True

    def strengths(self, candidate: Candidate) -> Strengths:
        """The reasons that weaken with every similar candidate reviewed."""
        grams = _grams(candidate)
        novelty = 1 - float(np.count_nonzero(self._seen_grams[grams])) / len(grams)
        rarity = [1 / (1 + self._kinds[kind]) for kind in _kinds(self._task, candidate)]
        return {"novel": novelty, "rare": sum(rarity) / len(rarity)}


def _best_first(
    task: Task, choices: Sequence[_Choice], before: Sequence[Candidate]
) -> Iterator[tuple[_Choice, tuple[ReviewReason, ...]]]:
    """All choices, best first, each with the reasons that are strong, the weightiest first.

    The first 500 are each chosen in view of what was reviewed `before` and of those ahead of it.
    """
    reviewed = _Reviewed(task)
    for candidate in before:
        reviewed.add(candidate)
    lasting = {choice.key: _lasting_strengths(task, choice.candidate, choice.verdicts) for choice in choices}
    novel: Strengths = {"novel": 1.0, "rare": 1.0}
    bounds = sorted((-_worth(each, lasting[each.key] | novel), each.key, place) for place, each in enumerate(choices))
    heap, rest = bounds[:_POOL], bounds[_POOL:]  # sorted, so a heap
    chosen = 0
    while heap and chosen < _ORDERED:
        _, key, place = heapq.heappop(heap)  # its worth some reviews ago; it can only have fallen since
        strengths = lasting[key] | reviewed.strengths(choices[place].candidate)
        now = (-_worth(choices[place], strengths), key, place)
        if heap and now > heap[0]:
            heapq.heappush(heap, now)
            continue
        yield choices[place], _strong(strengths if reviewed.count >= _FEWEST_REVIEWED else lasting[key])
        reviewed.add(choices[place].candidate)
        chosen += 1
    for _, key, place in sorted(heap) + rest:
        yield choices[place], _strong(lasting[key])


def _worth(choice: _Choice, strengths: Strengths) -> float:
    return sum(WEIGHTS[reason] * strength for reason, strength in strengths.items()) - _TURN * choice.turn


def _strong(strengths: Strengths) -> tuple[ReviewReason, ...]:
    named = [reason for reason, strength in strengths.items() if strength >= _NAMED_FROM]
    return tuple(sorted(named, key=lambda reason: -WEIGHTS[reason] * strengths[reason]))


def _kinds(task: Task, candidate: Candidate) -> tuple[str, ...]:
    """The kinds by which rarity counts: its origin and, where there is a closed list, the answer."""
    origin, parsed = f"origin {candidate.origin.kind}", task.parse(candidate.output, candidate.language)
    return (origin, f"answer {parsed.text}") if task.output.single_choice and parsed.ok else (origin,)


def _lasting_strengths(task: Task, candidate: Candidate, verdicts: Sequence[Verdict]) -> Strengths:
    """The reasons that lie in a candidate itself, those without strength left out."""
    doubts = [1 - verdict.score for verdict in verdicts if verdict.passed and verdict.score is not None]
    agreement, asked = candidate.origin.agreement, candidate.origin.cell.label.strip()
    is_other = bool(asked) and not task.output.facts(asked) <= task.output.facts(candidate.output.strip())
    strengths: Strengths = {
        "from_use": float(candidate.origin.kind in {"correction", "request"}),
        "border": max((verdict.border or 0.0 for verdict in verdicts), default=0.0),
        "judge_doubts": min(1.0, 2 * max(doubts, default=0.0)),
        "samples_differ": 0.0 if agreement is None else min(1.0, 2 * (1 - agreement)),
        "other_answer": float(is_other),
    }
    return {reason: strength for reason, strength in strengths.items() if strength}


def _grams(candidate: Candidate) -> NDArray[np.uint32]:
    """The character n-grams of its input as hashes; a text shorter than one is filled up with nulls."""
    length = _GRAM[candidate.language]
    text = normalise(candidate.input)[:_READ].ljust(length, "\0")
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    hashes = np.full(len(codes) - length + 1, _FNV_START, dtype=np.uint32)
    for offset in range(length):
        hashes = (hashes ^ codes[offset : offset + len(hashes)]) * _FNV_FACTOR
    return (hashes ^ (hashes >> np.uint32(15))) % np.uint32(_BUCKETS)
