"""Marks by a rubric: those of an LLM judge and of people, and what they say of the systems of a report."""

from typing import Literal

from pydantic import Field

from anytasktune.records import Artifact, Language, Name, Record
from anytasktune.schema.interval import Interval
from anytasktune.schema.kept_answers import TeacherUsage
from anytasktune.settings import System

LOWEST_MARK, HIGHEST_MARK = 1, 5
"""Marks of one criterion."""
ENOUGH_HUMAN_MARKS = 20
"""With fewer marks of people nothing is said of the judge's errors."""
ENOUGH_OF_A_SYSTEM = 10
"""With fewer human marks of a system's own answers, the judge's error is taken from those of all systems."""
Choice = Literal["one", "other", "tie"]


def mean_mark(marks: list[int]) -> float:
    """Marks of several criteria as one number from 0 to 1."""
    return (sum(marks) / len(marks) - LOWEST_MARK) / (HIGHEST_MARK - LOWEST_MARK)


class HumanMark(Record):
    """A person's marks of one answer, a line of `marks/<task>/<reviewer>.jsonl`; a later one on the same answer replaces it."""

    reviewer: Name
    example: str
    """Id of the example."""
    output: str
    """The answer; whose it is, the person is not told."""
    marks: list[int] = Field(min_length=1)
    """1 to 5 per criterion of the rubric."""


class JudgedAnswer(Record):
    """A judge's marks of one answer."""

    example: str
    output: str
    marks: list[int] | None = None
    """1 to 5 per criterion of the rubric; None: there is no usable judgement, which is not a low mark."""
    reason: str = ""
    """In a sentence; without marks, what went wrong."""


class JudgedPair(Record):
    """Two answers to the same example, compared in both orders."""

    example: str
    one: str
    other: str
    first: Choice | None
    """The better one where `one` was shown first; None: not judged."""
    second: Choice | None
    """The better one where `one` was shown second."""


class Judgement(Artifact):
    """All that a judge said of the answers of a report to one task, with the human marks there were."""

    id: str
    task: Name
    judge: str
    """The model."""
    rubric: dict[Language, list[str]]
    answers: list[JudgedAnswer]
    repeated: list[JudgedAnswer]
    """Some of the same answers, each written twice in a row: longer, and no better."""
    pairs: list[JudgedPair]
    human: list[HumanMark]
    usage: TeacherUsage


class JudgeAgreement(Record):
    """The judge beside people, on answers both have marked."""

    answers: int
    correlation: float | None = None
    """Spearman's rho of the marks; None where one side gave the same mark throughout."""
    low: float | None = None
    high: float | None = None
    """Of its 95 % interval."""
    lenience: float = 0.0
    """Mean of the judge's marks minus those of people, from -1 to 1."""
    length_correlation: float | None = None
    """Spearman's rho of that difference with the length of the answer: above 0, longer answers are favoured."""


class JudgeAudit(Record):
    """Signs of bias."""

    pairs: int = 0
    """Pairs judged in both orders."""
    flipped: int = 0
    """Pairs in which another answer won when the order was swapped."""
    first_favoured: int = 0
    """Of these, pairs in which the answer shown first was better both times."""
    position_p: float = 1.0
    """That one place wins so much more often than the other by chance: sign test."""
    repeated: int = 0
    """Answers also judged written twice in a row."""
    raised: int = 0
    """Of these, answers whose mark rose by that."""
    lowered: int = 0
    length_p: float = 1.0
    """That so many more rose than fell by chance: sign test."""
    same_family: list[System] = Field(default_factory=list)
    """Systems whose base model is of the judge's own family, by its name."""
    agreement: JudgeAgreement | None = None
    """None with fewer than `ENOUGH_HUMAN_MARKS` answers marked by people."""

    @property
    def biased_by(self) -> list[Literal["position", "length"]]:
        """The biases that are shown at 5 %."""
        found: list[Literal["position", "length"]] = []
        found += ["position"] if self.position_p < 0.05 else []
        found += ["length"] if self.length_p < 0.05 and self.raised > self.lowered else []
        return found


class JudgedScore(Record):
    """The judge-scored mean of one system, from 0 to 1."""

    system: System
    score: Interval
    own_mean: float
    """Of the judge's marks as they are."""
    judged: int
    """Answers that count; an empty one has the lowest mark."""
    unjudged: int
    """Answers without a usable judgement, and those that a system failed to give; they are not counted as low marks."""
    human_marks: int
    correction: Literal["own", "pooled", "none"]
    """`own`: by human marks of this system's answers. `pooled`: by those of all systems. `none`: there are too few."""


class JudgedScores(Record):
    """Judge-scored results of one task; no verdict and no recommendation rests on them."""

    judgement: str
    """Id of the marks."""
    judge: str
    criteria: dict[Language, list[str]]
    human_marks: int
    """Answers that people have marked."""
    systems: list[JudgedScore]
    audit: JudgeAudit
