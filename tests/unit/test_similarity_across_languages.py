"""Translations recognised without a model."""

import json
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune.similarity import match_across_languages
from anytasktune.similarity.across import language_of
from anytasktune.similarity.numerals import quantities

CLAIM = "The client owes 31,500 yuan for 12 doors delivered on 5 March 2024; the contract demands payment within two weeks."
CLAIM_ZH = "客户尚欠2024年3月5日交付的十二扇门的货款三万一千五百元；合同要求两周内付款。"
OTHER_CLAIM_ZH = "客户尚欠2023年8月9日交付的四十扇门的货款八万六千元；合同要求三个月内付款。"
POST = "Backend developer: Go, PostgreSQL, Kubernetes. Four years of experience. Kafka is a plus."
POST_ZH = "后端开发：Go、PostgreSQL、Kubernetes，四年经验，会 Kafka 加分。"
PAIRS = [
    json.loads(line)
    for line in (Path(__file__).resolve().parents[2] / "benchmarks" / "translations.jsonl").read_text("utf-8").splitlines()
]


def test_a_translation_is_matched_both_ways_and_another_claim_is_not() -> None:
    english, chinese = [POST, CLAIM], [OTHER_CLAIM_ZH, CLAIM_ZH, POST_ZH]
    assert match_across_languages(chinese, english) == [None, 1, 0]
    assert match_across_languages(english, chinese) == [2, 1]


def test_texts_in_one_language_are_never_translations_of_each_other() -> None:
    assert match_across_languages([CLAIM, POST], [CLAIM, POST]) == [None, None]
    assert match_across_languages([CLAIM, CLAIM_ZH], [CLAIM, POST]) == [None, 0]


def test_texts_that_name_too_little_cannot_be_told() -> None:
    assert match_across_languages(["取消", "", "好的，谢谢", "🏠"], ["cancel", "", "okay, thanks", "🏠"]) == [None] * 4
    assert match_across_languages([], [CLAIM]) == []
    assert match_across_languages([CLAIM_ZH], []) == [None]


def test_hand_made_translations_of_real_rows_are_recognised_about_as_often_as_documented() -> None:
    fresh = [pair for pair in PAIRS if not pair["known"]]
    matches = match_across_languages([pair["zh"] for pair in fresh], [pair["en"] for pair in fresh])
    right = sum(match == place for place, match in enumerate(matches))
    wrong = sum(match is not None for match in matches) - right
    assert right >= 0.55 * len(fresh)
    assert wrong <= 1


def test_vectors_of_a_model_decide_instead_where_they_are_given() -> None:
    vectors = np.array([[1.0, 0.0], [0.1, 1.0]]), np.array([[0.0, 2.0], [3.0, 0.1], [1.0, 0.0]])
    assert match_across_languages(["猫", "狗"], ["dog", "cat", "猫"], vectors=vectors) == [1, 0]
    assert match_across_languages(["猫", "狗"], ["dog", "cat", "猫"], vectors=vectors, threshold=0.999) == [1, None]
    with pytest.raises(ValueError, match="one row per text"):
        match_across_languages(["猫"], ["dog", "cat", "猫"], vectors=vectors)


def test_a_text_with_three_tenths_of_chinese_characters_is_chinese() -> None:
    assert [language_of(text) for text in ("cancel my card", "用 PostgreSQL 和 Kubernetes", "a Chinese word: 茶", "", "7")] == [
        *("en", "zh", "en", "en", "en")
    ]


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("690 million yuan", "6.9亿元"),
        ("fifty million", "五千万"),
        ("150 million", "一亿五千万"),
        ("260,000", "二十六万"),
        ("£15k", "1.5万英镑"),
        ("$3m", "三百万美元"),
        ("5 June 2024", "二〇二四年六月五日"),
        ("2024-06-05", "2024年6月5日"),
        ("30%", "百分之三十"),
        ("thirty percent", "三成"),
        ("173.50", "一百七十三块五"),
        ("3,600", "三千六"),
        ("1.82 m", "一米八二"),
        ("3:30 pm", "下午三点半"),
        ("08:15", "08:15"),
        ("twenty-two", "22"),
        ("two hundred and fifty", "两百五十"),
        ("37.2", "37.2。"),
    ],
)
def test_quantities_are_the_same_in_both_notations(english: str, chinese: str) -> None:
    assert set(quantities(english, "en")) == set(quantities(chinese, "zh")) != set()


def test_words_that_only_look_like_months_or_millions_are_none() -> None:
    assert list(chain.from_iterable(quantities(text, "en") for text in ("you may go", "the march of one", "1.80 m"))) == [
        "=1.8"
    ]


@given(st.integers(2, 10**9), st.sampled_from(["en", "zh"]))
def test_figures_are_read_for_what_they_are(number: int, language: str) -> None:
    assert list(quantities(f"{number:,}", language)) == list(quantities(str(number), language)) == [f"={number}"]


@given(
    st.text(max_size=60),
    st.text(alphabet="零〇一二两三四五六七八九十百千万亿点块元米成月时半年日0123456789.,:-/% ", max_size=30),
)
def test_any_text_can_be_read(anything: str, numerals: str) -> None:
    for text in (anything, numerals, anything + numerals):
        assert all(isinstance(quantity, str) for language in ("en", "zh") for quantity in quantities(text, language))
        assert match_across_languages([text], [anything]) in ([None], [0])
