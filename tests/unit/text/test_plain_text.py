"""Texts compared without differences nobody means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune.text.plain_text import copied_share, listed, normalise, occurs_as_words, occurs_in, shorten


@pytest.mark.parametrize(
    ("text", "plain"), [("Ｈｅｌｌｏ，\u3000World", "hello, world"), ("  a\n B ", "a b"), ("（合同）：", "(合同):")]
)
def test_width_case_and_space_do_not_count(text: str, plain: str) -> None:
    assert normalise(text) == plain


@given(st.text("ＡaＢb，,（( \u3000\n合同１1", max_size=30))
def test_a_normalised_text_stays_as_it_is(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_a_piece_occurs_whatever_the_space() -> None:
    assert occurs_in("security  deposit", "the security\ndeposit was kept")
    assert not occurs_in("Security deposit", "the security deposit was kept")


@pytest.mark.parametrize(
    ("piece", "text", "occurs"),
    [
        ("art", "the art of it", True),
        ("art", "a party", False),
        ("art", "a party, art", True),
        ("12", "room 123", False),
        ("合同", "租赁合同书", True),
    ],
)
def test_a_piece_occurs_as_words_of_its_own(piece: str, text: str, occurs: bool) -> None:
    assert occurs_as_words(piece, text) is occurs


@given(st.text(max_size=40), st.text(max_size=40))
def test_the_copied_share_lies_between_nothing_and_all(text: str, source: str) -> None:
    assert 0 <= copied_share(text, source) <= 1
    assert copied_share(text, f"{source}{text}") == 1


def test_long_texts_and_lists_are_cut_with_an_ellipsis() -> None:
    assert shorten("a\n b", 3) == "a b"
    assert shorten("abcdef", 4) == "abc…"
    assert listed(["a", "b", "c"], 2) == "a, b, …"
