"""Regular expressions rewritten for automata, and made for ranges of numbers, match what they are said to."""

import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.text.automaton_regex import automaton_regex, literal
from anytasktune.text.number_ranges import holds_number, number_regex

bounds = st.integers(-3000, 3000).map(lambda number: number / 100)


@settings(deadline=None, max_examples=150)
@given(low=bounds, high=bounds, decimals=st.integers(0, 2))
def test_a_number_regex_matches_the_numbers_of_its_range_and_no_others(low: float, high: float, decimals: int) -> None:
    pattern = number_regex(low, high, decimals)
    unit = Decimal(1).scaleb(-decimals)
    near = {
        Decimal(str(edge)).quantize(unit) + step * unit for edge in (low, high, (low + high) / 2) for step in range(-12, 13)
    }
    for number in near:
        inside = Decimal(str(low)) <= number <= Decimal(str(high))
        written = f"{abs(number) if number == 0 else number}"
        assert bool(pattern and re.fullmatch(pattern, written)) == inside, (number, pattern)
    assert holds_number(low, high, decimals) == any(number_regex(low, high, count) for count in range(decimals + 1))


@pytest.mark.parametrize(
    ("pattern", "matched", "unmatched"),
    [
        (r"^[a-z]{2,3}\d$", ["ab1", "xyz9"], ["a1", "ab", "abcd1"]),
        (r"(?i)yes|no", ["YES", "no"], ["maybe"]),
        (r"[^\n]+[?？](\n[^\n]+？){1,2}", ["a?\nb？"], ["a?"]),
        (r"(?P<x>a(?:b|c)*?)-\.", ["abcb-.", "a-."], ["a-b"]),
    ],
)
def test_a_rewritten_pattern_matches_the_same_texts(pattern: str, matched: list[str], unmatched: list[str]) -> None:
    rewritten = automaton_regex(pattern)
    assert rewritten is not None
    assert all(re.fullmatch(rewritten, text) for text in matched)
    assert not any(re.fullmatch(rewritten, text) for text in unmatched)


@pytest.mark.parametrize("pattern", [r"(?=a)b", r"a(?!b).", r"(a)\1", r"a++b", r"\bword", r"a^b", r"(?a:\w)", r"(?m)^a"])
def test_what_no_automaton_can_do_is_not_rewritten(pattern: str) -> None:
    assert automaton_regex(pattern) is None


@settings(deadline=None)
@given(st.text())
def test_a_literal_matches_itself_only(text: str) -> None:
    assert re.fullmatch(literal(text), text)
    assert not re.fullmatch(literal(text), text + "x")
