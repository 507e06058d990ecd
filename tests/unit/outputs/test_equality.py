"""Whether two answers say the same, by kind."""

from typing import Any

import pytest

from anytasktune.schema import Task
from anytasktune.synthesis.verify import is_plausible


def task_of(output: dict[str, Any]) -> Task:
    return Task.model_validate({"name": "t", "instruction": {"en": "Do it."}, "output": output})


LABEL = task_of({"kind": "label", "labels": ["yes", "no"]})
CLOSED = task_of({"kind": "labels", "labels": ["a", "b", "c"]})
PHRASES = task_of({"kind": "labels"})
NUMBER = task_of({"kind": "number", "minimum": 0, "maximum": 10, "decimals": 1})
TEXT = task_of({"kind": "text"})
SCHEMA = {"type": "object", "properties": {"level": {"enum": ["low", "high"]}, "why": {"type": "string"}}}
FORM = task_of({"kind": "json", "json_schema": SCHEMA})


@pytest.mark.parametrize(
    ("task", "first", "second", "same"),
    [
        (LABEL, "yes", "yes", True),
        (LABEL, "yes", "no", False),
        (CLOSED, "a; b", "b; a", True),
        (CLOSED, "a; b", "a", False),
        (PHRASES, "dull ache in the knee; swollen ankle", "ache in the knee; swollen ankle", True),
        (PHRASES, "dull ache in the knee", "fever since Monday", False),
        (NUMBER, "4.0", "4.4", True),
        (NUMBER, "4.0", "6.0", False),
        (TEXT, "Call the landlord and ask for the deposit.", "Ask the landlord for the deposit, call him.", True),
        (TEXT, "Call the landlord and ask for the deposit.", "Take two pills a day.", False),
        (FORM, '{"level": "low", "why": "no pain at all today"}', '{"why": "no pain today at all", "level": "low"}', True),
        (FORM, '{"level": "low", "why": "no pain at all today"}', '{"level": "high", "why": "no pain at all today"}', False),
        (FORM, '{"level": "low", "why": "no pain at all today"}', '{"level": "low"}', False),
        (FORM, '{"level": "low", "n": 3}', '{"level": "low", "n": 4}', False),
        (FORM, '{"level": "low"}', "no JSON", False),
    ],
)
def test_whether_two_answers_say_the_same_depends_on_the_kind(task: Task, first: str, second: str, same: bool) -> None:
    assert task.output.says_the_same(first, second, "en") is same
    assert task.output.says_the_same(second, first, "en") is same
    assert task.output.says_the_same(first, first, "en")


def test_an_answer_far_from_the_right_one_is_not_plausible() -> None:
    assert is_plausible(NUMBER, "8", "6")
    assert not is_plausible(NUMBER, "8", "2")
    assert not is_plausible(LABEL, "yes", "no")
    assert not is_plausible(TEXT, "Call the landlord and ask for the deposit.", "Yes.")
    assert not is_plausible(FORM, '{"level": "low", "why": "x"}', "no JSON")
