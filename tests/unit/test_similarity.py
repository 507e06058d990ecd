"""Near-duplicate search."""

import random
import time
from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.similarity import SHORT_TEXT, KeptTexts, group_similar, jaccard, match_similar
from anytasktune.similarity.short_texts import ShortTexts, one_edit_apart, skeleton
from anytasktune.text.plain_text import normalise

LEASE = "The tenant shall pay the rent of the flat to the landlord on the first working day of every month."
LEASE_CHANGED = "The tenant shall pay the rent of the flat to the landlord on the second working day of every month."
CLAIM = "原告请求判令被告支付拖欠的货款人民币三万元，并承担本案的全部诉讼费用及律师费。"
CLAIM_CHANGED = "原告请求判令被告支付拖欠的货款人民币四万元，并承担本案的全部诉讼费用及律师费。"


WORDS = [
    "rent",
    "court",
    "合同",
    "lease",
    "notice",
    "法院",
    "tenant",
    "🏠",
    "\ud83c",
    "租金三千元",
    "Frist",
    "ﬁnal",
    "é",
    "e\u0301",
]


plain = cache(normalise)


@cache
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


def similar(first: str, second: str, threshold: float) -> bool:
    """Set against set, without hashes."""
    one, two = plain(first), plain(second)
    if min(len(one), len(two)) < SHORT_TEXT:
        return one == two
    common = len(grams(one) & grams(two))
    return common / (len(grams(one)) + len(grams(two)) - common) >= threshold


def groups_by_all_pairs(texts: Sequence[str], threshold: float) -> list[int]:
    labels = list(range(len(texts)))
    for two, second in enumerate(texts):
        for one, first in enumerate(texts[:two]):
            if labels[one] != labels[two] and similar(first, second, threshold):
                low, high = sorted((labels[one], labels[two]))
                labels = [low if label == high else label for label in labels]
    return labels


def variants(rng: random.Random, count: int, length: int) -> list[str]:
    """Texts of words, and texts that differ from others in a word or two."""
    texts = [" ".join(rng.choices(WORDS, k=length)) for _ in range(count)]
    for text in list(texts):
        words = text.split()
        words[rng.randrange(length)] = rng.choice(WORDS)
        texts.append(" ".join(words) + rng.choice(["", ".", " rent", " 法院"]))
    rng.shuffle(texts)
    return texts


def letters_about(rng: random.Random, count: int) -> list[str]:
    """Letters that are mostly the same form, and some that are near copies of others."""
    form = "Dear customer, thank you for your letter. We have looked into it and would like to answer as follows: "
    subjects = ["".join(rng.choices("abcdefghij klmno", k=rng.randint(12, 60))) for _ in range(count)]
    letters = [form * rng.choice([1, 1, 1, 2]) + subject for subject in subjects]
    return letters + [letter[: rng.randint(90, 200)] + rng.choice(["", "!", " bye"]) for letter in letters[: count // 3]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=60), max_size=8), st.sampled_from([0.3, 0.8, 1.0]))
def test_any_strings_can_be_grouped_and_matched(texts: list[str], threshold: float) -> None:
    doubled = texts + [text + "x" for text in texts]
    assert group_similar(doubled, threshold) == groups_by_all_pairs(doubled, threshold)
    matches = match_similar(texts, doubled, threshold)
    assert all(
        match is not None and normalise(doubled[match]) == normalise(text) for text, match in zip(texts, matches, strict=True)
    )


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([3, 40]), st.sampled_from([0.5, 0.8, 0.9, 1.0]))
def test_the_grouping_is_that_of_comparing_all_pairs(rng: random.Random, count: int, threshold: float) -> None:
    texts = variants(rng, count, 14)
    assert group_similar(texts, threshold) == groups_by_all_pairs(texts, threshold)


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([3, 40]), st.sampled_from([0.5, 0.8, 1.0]))
def test_a_match_is_the_first_equal_reference_or_else_the_first_similar_one(
    rng: random.Random, count: int, threshold: float
) -> None:
    texts, references = variants(rng, count, 12), variants(rng, count, 12)
    texts += rng.sample(references, count)
    for text, match in zip(texts, match_similar(texts, references, threshold), strict=True):
        equal = [place for place, reference in enumerate(references) if normalise(reference) == normalise(text)]
        near = [place for place, reference in enumerate(references) if similar(text, reference, threshold)]
        assert match == next(iter(equal + near), None)


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_texts_makes_no_difference(rng: random.Random) -> None:
    texts = variants(rng, 60, 10)
    order = rng.sample(range(len(texts)), len(texts))
    before = group_similar(texts, 0.7)
    after = group_similar([texts[place] for place in order], 0.7)
    assert (
        len({(before[place], label) for place, label in zip(order, after, strict=True)}) == len(set(before)) == len(set(after))
    )


