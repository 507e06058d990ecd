"""Patterns of users are refused or stopped within a bound that the message names."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.errors import ConfigError
from anytasktune.text.user_patterns import LONGEST_PATTERN, MOST_REPEATS, matches_whole, matches_within, pattern_fault


@pytest.mark.parametrize("pattern", ["(a|a)*$", "(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*a){20}", "(a+)+$"])
def test_a_pattern_that_backtracks_without_end_is_stopped_and_named(pattern: str) -> None:
    begin = time.process_time()
    with pytest.raises(ConfigError, match=re.escape(pattern)) as stopped:
        matches_whole(pattern, "a" * 20_000 + "!")
    assert time.process_time() - begin < 8
    assert "1 second" in str(stopped.value)


@pytest.mark.parametrize(
    "pattern",
    ["a{100000}", "a{99999999999}", "(a{1000}){1000}", "((a{1000}){1000}){1000}", "(?:[a-z]{0,1000}){1000}", "(ab{,300}){400}"],
)
def test_huge_repeats_are_refused_with_the_bound(pattern: str) -> None:
    assert str(MOST_REPEATS) in pattern_fault(pattern)


@pytest.mark.parametrize(
    "pattern", ["(" * 900 + ")" * 900, "[", "(?P<a>b)(?P<a>c)", "\\p{L}", "a**", "(?<=a+)b", "\\", "(?P<é"]
)
def test_what_is_no_pattern_of_python_is_refused(pattern: str) -> None:
    assert pattern_fault(pattern).startswith("pattern is ")


def test_a_long_pattern_is_refused_with_the_bound() -> None:
    assert str(LONGEST_PATTERN) in pattern_fault("a" * 300_000)


@given(st.text(alphabet="ab(){}[]|*+?^$\\.,0123-", max_size=30), st.text(alphabet="ab01 \n", max_size=20))
@settings(deadline=None)
def test_matches_are_those_of_the_re_module(pattern: str, text: str) -> None:
    if not pattern_fault(pattern):
        assert matches_whole(pattern, text) == bool(re.fullmatch(pattern, text))
        assert matches_within(pattern, text) == bool(re.search(pattern, text))


@given(st.text(max_size=60))
@settings(deadline=None)
def test_any_text_is_a_pattern_or_a_fault_in_words(pattern: str) -> None:
    fault = pattern_fault(pattern)
    assert not fault or len(fault) < 300
