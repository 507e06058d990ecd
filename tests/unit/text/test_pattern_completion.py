"""Ends of texts that must match a pattern."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune.text.pattern_completion import PatternCompletion

PATTERNS = [
    r"[^\n]+[?？](\n[^\n]+[?？]){3,5}",
    r"([^\n]+[?？]\n){3,5}[^\n]+[?？]",
    r"[^\n]+(: |：)[^\n]+[?？]",
    r"[^\n?？]{10,159}\?|[^\n?？]{6,59}？",
    r"(?:(?:[^.!?。！？\n]|\.(?=\d))+(?:[?。？]|\.(?!\d)) ?){2,4}",
    r"(?i)yes: (?:a|b)*(?-i:END)",
    r"(?s)^Because .{5,} therefore .+$",
    r"\w+(?!\d) \S{2}",
    r"ab?c{2,}|x",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=st.text(alphabet="ab?c.: 1\n？。EN", max_size=12))
def test_whatever_can_still_match_is_made_to_match(pattern: str, text: str) -> None:
    ending = PatternCompletion.of(pattern)
    assert ending is not None
    assert re.fullmatch(pattern, ending.after("") or "")
    end = ending.after(text)
    if end is not None:
        assert re.fullmatch(pattern, text + end), repr(text + end)
    else:
        assert not re.fullmatch(pattern, text)
    for cut in range(len(text)):
        if (shorter := ending.after(text[:cut])) is not None:
            assert re.fullmatch(pattern, text[:cut] + shorter)


def test_ends_are_short_and_of_the_wanted_characters() -> None:
    ending = PatternCompletion.of(r"[^\n]+[?？](\n[^\n]+[?？]){1,2}")
    assert ending is not None
    assert ending.after("who is it") == "?\na?"
    assert ending.after("是谁", "无") == "?\n无?"
    assert ending.after("who?\nwhy?") == ""


@pytest.mark.parametrize("pattern", [r"a(?=b)c", r"[a&&b](?!\w)\w", r"x(?![\s\S])y"])
def test_patterns_that_nothing_matches_have_no_end(pattern: str) -> None:
    ending = PatternCompletion.of(pattern)
    assert ending is None or ending.after("") is None or re.fullmatch(pattern, ending.after("") or "")


@pytest.mark.parametrize("pattern", [r"(a)\1", r"(?<=a)b", r"a(?=bc)bc", r"a++b", r"(?:a{1000}){100}"])
def test_patterns_beyond_such_an_automaton_are_left_alone(pattern: str) -> None:
    assert PatternCompletion.of(pattern) is None
