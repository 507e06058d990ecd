"""Numbers in English and Chinese texts, in digits and in words."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune.text.numbers import amounts_in, figures_in, item_ranges_in, lost_figures, numbers_in, ranges_in


def test_numbers_and_ranges_are_read_in_digits_and_words() -> None:
    assert ranges_in("three to five, 1（低）到 7（高）, 10-12") == {(3, 5), (1, 7), (10, 12)}
    assert item_ranges_in("2 to 3 years, 4 to 6 questions, 5至8个字") == {(4, 6)}
    assert numbers_in("at most two, 最多三个, 4.5") == {2, 3, 4.5}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("三十一", 31),
        ("十二", 12),
        ("六万", 60000),
        ("四万一", 41000),
        ("四万一", 4.1),
        ("两千零五", 2005),
        ("一百二十", 120),
        ("二零二四", 2024),
        ("twenty-five", 25),
        ("nineteen", 19),
    ],
)
def test_numbers_are_read_in_words(text: str, number: float) -> None:
    assert number in numbers_in(f"about {text}, more or less")


@pytest.mark.parametrize(
    ("text", "number"),
    [("一亿二千万", 120_000_000), ("三万亿", 3 * 10**12), ("三百二", 320), ("三百二", 302), ("三百零二", 302)],
)
def test_large_units_multiply_what_stands_before_them(text: str, number: int) -> None:
    assert number in amounts_in(text)


@pytest.mark.parametrize(("text", "number"), [("一亿二千万", 120_000_000), ("三万亿", 3 * 10**12)])
def test_a_number_has_one_value_for_strict_and_generous_readers(text: str, number: int) -> None:
    assert number in numbers_in(text)


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
