"""Texts that say the same in nearly the same words."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.similarity import FEWEST_WORDS, SAME_WORDS, group_lexical, jaccard, match_lexical
from anytasktune.similarity.lexical import content_words
from anytasktune.text.plain_text import normalise

FILLERS = [
    "Which documents does the landlord need to return a deposit after the flat was handed over?",
    "The patient takes two tablets of the medicine every morning before breakfast.",
    "患者每天早上饭前服用两片药物，并记录血压变化。",
    "公司与劳动者协商一致，可以解除劳动合同并支付经济补偿。",
]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            "My transfer to the savings account was charged twice yesterday, can you refund the second fee?",
            "Hello, yesterday my transfers to the savings account were charged twice. Please refund the second fee, thanks!",
        ),
        (
            "因公司长期拖欠工资，劳动者提出解除劳动合同，要求支付经济补偿。",
            "劳动者要求支付经济补偿，提出解除劳动合同，因公司长期拖欠工资。",
        ),
    ],
)
def test_another_order_other_endings_and_small_words_say_the_same(first: str, second: str) -> None:
    assert jaccard(first, second) < 0.8
    assert group_lexical([*FILLERS, first, second]) == [0, 1, 2, 3, 4, 4]
    assert match_lexical([second, "Something else was asked about cards and accounts abroad."], [*FILLERS, first]) == [4, None]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            "Patients aged 18 to 70 with stable chronic heart failure",
            "Patients aged 18 to 75 with stable chronic heart failure",
        ),
        (
            "The bank has refunded the card payment to the merchant",
            "The bank has not refunded the card payment to the merchant",
        ),
        ("I don't want the savings account closed this month", "I want the savings account closed this month"),
        ("公司已经按照合同支付全部货款和利息", "公司没有按照合同支付全部货款和利息"),
        ("Convert my balance from euros into pounds tomorrow", "Convert my balance from pounds into euros tomorrow"),
        ("买方：华东机械厂 卖方：北方钢铁公司 标的：钢材", "买方：北方钢铁公司 卖方：华东机械厂 标的：钢材"),
    ],
)
def test_numbers_denial_origin_and_roles_keep_texts_apart(first: str, second: str) -> None:
    assert group_lexical([*FILLERS, first, second]) == [0, 1, 2, 3, 4, 5]


def test_a_text_of_few_content_words_must_be_equal() -> None:
    assert len(content_words("cancel my card")[0]) < FEWEST_WORDS
    assert group_lexical(["Cancel my card", "my card cancel", "cancel  MY card", *FILLERS]) == [0, 1, 0, 3, 4, 5, 6]


def test_no_texts_and_texts_without_words_are_fine() -> None:
    assert group_lexical([]) == []
    assert group_lexical(["", " ", "?!", "?!", "🏠"]) == [0, 0, 2, 2, 4]
    assert match_lexical([], FILLERS) == []
    assert match_lexical(["", "?", FILLERS[0].upper()], ["?", FILLERS[0]]) == [None, 0, 1]
    assert match_lexical(FILLERS, []) == [None] * len(FILLERS)


WORDS = ["rent", "court", "lease", "notice", "tenant", "deposit", "合同解除", "法院判决", "租金", "landlord", "repair", "judge"]


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([0.6, 0.8, SAME_WORDS, 1.0]))
def test_the_grouping_is_that_of_measuring_all_pairs_whatever_the_order(rng: random.Random, threshold: float) -> None:
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(3, 9)) + rng.choices(["", "2", "not"], [6, 1, 1])) for _ in range(24)]
    labels = list(range(len(texts)))
    for one in range(len(texts)):
        for two in range(one):
            first, second = normalise(texts[one]), normalise(texts[two])
            (ours, our_mark), (theirs, their_mark) = content_words(first), content_words(second)
            near = first == second or (
                min(len(ours), len(theirs)) >= FEWEST_WORDS
                and our_mark == their_mark
                and len(ours & theirs) >= threshold * len(ours | theirs)
            )
            if near and labels[one] != labels[two]:
                low, high = sorted((labels[one], labels[two]))
                labels = [low if label == high else label for label in labels]
    assert group_lexical(texts, threshold) == labels


def test_thousands_of_texts_in_other_orders_are_grouped_at_once() -> None:
    rng = random.Random(2)
    words = "tenant landlord deposit flat repair heating winter month notice lawyer".split()  # noqa: SIM905
    texts = [" ".join(rng.sample(words, len(words))) for _ in range(5000)]
    assert set(group_lexical(texts)) == {0}
