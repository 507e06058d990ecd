"""The judgement of one answer."""

from dataclasses import dataclass

from anytasktune.records import Language
from anytasktune.schema import Task
from anytasktune.scorers.metrics import item_value
from anytasktune.scorers.parse import parse_output
from anytasktune.scorers.rules import broken_rules


@dataclass(frozen=True)
class AnswerScore:
    """What a scorer says of one answer.

    Attributes:
        value: in the metric's own terms (see `item_value`).
        parsed: whether the answer has the form the task asks for.
        broken_rules: names of the rules it breaks.
    """

    value: float
    parsed: bool
    broken_rules: tuple[str, ...]


def score_answer(task: Task, input_text: str, reference: str, output: str, language: Language | None = None) -> AnswerScore:
    """Judge `output` as the answer of `task` to `input_text`, where `reference` is the right one.

    Args:
        language: of the example, where labels differ by language; None: the task's first.

    Raises:
        ValueError: a reference of a number task holds no number.
        ConfigError: the task's JSON Schema is no schema.
    """
    return AnswerScore(
        value=item_value(task, reference, output),
        parsed=parse_output(task, output, language).ok,
        broken_rules=tuple(broken_rules(task, input_text, output, language)),
    )
