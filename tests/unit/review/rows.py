"""Candidates, verdicts and reviews for tests of reviewing."""

from collections.abc import Sequence
from typing import Any

from anytasktune.records import Language
from anytasktune.review import GatedRows
from anytasktune.schema import Candidate, Cell, Origin, OriginKind, Review, Task, Verdict

TEAM = Task.model_validate(
    {
        "name": "team",
        "instruction": {"en": "Which team takes it?", "zh": "由哪个团队处理？"},
        "output": {"kind": "label", "labels": ["housing", "family", "work"]},
    }
)
REPLY = Task.model_validate(
    {
        "name": "reply",
        "instruction": {"en": "Answer in two sentences."},
        "output": {"kind": "text"},
        "rules": {"max_length": 200},
    }
)
_MATTERS = [
    "The landlord keeps the deposit although the flat was left clean.",
    "My boss has not paid the wages of the last two months.",
    "The father wants to see the child on weekends only.",
    "Heating has been broken since November and nobody answers letters.",
    "I was dismissed by telephone while I was ill.",
    "We live apart and cannot agree on the school.",
]


def candidate(
    number: int = 0,
    output: str = "housing",
    *,
    text: str = "",
    language: Language = "en",
    kind: OriginKind = "example",
    asked: str = "",
    agreement: float | None = None,
) -> Candidate:
    """The `number`-th matter, worded unlike the others."""
    wording = text or f"Matter {number}: {_MATTERS[number % len(_MATTERS)]}"
    origin = Origin(kind=kind, teacher="t", cell=Cell(label=asked), agreement=agreement)
    return Candidate(input=wording, output=output, language=language, origin=origin)


def candidates(count: int) -> list[Candidate]:
    labels = ("housing", "work", "family")
    return [candidate(number, labels[number % 3]) for number in range(count)]


def verdict(of: Candidate, gate: str = "judge", *, passed: bool = True, **more: Any) -> Verdict:
    return Verdict(candidate=of.id, position=0, gate=gate, passed=passed, **more)


def said(reviewer: str, decision: Any, of: Candidate | str = "", **more: str) -> Review:
    """A line of a review."""
    return Review(reviewer=reviewer, decision=decision, candidate=of if isinstance(of, str) else of.id, **more)


def edit(reviewer: str, of: Candidate, output: str) -> Review:
    return said(reviewer, "edit", of, input=of.input, output=output)


def gated(kept: Sequence[Candidate], dropped: Sequence[Candidate] = (), verdicts: Sequence[Verdict] = ()) -> GatedRows:
    return GatedRows(kept, dropped, verdicts)
