"""Numbers by value, and answers that say the same."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune.schema import Task
from anytasktune.synthesis.verify import is_plausible
from anytasktune.text.numbers import amounts_in, figures_in, lost_figures


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("£1.5 million and 12 men", "1,500,000 pounds, a dozen men"),
        ("人民币186,400元，11月7日", "RMB 186,400 on 7 November"),
        ("押金3万元，住了2年", "a deposit of 30,000 and two years"),
        ("at 2.20 a.m.", "at 2:20 in the morning"),
        ("at 15:30", "下午三点30分"),
        ("４１０００元", "4.1万元"),
        ("27k a year", "twenty-seven thousand a year"),
        ("305 people", "three hundred and five people"),
        ("1200元", "一千二百元"),
        ("in 2024", "二〇二四年"),
    ],
)
def test_a_number_may_be_said_in_another_way(before: str, after: str) -> None:
    assert lost_figures(before, after) == []


def test_a_number_that_is_not_said_is_lost() -> None:
    assert lost_figures("he owes 450 since 3 May", "he owes money since May the third") == ["450"]
    assert lost_figures("押金3200元", "押金3300元") == ["3200元".rstrip("元")]


@given(st.text(max_size=200))
def test_any_text_can_be_read_for_numbers_and_keeps_its_own(text: str) -> None:
    assert set(figures_in(text).values()) <= amounts_in(text)
    assert lost_figures(text, text) == []


@given(st.text(alphabet="万亿千百十零一二三四五六七八九0123456789.,kKmMbn thousandmillion", max_size=300))
def test_endless_numerals_do_no_harm(text: str) -> None:
    assert all(isinstance(value, Decimal) for value in amounts_in(text))


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
def test_whether_two_answers_say_the_same_depends_on_the_kind_of_task(task: Task, first: str, second: str, same: bool) -> None:
    assert task.output.says_the_same(first, second, "en") is same
    assert task.output.says_the_same(second, first, "en") is same
    assert task.output.says_the_same(first, first, "en")


def test_an_answer_far_from_the_right_one_is_not_plausible() -> None:
    assert is_plausible(NUMBER, "8", "6")
    assert not is_plausible(NUMBER, "8", "2")
    assert not is_plausible(LABEL, "yes", "no")
    assert not is_plausible(TEXT, "Call the landlord and ask for the deposit.", "Yes.")
    assert not is_plausible(FORM, '{"level": "low", "why": "x"}', "no JSON")