@pytest.mark.parametrize("threshold", [0.6, 0.75, 0.8, 0.9])
def test_crowds_of_letters_from_one_form_are_told_apart_exactly(threshold: float) -> None:
    letters = letters_about(random.Random(3), 330)
    assert group_similar(letters, threshold) == groups_by_all_pairs(letters, threshold)
    matches = match_similar(letters[:150], letters[150:], threshold)
    for letter, match in zip(letters[:150], matches, strict=True):
        near = [place for place, other in enumerate(letters[150:]) if similar(letter, other, threshold)]
        equal = [place for place in near if letters[150:][place] == letter]
        assert match == next(iter(equal + near), None)


def test_ten_thousand_texts_that_are_all_alike_are_grouped_in_seconds() -> None:
    started = time.process_time()
    assert set(group_similar([f"{LEASE * 2} {number}" for number in range(10_000)], 0.8)) == {0}
    assert time.process_time() - started < 10


def test_ten_thousand_letters_from_one_form_are_grouped_in_seconds() -> None:
    rng = random.Random(5)
    letters = [f"{LEASE} {''.join(rng.choices('abcdefghijklmnopqrst ', k=50))}" for _ in range(10_000)]
    started = time.process_time()
    assert len(set(group_similar([*letters, *(letter + "." for letter in letters[:100])], 0.8))) == 10_000
    assert time.process_time() - started < 20


def test_a_text_of_a_million_characters_is_no_obstacle() -> None:
    long = " ".join(str(number) for number in range(150_000))
    assert group_similar([long, LEASE, long + LEASE, LEASE_CHANGED], 0.8) == [0, 1, 0, 1]


@given(st.text(alphabet="abcdef 好的1，。", max_size=20), st.integers(min_value=0, max_value=19))
def test_a_text_with_one_letter_less_is_one_edit_apart(text: str, place: int) -> None:
    bones = skeleton(text)
    shorter = bones[:place] + bones[place + 1 :]
    if not any(char.isdigit() for char in bones[place : place + 1]) and sorted(filter(str.isdigit, bones)) == sorted(
        filter(str.isdigit, shorter)
    ):
        joined = one_edit_apart(bones, shorter)
        assert joined == one_edit_apart(shorter, bones)


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [("form", "from", True), ("case", "cases", True), ("1.5mg", "15mg", False), ("男性", "女性", True), ("ab", "cd", False)],
)
def test_one_edit_is_one_letter_and_no_digit(one: str, two: str, same: bool) -> None:
    assert one_edit_apart(one, two) is same


def test_punctuation_means_nothing_except_between_digits() -> None:
    assert skeleton("Hello,  World！") == skeleton("hello world")
    assert skeleton("1.5 mg") != skeleton("15 mg")
    assert skeleton("年龄＞18岁") != skeleton("年龄＜18岁")


def test_short_texts_are_found_with_something_around_them() -> None:
    known = ShortTexts()
    known.add(skeleton("请问怎么修改收货地址"), 7)
    assert list(known.alike(skeleton("你好，请问怎么修改收货地址"))) == [7]
    assert list(known.alike(skeleton("请问怎么修改付款方式和收货人"))) == []


@given(st.lists(st.text(alphabet="abc 好", min_size=25, max_size=50), min_size=2, max_size=12))
def test_similar_kept_texts_are_exactly_those_that_reach_the_threshold(texts: list[str]) -> None:
    index = KeptTexts(texts, 0.5)
    for place, text in enumerate(texts):
        found = dict(index.similar(place))
        wanted = {other: jaccard(text, texts[other]) for other in range(place) if jaccard(text, texts[other]) >= 0.5}
        assert found == pytest.approx(wanted)
        index.keep(place)
