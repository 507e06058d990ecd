"""An instruction that is unclear, or says something else than its output and rules."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.tasks.pools import chinese, codes, english, review, task

WORDS = {"kind": "labels"}
FROM_3_TO_5 = {"rules": {"min_items": 3, "max_items": 5, "copies_from_input": True}}
STARS = {"kind": "number", "minimum": 1, "maximum": 5}
CARD = {
    "kind": "json",
    "json_schema": {
        "type": "object",
        "properties": {"article": {"type": "string"}, "due_date": {"type": "string"}},
        "required": ["article", "due_date"],
    },
}


def test_a_clear_task_gets_no_finding() -> None:
    assert review(task()) == []


@pytest.mark.parametrize(
    "text",
    [
        "Classify it: glad or cross.",
        "Read the message and list glad, cross, worried etc. as the mood of the customer.",
        "Read the message and answer glad, cross or worried as appropriate for this customer.",
    ],
)
def test_a_vague_instruction_is_named_with_what_is_vague(text: str) -> None:
    labels = {"kind": "label", "labels": ["glad", "cross"]}
    (finding,) = [finding for finding in review(english(text, labels)) if finding.code == "vague_instruction"]
    assert finding.instead
    assert finding.at == ("tasks", "task", "instruction", "en")


def test_a_vague_chinese_instruction_is_found() -> None:
    output = {"kind": "label", "labels": ["高兴", "生气"]}
    assert codes(review(chinese("判断留言情绪，回答高兴、生气等等，视情况而定。", output))) == ["vague_instruction"]
    assert "vague_instruction" in codes(review(chinese("高兴还是生气？", output)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Copy the 3 to 5 terms that matter most, separated by "; ".', []),
        ('Copy three to five terms that matter most, separated by "; ".', []),
        ('Copy the 3-5 terms that matter most, separated by "; ".', []),
        ('Copy the 2 to 4 terms that matter most, separated by "; ".', ["count_contradicts"]),
        ('Copy at most 4 terms that matter most, separated by "; ".', ["count_contradicts"]),
        ('Copy the words that matter most to a buyer, separated by "; ".', ["count_unsaid"]),
        ('Copy the words of the last 2 to 4 years that matter, separated by "; ".', ["count_unsaid"]),
    ],
)
def test_the_number_of_items_must_be_that_of_the_rules(text: str, expected: list[str]) -> None:
    assert codes(review(english(text, WORDS, **FROM_3_TO_5))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("从留言中摘出3至5个最重要的词，用“; ”隔开。", []),
        ("从留言中摘出三到五个最重要的词，用“；”隔开。", []),
        ("从留言中摘出4～6个最重要的词，用“; ”隔开。", ["count_contradicts"]),
        ("从留言中摘出最重要的词，照抄原文，用“; ”隔开。", ["count_unsaid"]),
    ],
)
def test_the_number_of_items_is_read_in_chinese_too(text: str, expected: list[str]) -> None:
    assert codes(review(chinese(text, WORDS, **FROM_3_TO_5))) == expected


def test_at_most_agrees_with_a_rule_that_has_no_least() -> None:
    text = 'List what the customer complains about, at most three items, separated by "; ".'
    assert review(english(text, WORDS, rules={"max_items": 3})) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How urgent is this message, from 1 (can wait) to 5 (today)?", []),
        ("How urgent is this message? Answer with a number from 1 to 10.", ["range_contradicts"]),
        ("How urgent is this message? Answer with the number only.", ["range_unsaid"]),
    ],
)
def test_the_range_of_a_number_must_be_that_of_the_output(text: str, expected: list[str]) -> None:
    assert codes(review(english(text, STARS))) == expected


def test_a_label_that_is_not_named_and_one_that_is_none_are_both_found() -> None:
    text = "Say which mood the message is in. Answer with exactly one of: glad, cross, angry."
    findings = review(english(text, {"kind": "label", "labels": ["glad", "cross", "worried"]}))
    assert {finding.code: finding.level for finding in findings} == {"label_unnamed": "error", "label_unknown": "error"}
    assert "worried" in findings[0].why
    assert "angry" in findings[1].why


def test_labels_are_looked_for_in_the_instruction_of_their_language() -> None:
    swapped = {"en": task().instruction["zh"], "zh": task().instruction["en"]}
    found = [finding for finding in review(task(instruction=swapped)) if finding.code == "label_unnamed"]
    assert [finding.at[-1] for finding in found] == ["en", "zh"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Copy the names of all articles, separated by ";".', []),
        ("Copy the names of all articles, separated by semicolons.", []),
        ('Copy the names of all articles, separated by ", ".', ["separator_contradicts"]),
        ("Copy the names of all articles, one per line.", ["separator_contradicts"]),
        ("Copy the names of all articles as they stand.", ["separator_unsaid"]),
    ],
)
def test_the_separator_must_be_that_of_the_output(text: str, expected: list[str]) -> None:
    assert codes(review(english(text, WORDS, rules={"copies_from_input": True}))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fill a JSON object with the keys article and due_date. Copy every value.", []),
        ("Fill a JSON object with the article and the day it is due.", [("key_unnamed", "error")]),
        ("Fill a JSON object with the keys article, due_date and unit_price.", [("key_unknown", "error")]),
    ],
)
def test_the_keys_must_be_those_of_the_schema(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(finding.code, finding.level) for finding in review(english(text, CARD))] == expected


def test_an_optional_key_that_is_not_named_is_only_advice() -> None:
    schema: dict[str, Any] = CARD["json_schema"] | {"required": ["article"]}  # type: ignore[operator]
    text = "Fill a JSON object with the key article, copied from the message."
    findings = review(english(text, {"kind": "json", "json_schema": schema}))
    assert [(finding.code, finding.level) for finding in findings] == [("key_unnamed", "advice")]


@given(st.text(max_size=60))
def test_no_instruction_makes_the_reviewer_stumble(text: str) -> None:
    if text.strip():
        review(english(text, WORDS, **FROM_3_TO_5))
        review(english(text, CARD))
        review(english(text, STARS))
