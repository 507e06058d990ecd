"""Costs told before anything is asked."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.openai_server import completion, in_turn, serving

from anytasktune.llm import Expected, Question, Teacher, Tokens, expected_cost
from anytasktune.llm.costs import likely_tokens, most_prompt_tokens
from anytasktune.settings import TeacherConfig

PRICED = TeacherConfig(name="m", price_in=1.0, price_out=2.0, currency="CNY", answer_tokens=400)


def anything(value: Any) -> Any:
    return value


def asking(text: str, **more: Any) -> Question[Any]:
    return Question([{"role": "user", "content": text}], {"type": "object"}, anything, **more)


def test_the_likely_and_the_most_are_told_in_tokens_and_money() -> None:
    expected = expected_cost([asking("word " * 400), asking("词语" * 100)], PRICED)
    assert expected.requests == 2
    assert expected.likely.prompt == pytest.approx(500 + 140, abs=20)
    assert expected.likely.answer == 200
    assert expected.most.answer == 2 * 2 * 400
    assert expected.likely_cost == pytest.approx((expected.likely.prompt + 2 * expected.likely.answer) / 1e6)
    assert expected.most_cost == pytest.approx((expected.most.prompt + 2 * expected.most.answer) / 1e6)
    assert expected.currency == "CNY"


def test_without_prices_tokens_are_told() -> None:
    expected = expected_cost([asking("word")], TeacherConfig(name="m"))
    assert (expected.likely_cost, expected.most_cost, expected.currency) == (None, None, "")
    assert expected.most.prompt > expected.likely.prompt > 0
    assert expected_cost([], PRICED) == Expected(likely_cost=0.0, most_cost=0.0, currency="CNY")


def test_the_time_is_told_by_the_pace_of_the_teacher_or_by_a_guess_that_is_named() -> None:
    config = TeacherConfig(name="m", concurrency=10)
    asked = [Tokens(800, 120)] * 600
    assert "600 requests" in (said := expected_cost(asked, config).in_words(config))
    assert "about 5 min if 10 answers at a time take 5 s each" in said
    assert "about 20 min; cap none" in expected_cost(asked, config, pace=2.0).in_words(config)
    assert "about" not in expected_cost([], config).in_words(config).partition("tokens")[2]


def test_requests_that_are_only_planned_are_told_by_their_numbers() -> None:
    expected = expected_cost([Tokens(800, 120)] * 1000, PRICED)
    assert (expected.requests, expected.likely) == (1000, Tokens(800_000, 120_000))
    assert expected.most.answer == 2 * 400_000
    assert expected.likely_cost == pytest.approx(1.04)


def test_an_answer_one_knows_the_length_of_is_counted_as_such() -> None:
    assert expected_cost([asking("word")], PRICED, likely_answer=7).likely.answer == 7
    assert expected_cost([asking("word", max_tokens=16)], PRICED).likely.answer == 4


@given(st.text(max_size=300))
def test_the_most_is_never_less_than_the_likely(text: str) -> None:
    clean = text.encode("utf-8", "replace").decode()
    expected = expected_cost([asking(clean)], PRICED)
    assert expected.most.prompt > expected.likely.prompt
    assert most_prompt_tokens(clean.encode()) > likely_tokens(clean)


def test_what_is_asked_costs_no_more_than_the_most_and_is_not_expected_again(tmp_path: Path) -> None:
    questions = [asking(f"{place} 个词" * 20) for place in range(5)]
    with serving(in_turn(completion("no JSON"))) as served:
        teacher = Teacher.open(PRICED, {"OPENAI_BASE_URL": served.url}, tmp_path / "answers.sqlite")
        expected = teacher.expected(questions)
        assert expected == expected_cost(questions, PRICED)
        teacher.ask_all(questions[:4])
        assert teacher.expected(questions).requests == 1
    assert expected.most_cost is not None
    assert teacher.usage.cost is not None
    assert 0 < teacher.usage.cost < expected.most_cost
