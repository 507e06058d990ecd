"""The answer to one input in use, with what a person should know of it."""

from pydantic import Field

from anytasktune.records import Language, Name, Record
from anytasktune.schema.evaluation import Answer
from anytasktune.schema.run import AnswerThreshold
from anytasktune.settings import System


class AnswerViolation(Record):
    """A violation of an answer: a fault of its form, or a rule of the task that it breaks."""

    rule: str
    """Its name: a field of `Rules`, a fault of form such as `unknown_label`, or `truncated`."""
    what: str
    """The fault in a sentence, in the language of the input."""


class TaskAnswer(Record):
    """An answer, and what is known of how far to rely on it."""

    task: Name
    system: System
    version: str = ""
    """Id of the Task-LM's run, or of the linear model; empty for other systems."""
    in_production_since: str = ""
    """Day on which this version was promoted; empty for a version that was asked for, or where none is promoted."""
    language: Language
    answer: str
    probability: float | None = None
    """Label tasks: the probability of the answer among the labels."""
    probabilities: dict[str, float] | None = None
    """Label tasks: that of every label."""
    unsure: bool | None = None
    """Whether the probability is below the threshold; None where either is not known."""
    threshold: AnswerThreshold | None = None
    violations: list[AnswerViolation] = Field(default_factory=list)


class LoggedAnswer(Record):
    """A line of the log of a system's answers, from which a stopped command goes on."""

    input_id: str
    """Id of the example without an output."""
    answer: Answer
