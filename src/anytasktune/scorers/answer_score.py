"""The score of one answer."""

from anytasktune.errors import Problem
from anytasktune.records import Language
from anytasktune.schema import Score, Task
from anytasktune.scorers.metrics import item_value


def score_answer(
    task: Task, input_text: str, reference: str, output: str, language: Language | None = None, example_id: str = ""
) -> Score:
    """Score `output` as the answer of `task` to `input_text`, where `reference` is the right one.

    Args:
        language: of the example, where labels differ by language; None: the task's first.
        example_id: of the example.

    Raises:
        ValueError: a reference of a number task holds no number.
        ConfigError: the task's JSON Schema is no schema.
    """
    return Score(
        example_id=example_id,
        value=item_value(task, reference, output),
        parsed=task.parse(output, language).ok,
        broken_rules=broken_rules(task, input_text, output, language),
    )


def broken_rules(task: Task, input_text: str, output: str, language: Language | None = None) -> list[str]:
    """Names of the faults of `output` as an answer of `task` to `input_text` (see `outputs.Violation`), each once.

    Raises:
        ConfigError: the task's JSON Schema is no schema.
    """
    return list(dict.fromkeys(violation.rule for violation in task.violations(input_text, output, language)))


def explain_rules(task: Task, input_text: str, output: str, language: Language | None = None) -> list[Problem]:
    """The same faults as sentences for the person whose row it is; `where` is left to the caller.

    Raises:
        ConfigError: the task's JSON Schema is no schema.
    """
    return [Problem(violation.what, fix=violation.fix) for violation in task.violations(input_text, output, language)]
