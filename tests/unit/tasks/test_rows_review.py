"""What rows say about their task."""

import json
from typing import Any

import pytest
from tests.unit.tasks.pools import codes, english, placed, review, task

from anytasktune.schema import Task
from anytasktune.tasks.row_checks import broken_as_hand_over

GOODS = ("chair", "table", "shelf", "lamp")
ORDERS = [
    f"Order {4000 + 7 * n} of {GOODS[n % 4]}s came {n % 5 + 1} days late; I paid {19 + 3 * n}.50 euros." for n in range(16)
]
POLITE = "Answer the message of the customer politely."
TEXT = {"kind": "text"}
SHORT = {"rules": {"max_length": 400}}


def solve(output: dict[str, Any], answers: list[str], **more: Any) -> list[str]:
    """Why a program would do, if it is said."""
    asked = english("Write down what is asked for in this message, as it stands there.", output, **more)
    found = review(asked, rows=placed(list(zip(ORDERS, answers, strict=True))))
    return [finding.why for finding in found if finding.code == "regular_expression_solves"]


@pytest.mark.parametrize(
    ("answers", "how"),
    [
        (["no"] * 16, "always 'no'"),
        ([text.split()[1] for text in ORDERS], "the first number"),
        ([text.split()[-2] for text in ORDERS], "the last number"),
        (ORDERS, "the input itself"),
        ([text.split(";")[0] + ";" + text.split(";")[1] for text in ORDERS], "the input itself"),
    ],
)
def test_what_a_pattern_answers_needs_no_model(answers: list[str], how: str) -> None:
    (why,) = solve(TEXT, answers, **SHORT)
    assert how in why


def test_json_whose_every_field_is_a_pattern_needs_no_model_either() -> None:
    output = {"kind": "json", "json_schema": {"type": "object", "properties": {"order": {}, "paid": {}}}}
    answers = [json.dumps({"order": text.split()[1], "paid": text.split()[-2]}) for text in ORDERS]
    (why,) = solve(output, answers)
    assert "order: the first number, paid: the last number" in why
    mixed = [json.dumps({"order": text.split()[1], "paid": text.split()[3]}) for text in ORDERS]
    assert solve(output, mixed) == []


def test_a_label_that_stands_in_the_input_needs_no_model() -> None:
    output = {"kind": "label", "labels": list(GOODS)}
    assert solve(output, [GOODS[n % 4] for n in range(16)])
    assert solve(output, [GOODS[n // 4] for n in range(16)]) == []


def test_a_few_rows_say_nothing() -> None:
    rows = placed([(text, "no") for text in ORDERS[:5]])
    assert "regular_expression_solves" not in codes(review(english("Say no to this message.", TEXT, **SHORT), rows=rows))


def test_personal_data_is_an_error_at_its_row() -> None:
    rows = placed([("my number is 13812345678", "worried"), ("it is late", "cross")])
    (finding,) = [finding for finding in review(task(), rows=rows) if finding.code == "personal_data"]
    assert (finding.level, finding.place) == ("error", "data/task.jsonl:1")


@pytest.mark.parametrize(
    ("output", "answers", "code"),
    [
        (TEXT, ["yes", "no"] * 8, "other_kind"),
        (TEXT, [json.dumps({"place": text}) for text in ORDERS], "other_kind"),
        ({"kind": "labels"}, [f"item {n}" for n in range(16)], "other_kind"),
        ({"kind": "label", "labels": ["yes", "no"]}, ["yes"] * 11 + ["no"] * 5, "metric_misfit"),
    ],
)
def test_answers_of_another_kind_are_noticed(output: dict[str, Any], answers: list[str], code: str) -> None:
    rows = placed(list(zip(ORDERS, answers, strict=True)))
    assert code in codes(review(english("Answer yes or no to what the message asks for.", output), rows=rows))


def test_long_answers_essays_and_facts_from_nowhere_are_too_much() -> None:
    long = placed([(text, "word " * 300 + str(n)) for n, text in enumerate(ORDERS)])
    assert "too_much" in codes(review(english(POLITE, TEXT, **SHORT), rows=long))
    assert "too_much" in codes(review(english("Write an essay on the message of the customer.", TEXT, **SHORT)))
    invented = placed([(text, f"It will take {n + 77} days.") for n, text in enumerate(ORDERS)])
    assert "outside_facts" in codes(review(english(POLITE, TEXT, **SHORT), rows=invented))


def test_numbers_said_in_words_come_from_the_input() -> None:
    rows = placed([(f"{text} Wait three weeks.", f"It takes 3 weeks, {text[:5]}") for text in ORDERS])
    assert "outside_facts" not in codes(review(english(POLITE, TEXT, **SHORT), rows=rows))


def test_a_language_without_rows_is_noticed_and_rows_without_an_instruction_are_an_error() -> None:
    assert codes(review(task(), rows=placed([("it is late", "cross")]))) == ["language_without_rows"]
    rows = placed([("太晚了", "cross")], "zh")
    only_english = task(
        instruction={"en": task().instruction["en"]}, output={"kind": "label", "labels": ["glad", "cross", "worried"]}
    )
    assert ("language_missing", "error") in [(f.code, f.level) for f in review(only_english, rows=rows)]


SPLIT = english("Split it.", TEXT, rules={"min_items": 2, "max_items": 4, "pattern": "(?s).+\\n.+"})
FACTS = english(
    "Facts.", {"kind": "json", "json_schema": {"type": "array", "items": {"type": "string"}}}, rules={"max_items": 3}
)
MOOD = english("Mood?", {"kind": "label", "labels": ["glad", "cross"]})


@pytest.mark.parametrize(
    ("earlier", "text", "fits"),
    [
        (MOOD, "glad", True),
        (MOOD, "happy", False),
        (SPLIT, "the chair is late\nthe table is broken", True),
        (SPLIT, "the chair is late", True),  # one line at a time
        (SPLIT, "a\nb\nc\nd\ne", False),
        (FACTS, '["late", "broken"]', True),
        (FACTS, "late", True),  # one element at a time
        (FACTS, "[1]", False),
    ],
)
def test_a_chained_input_is_an_answer_of_the_earlier_step_or_one_item_of_it(earlier: Task, text: str, fits: bool) -> None:
    (row,) = placed([(text, "x")])
    assert (broken_as_hand_over(earlier, row) == []) == fits


def test_rows_that_do_not_go_on_from_the_earlier_step_are_errors_at_their_rows() -> None:
    reply = english(
        "Write a reply to a customer who is in the mood that is given.", TEXT, **SHORT, input_from="task", name="reply"
    )
    rows = placed([("glad", "Thank you!"), ("furious", "We are sorry.")])
    found = [f for f in review(MOOD, reply, rows=rows) if f.code == "unlike_handed_over"]
    assert [finding.place for finding in found] == ["data/task.jsonl:2"]
