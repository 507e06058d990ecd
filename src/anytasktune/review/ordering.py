"""What a person's look at a candidate is worth.

It is worth most where it is likely to change something and to say something new: where a judge or a gate was near its
threshold, where samples of the teacher did not agree, where the answer is not the one that was asked for, where the wording is
unlike what was looked at before, and where little of the kind was looked at. The last two fall as the queue goes on, so the
order is a greedy one, found lazily (Minoux 1978, "Accelerated greedy algorithms for maximizing submodular set functions").
"""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from anytasktune.review.novelty import Wording
from anytasktune.schema import Candidate, LabelOutput, LabelsOutput, Task, Verdict
from anytasktune.scorers.parse import parse_output

Ground = Literal["disputed", "second_opinion", "border", "judge_doubts", "samples_differ", "other_answer", "novel", "rare"]
"""Why a candidate is worth a look."""

Strengths = dict[Ground, float]
"""How strong each ground is, from 0 to 1."""

WEIGHTS: Mapping[Ground, float] = {
    "border": 1.0,
    "judge_doubts": 1.0,
    "samples_differ": 1.0,
    "other_answer": 1.0,
    "novel": 0.5,
    "rare": 0.5,
}
_NAMED_FROM = 0.5
"""A ground of at least this strength is named."""
_ORDERED = 500
"""So many are chosen each in view of those before it; the others come as they stand after these."""
_POOL = 4 * _ORDERED
"""They are chosen from so many."""
_LOOKS_TO_COMPARE = 5
"""After fewer looks everything is new and rare, and that need not be said."""
_TURN = 10.0
"""More than all grounds together: what comes in an earlier turn comes first."""


@dataclass(frozen=True)
class Choice:
    """A candidate that may be looked at.

    Attributes:
        key: its id.
        turn: those with a lower one come first.
    """

    key: str
    candidate: Candidate
    verdicts: Sequence[Verdict]
    turn: int = 0


def ordered(task: Task, choices: Sequence[Choice], before: Sequence[Candidate]) -> Iterator[tuple[Choice, tuple[Ground, ...]]]:
    """All choices, best first, each with the grounds for looking, the weightiest first.

    The first 500 are each chosen in view of what was looked at `before` and of those ahead of it.
    """
    looks = _Looks(task)
    for candidate in before:
        looks.add(candidate)
    lasting = {choice.key: _lasting(task, choice.candidate, choice.verdicts) for choice in choices}
    worth = sorted((-_bound(choice, lasting[choice.key]), choice.key, place) for place, choice in enumerate(choices))
    ahead, rest = worth[:_POOL], worth[_POOL:]  # sorted, so a heap
    for _ in range(min(_ORDERED, len(ahead))):
        choice, strengths = _best(ahead, choices, lasting, looks)
        named = strengths if looks.count >= _LOOKS_TO_COMPARE else lasting[choice.key]
        yield choice, _named(named)
        looks.add(choice.candidate)
    for _, _, place in sorted(ahead) + rest:
        yield choices[place], _named(lasting[choices[place].key])


class _Looks:
    """What was looked at so far."""

    def __init__(self, task: Task) -> None:
        self.count = 0
        self._task = task
        self._kinds: Counter[str] = Counter()
        self._wording = Wording()

    def add(self, candidate: Candidate) -> None:
        self.count += 1
        self._kinds.update(_kinds(self._task, candidate))
        self._wording.see(candidate)

    def passing(self, candidate: Candidate) -> Strengths:
        """The strength of the grounds that weaken with every look at something like it."""
        rarity = [1 / (1 + self._kinds[kind]) for kind in _kinds(self._task, candidate)]
        return {"novel": self._wording.novelty(candidate), "rare": sum(rarity) / len(rarity)}


def _best(
    heap: list[tuple[float, str, int]], choices: Sequence[Choice], lasting: Mapping[str, Strengths], looks: _Looks
) -> tuple[Choice, Strengths]:
    """Take the best out of the heap. What it says was true some looks ago; it can only have fallen since."""
    while True:
        _, key, place = heapq.heappop(heap)
        strengths = lasting[key] | looks.passing(choices[place].candidate)
        now = (-_worth(choices[place], strengths), key, place)
        if not heap or now <= heap[0]:
            return choices[place], strengths
        heapq.heappush(heap, now)


def _worth(choice: Choice, strengths: Strengths) -> float:
    return sum(WEIGHTS[ground] * strength for ground, strength in strengths.items()) - _TURN * choice.turn


def _bound(choice: Choice, lasting: Strengths) -> float:
    """What it is worth at most, as nothing like it was looked at."""
    return _worth(choice, lasting) + WEIGHTS["novel"] + WEIGHTS["rare"]


def _named(strengths: Strengths) -> tuple[Ground, ...]:
    named = [ground for ground, strength in strengths.items() if strength >= _NAMED_FROM]
    return tuple(sorted(named, key=lambda ground: -WEIGHTS[ground] * strengths[ground]))


def _kinds(task: Task, candidate: Candidate) -> tuple[str, ...]:
    """The kinds of which few or many were looked at: the way it was made and, where there is a closed list, the answer."""
    answer = parse_output(task, candidate.output, candidate.language).label
    kind = f"origin {candidate.origin.kind}"
    return (kind,) if answer is None else (kind, f"answer {answer}")


def _lasting(task: Task, candidate: Candidate, verdicts: Sequence[Verdict]) -> Strengths:
    """The strength, from 0 to 1, of the grounds that lie in a candidate itself; those of no strength are left out."""
    doubts = [1 - verdict.score for verdict in verdicts if verdict.passed and verdict.score is not None]
    agreement = candidate.origin.agreement
    strengths: Strengths = {
        "border": max((verdict.border or 0.0 for verdict in verdicts), default=0.0),
        "judge_doubts": min(1.0, 2 * max(doubts, default=0.0)),
        "samples_differ": 0.0 if agreement is None else min(1.0, 2 * (1 - agreement)),
        "other_answer": float(_answers_otherwise(task, candidate)),
    }
    return {ground: strength for ground, strength in strengths.items() if strength}


def _answers_otherwise(task: Task, candidate: Candidate) -> bool:
    """Whether the answer is not the one the plan asked for."""
    wanted = candidate.origin.cell.label
    if not wanted or not isinstance(task.output, LabelOutput | LabelsOutput):
        return False
    if isinstance(task.output, LabelOutput):
        return wanted.strip() != candidate.output.strip()
    asked, given = (parse_output(task, text, candidate.language).items for text in (wanted, candidate.output))
    return not set(asked) <= set(given)
