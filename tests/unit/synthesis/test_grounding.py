"""Quotes are found exactly where they stand, or not at all."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune.schema import Passage, Span
from anytasktune.synthesis.excerpts import excerpts, quoted_span, text_at

TEXT = "Employees accrue fifteen days\nof paid leave.  A manager may refuse once. Unused days lapse in March."
PASSAGE = Passage(span=Span(document="a/b.txt", start=500, end=500 + len(TEXT)), text=TEXT, language="en")
CHINESE = "职工连续工作一年以上的，享受带薪年\n休假。用人单位应当支付工资。"
ZH = Passage(span=Span(document="劳动法.txt", start=7, end=7 + len(CHINESE)), text=CHINESE, language="zh")


@pytest.mark.parametrize(
    ("quote", "stands"),
    [
        ("fifteen days of paid leave", "fifteen days\nof paid leave"),
        ("“A manager may refuse once.”", "A manager may refuse once."),
        (" Unused   days lapse ", "Unused days lapse"),
    ],
)
def test_a_quote_is_found_whatever_its_white_space(quote: str, stands: str) -> None:
    span = quoted_span(PASSAGE, quote)
    assert span is not None
    assert span.document == "a/b.txt"
    assert text_at(PASSAGE, span) == stands
    assert TEXT[span.start - 500 : span.end - 500] == stands


def test_a_chinese_word_broken_over_two_lines_is_found() -> None:
    span = quoted_span(ZH, "享受带薪年休假")
    assert span is not None
    assert text_at(ZH, span) == "享受带薪年\n休假"


@pytest.mark.parametrize("quote", ["", "days", "a manager may refuse once", "sixteen days of paid leave", "休假", "“”"])
def test_what_does_not_stand_there_or_could_stand_anywhere_is_no_quote(quote: str) -> None:
    assert quoted_span(PASSAGE, quote) is None
    assert quoted_span(ZH, quote) is None


@given(st.text(alphabet="ab c\n。", min_size=1, max_size=60), st.data())
def test_every_stretch_of_three_words_is_found_where_it_says(text: str, data: st.DataObject) -> None:
    passage = Passage(span=Span(document="d", start=3, end=3 + len(text)), text=text)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    span = quoted_span(passage, text[start:end])
    if span is not None:
        assert "".join(text_at(passage, span).split()) == "".join(text[start:end].split())


@given(st.lists(st.sampled_from(["One two three.", "Four five!", "六七八九。", "Ten", "\n\n", "\n", " "]), max_size=12))
def test_excerpts_are_whole_sentences_that_stand_in_the_passage(parts: list[str]) -> None:
    text = "".join(parts) or "x"
    passage = Passage(span=Span(document="d", start=10, end=10 + len(text)), text=text)
    found = excerpts(passage, 4, 30)
    for span in found:
        said = text_at(passage, span)
        assert said in text
        assert 4 <= len(said) <= 30
        assert said == said.strip()
    assert all(first.end <= second.start for first, second in pairwise(found))


def test_a_sentence_longer_than_an_input_may_be_is_left_out() -> None:
    assert [text_at(PASSAGE, span) for span in excerpts(PASSAGE, 10, 30)] == [
        "A manager may refuse once.",
        "Unused days lapse in March.",
    ]
