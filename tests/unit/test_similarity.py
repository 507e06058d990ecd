"""Near-duplicate search."""

import random
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.similarity import SHORT_TEXT, group_similar, jaccard, match_similar, normalise

LEASE = "The tenant shall pay the rent of the flat to the landlord on the first working day of every month."
LEASE_CHANGED = "The tenant shall pay the rent of the flat to the landlord on the second working day of every month."
CLAIM = "原告请求判令被告支付拖欠的货款人民币三万元，并承担本案的全部诉讼费用及律师费。"
CLAIM_CHANGED = "原告请求判令被告支付拖欠的货款人民币四万元，并承担本案的全部诉讼费用及律师费。"


def grams(text: str) -> set[str]:
    return {text[start : start + 5] for start in range(max(1, len(text) - 4))}


@given(st.text(min_size=5, max_size=80), st.text(min_size=5, max_size=80))
def test_jaccard_is_the_share_of_common_character_5_grams(first: str, second: str) -> None:
    ours, theirs = grams(normalise(first)), grams(normalise(second))
    if "" not in ours | theirs:
        assert jaccard(first, second) == len(ours & theirs) / len(ours | theirs)


def test_a_changed_word_leaves_english_and_chinese_texts_similar() -> None:
    assert jaccard(LEASE, LEASE_CHANGED) > 0.8
    assert jaccard(CLAIM, CLAIM_CHANGED) > 0.6
    assert jaccard(LEASE, CLAIM) == 0


def test_case_width_and_white_space_do_not_make_another_text() -> None:
    assert normalise(" Ａ  Lease\n２０２４ ") == normalise("a lease 2024")
    assert group_similar(["租金：1000元", "租金:１０００元 "], 0.8) == [0, 0]


def test_similar_texts_get_the_position_of_the_first_of_them() -> None:
    assert group_similar([CLAIM, LEASE, "another text altogether, long enough", LEASE_CHANGED], 0.8) == [0, 1, 2, 1]
    assert group_similar([CLAIM, LEASE, CLAIM_CHANGED], 0.6) == [0, 1, 0]


def test_texts_belong_together_through_others_between_them() -> None:
    words = [f"clause{number}" for number in range(60)]
    chain = [" ".join(words[start : start + 40]) for start in range(0, 20, 2)]
    assert jaccard(chain[0], chain[-1]) < 0.8 < jaccard(chain[0], chain[1])
    assert set(group_similar(chain, 0.8)) == {0}


def test_short_texts_belong_together_only_when_equal() -> None:
    short = ["年龄18岁至70岁的患者", "年龄18岁至75岁的患者", "年龄18岁至70岁的患者"]
    assert all(len(text) < SHORT_TEXT for text in short)
    assert group_similar(short, 0.1) == [0, 1, 0]


def test_no_texts_and_empty_texts_are_fine() -> None:
    assert group_similar([], 0.8) == []
    assert group_similar(["", " "], 0.8) == [0, 0]
    assert match_similar([], ["a"], 0.8) == []
    assert match_similar(["a"], [], 0.8) == [None]


def test_a_match_names_the_first_equal_reference_or_a_similar_one() -> None:
    references = [CLAIM, LEASE, LEASE.upper(), "short"]
    assert match_similar([LEASE, LEASE_CHANGED, "Short ", "shorts", CLAIM_CHANGED], references, 0.8) == [1, 1, 3, None, None]


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([0.5, 0.8, 0.9, 1.0]))
def test_the_grouping_is_that_of_comparing_all_pairs_whatever_the_order(rng: random.Random, threshold: float) -> None:
    texts = [" ".join(rng.choices(["rent", "court", "合同", "lease", "notice"], k=12)) for _ in range(6)]
    texts += [text + rng.choice(["", ".", " rent", " 法院"]) for text in texts]
    rng.shuffle(texts)
    labels = list(range(len(texts)))
    for one, first in enumerate(texts):
        for two, second in enumerate(texts):
            if normalise(first) == normalise(second) or jaccard(first, second) >= threshold:
                low, high = sorted((labels[one], labels[two]))
                labels = [low if label == high else label for label in labels]
    assert group_similar(texts, threshold) == labels


def test_ten_thousand_texts_that_are_all_alike_are_grouped_in_seconds() -> None:
    started = time.perf_counter()
    assert set(group_similar([f"{LEASE * 2} {number}" for number in range(10_000)], 0.8)) == {0}
    assert time.perf_counter() - started < 20
