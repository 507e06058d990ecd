"""Differences between a wrong answer and the reference, so that the errors of a system can be grouped."""

from dataclasses import dataclass
from typing import Literal

FaultKind = Literal["confused", "missed", "spurious", "wrong_value", "malformed", "too_low", "too_high"]
"""`confused`: one label instead of another. `missed`, `spurious`: an item or a field that only the reference, or only the
answer has. `wrong_value`: a field with another value. `malformed`: an answer that cannot be read. `too_low`, `too_high`: a
number."""


@dataclass(frozen=True, order=True)
class AnswerFault:
    """One difference between an answer and the reference.

    Attributes:
        kind: the kind of difference.
        expected: the label, item or field of the reference it is about; empty where the reference has none.
        given: the label, item or field of the answer; empty where the answer has none.
    """

    kind: FaultKind
    expected: str = ""
    given: str = ""


def set_faults(expected: frozenset[str], given: frozenset[str]) -> frozenset[AnswerFault]:
    """Members that are missing and members that are too many."""
    missed = {AnswerFault("missed", expected=name) for name in expected - given}
    return frozenset(missed | {AnswerFault("spurious", given=name) for name in given - expected})
