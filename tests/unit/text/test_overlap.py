"""ROUGE-L and its tokens, against a brute force."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.text.overlap import longest_common_subsequence, rouge_l
from anytasktune.text.scripts import is_in_script, tokens


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_the_longest_common_subsequence_agrees_with_the_recursive_definition(left: list[str], right: list[str]) -> None:
    @cache
    def length(i: int, j: int) -> int:
        if i == len(left) or j == len(right):
            return 0
        if left[i] == right[j]:
            return 1 + length(i + 1, j + 1)
        return max(length(i + 1, j), length(i, j + 1))

    assert longest_common_subsequence(left, right) == length(0, 0)


@settings(deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_rouge_l_is_symmetric_between_zero_and_one_and_one_for_equal_texts(left: str, right: str) -> None:
    assert 0.0 <= rouge_l(left, right) == rouge_l(right, left) <= 1.0
    assert rouge_l(left, left) == 1.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't STOP-now!", ["don", "t", "stop", "now"]),
        ("“Quoted” — dash…", ["quoted", "dash"]),
        ("他说：“好。”", ["他", "说", "：", "“", "好", "。", "”"]),
        ("iPhone 15 很贵", ["iphone", "15", "很", "贵"]),
        ("ＡＢＣ公司", ["ａｂｃ", "公", "司"]),
        (" \n\t", []),
    ],
)
def test_tokens_are_words_and_single_chinese_characters(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "language", "fits"),
    [
        ("The court dismissed the appeal.", "en", True),
        ("法院驳回上诉。", "en", False),
        ("法院驳回上诉。", "zh", True),
        ("The court dismissed the appeal.", "zh", False),
        ("建议服用 Aspirin 100 mg", "zh", True),
        ("The term 法院 means the people's court of first instance", "en", True),
        ("42.5 %", "en", True),
        ("42.5 %", "zh", True),
        ("Суд отклонил жалобу", "en", False),
        ("裁判所は控訴を棄却しました", "zh", False),
        ("Le procès a été renvoyé à Genève", "en", True),
    ],
)
def test_the_script_of_a_text_is_told_from_its_characters(text: str, language: str, fits: bool) -> None:
    assert is_in_script(text, language) is fits
