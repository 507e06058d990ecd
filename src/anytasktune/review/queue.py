"""Which candidates a reviewer looks at, and when: disputes, second opinions, their own share, the shares of others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from anytasktune.ids import text_hash
from anytasktune.review.gated import GatedRows, is_final
from anytasktune.review.ordering import Choice, Ground, ordered
from anytasktune.review.review_log import Outcome, by_reviewer, decisions, outcomes, skipped
from anytasktune.schema import Candidate, Review, Task, Verdict


@dataclass(frozen=True)
class QueueConfig:
    """Whose queue it is, and of what.

    Attributes:
        reviewer: who looks.
        show: the candidates that the gates kept, those they dropped, or those the reviewers do not agree on.
        double_share: share of the candidates that two people look at, so that their agreement can be measured.
        limit: most candidates in the queue; None: all.
    """

    reviewer: str
    show: Literal["kept", "dropped", "disputed"] = "kept"
    double_share: float = 0.2
    limit: int | None = None


@dataclass(frozen=True)
class QueueItem:
    """A candidate to look at.

    Attributes:
        grounds: why, the weightiest first; empty where it is just one of many.
        verdicts: what gates and a judge said of it.
        outcome: what was decided so far, if anybody did.
    """

    candidate: Candidate
    grounds: tuple[Ground, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    outcome: Outcome | None = None


def review_queue(task: Task, gated: GatedRows, reviews: Iterable[Review], config: QueueConfig) -> list[QueueItem]:
    """What a reviewer sees, in this order: disputes, second opinions, their own share, the shares of others, what they put off.

    A candidate for which one decision is enough is in the share of one of the reviewers there are, chosen by hash, so that
    people who work at the same time seldom do the same work; nothing stays undone if one of them is away. Deterministic, and
    independent of how the lines of different reviewers are interleaved.
    """
    lines = by_reviewer(reviews)
    said = outcomes(line for theirs in lines.values() for line in theirs)
    mine = lines.get(config.reviewer, [])
    final = {verdict.candidate for verdict in gated.verdicts if is_final(verdict)}
    desk = _Desk(config, sorted({*lines, config.reviewer}), said, set(decisions(mine)), skipped(mine), final)
    shown = ((key, candidate, desk.turn(key)) for key, candidate in _shown(gated, config).items())
    choices = [Choice(key, each, gated.verdicts_of(key), turn) for key, each, turn in shown if turn is not None]
    before = [candidate for key in sorted(said) if (candidate := gated.find(key))]
    return [_item(choice, grounds, said) for choice, grounds in islice(ordered(task, choices, before), config.limit)]


def _item(choice: Choice, grounds: tuple[Ground, ...], said: Mapping[str, Outcome]) -> QueueItem:
    outcome = said.get(choice.key)
    return QueueItem(choice.candidate, (*_first_ground(outcome), *grounds), tuple(choice.verdicts), outcome)


def _shown(gated: GatedRows, config: QueueConfig) -> Mapping[str, Candidate]:
    if config.show == "disputed":
        return gated.kept_by_id | gated.dropped_by_id
    return gated.dropped_by_id if config.show == "dropped" else gated.kept_by_id


def _first_ground(outcome: Outcome | None) -> tuple[Ground, ...]:
    if outcome is None:
        return ()
    return ("disputed",) if outcome.status == "disputed" else ("second_opinion",)


@dataclass(frozen=True)
class _Desk:
    """Whose turn a candidate is."""

    config: QueueConfig
    reviewers: Sequence[str]
    said: Mapping[str, Outcome]
    decided: set[str]
    put_off: set[str]
    final: set[str]

    def turn(self, key: str) -> int | None:
        """0 is first; None: this reviewer need not look."""
        outcome = self.said.get(key)
        disputed = outcome is not None and outcome.status == "disputed"
        if self.config.show == "disputed":
            return 0 if disputed else None
        if key in self.decided or (outcome and not disputed and len(outcome.votes) >= self._wanted(key)):
            return None
        if key in self.put_off:
            return 4
        if key in self.final and self.config.show == "dropped":
            return 5
        if outcome:
            return 0 if disputed else 1
        return 2 if self._wanted(key) > 1 or self._owner(key) == self.config.reviewer else 3

    def _wanted(self, key: str) -> int:
        """How many people are to look at a candidate."""
        return 2 if int(text_hash(f"double {key}")[:8], 16) < self.config.double_share * 2**32 else 1

    def _owner(self, key: str) -> str:
        """In whose share it is: few candidates change hands when a reviewer joins (rendezvous hashing)."""
        return max(self.reviewers, key=lambda reviewer: text_hash(f"{reviewer} {key}"))
