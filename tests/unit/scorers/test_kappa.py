"""Kappas against their definitions, invariants, and few items."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from anytasktune.ids import text_hash
from anytasktune.schema import Agreement
from anytasktune.scorers.statistics import cohen_kappa, fleiss_kappa

RATINGS = st.lists(st.tuples(*[st.sampled_from("aer")] * 3), min_size=2, max_size=30)


def coin(text: str, sides: int = 2) -> int:
    """Chance, the same on every machine."""
    return int(text_hash(text)[:8], 16) % sides


def by_hand(first: Sequence[str], second: Sequence[str]) -> Fraction | None:
    """Cohen's kappa from its definition, in exact arithmetic."""
    items = len(first)
    observed = Fraction(sum(one == two for one, two in zip(first, second, strict=True)), items)
    chance = sum(Fraction(first.count(c), items) * Fraction(second.count(c), items) for c in set(first) | set(second))
    return None if chance == 1 else (observed - chance) / (1 - chance)


def fleiss_by_hand(rows: Sequence[Sequence[str]]) -> Fraction | None:
    """Fleiss' kappa from its definition, in exact arithmetic; as many ratings for every item."""
    raters, categories = len(rows[0]), sorted({rating for row in rows for rating in row})
    alike = [Fraction(sum(row.count(c) ** 2 for c in categories) - raters, raters * (raters - 1)) for row in rows]
    shares = [Fraction(sum(row.count(c) for row in rows), len(rows) * raters) for c in categories]
    chance = sum(share**2 for share in shares)
    return None if chance == 1 else (sum(alike) / len(rows) - chance) / (1 - chance)


def value_of(kappa: Agreement) -> float:
    assert kappa.kappa is not None
    return kappa.kappa


def test_cohens_kappa_of_a_table_worked_out_by_hand() -> None:
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    kappa = cohen_kappa(first, second)  # 35 of 50 alike; by chance .5 * .6 + .5 * .4 = .5
    assert (kappa.items, kappa.observed) == (50, 0.7)
    assert value_of(kappa) == pytest.approx(0.4)


def test_fleiss_kappa_of_a_table_worked_out_by_hand() -> None:
    rows = ["aaaa", "aaab", "abbb", "bbbb"]
    # shares of alike pairs 1, 1/2, 1/2, 1: mean 3/4; both categories have half of the ratings: by chance 1/2
    assert value_of(fleiss_kappa(rows)) == pytest.approx(0.5)


def test_more_categories_and_raters_worked_out_by_hand() -> None:
    rows = ["abc", "aab", "ccc", "bbb", "aac"]
    # alike 0, 1/3, 1, 1, 1/3: mean 8/15; a, b, c have a third each: by chance 1/3; (8/15 - 1/3) / (2/3) = 3/10
    assert value_of(fleiss_kappa(rows)) == pytest.approx(0.3)


@settings(deadline=None)
@given(RATINGS)
def test_both_kappas_are_what_their_definitions_say(rows: list[tuple[str, ...]]) -> None:
    first, second = [row[0] for row in rows], [row[1] for row in rows]
    for kappa, exact in ((cohen_kappa(first, second), by_hand(first, second)), (fleiss_kappa(rows), fleiss_by_hand(rows))):
        assert kappa.kappa == (None if exact is None else pytest.approx(float(exact), abs=1e-9))


@settings(deadline=None)
@given(RATINGS, st.permutations([0, 1, 2]))
def test_kappa_does_not_depend_on_the_order_of_raters(rows: list[tuple[str, ...]], order: list[int]) -> None:
    first, second = [row[0] for row in rows], [row[1] for row in rows]
    assert cohen_kappa(first, second).kappa == pytest.approx(cohen_kappa(second, first).kappa)
    assert fleiss_kappa([[row[place] for place in order] for row in rows]) == fleiss_kappa(rows)


@settings(deadline=None)
@given(st.lists(st.sampled_from("aer"), min_size=2, max_size=40))
def test_full_agreement_is_one(ratings: list[str]) -> None:
    assume(len(set(ratings)) > 1)
    for kappa in (cohen_kappa(ratings, ratings), fleiss_kappa([[rating] * 4 for rating in ratings])):
        assert (kappa.observed, kappa.kappa) == pytest.approx((1, 1))
        assert kappa.low is None or (kappa.low, kappa.high) == pytest.approx((1, 1))


@settings(deadline=None)
@given(RATINGS)
def test_an_interval_holds_the_value_and_none_is_above_one(rows: list[tuple[str, ...]]) -> None:
    kappa = fleiss_kappa(rows)
    if kappa.low is not None and kappa.high is not None:
        assert -1 <= kappa.low <= value_of(kappa) <= kappa.high <= 1 + 1e-9


def test_independent_ratings_have_a_kappa_around_zero_and_the_interval_says_so() -> None:
    first = [coin(f"first {number}") for number in range(2000)]
    second = [coin(f"second {number}", 3) > 0 for number in range(2000)]
    for kappa in (
        cohen_kappa(first, [int(each) for each in second]),
        fleiss_kappa([(coin(f"{n}"), coin(f"x {n}")) for n in range(2000)]),
    ):
        assert abs(value_of(kappa)) < 0.06
        assert kappa.low is not None
        assert kappa.high is not None
        assert kappa.low < 0 < kappa.high
        assert kappa.high - kappa.low < 0.12


def test_the_interval_narrows_with_more_items() -> None:
    def width(items: int) -> float:
        first = [coin(f"one {number}") for number in range(items)]
        second = [first[number] if coin(f"two {number}", 4) else 1 - first[number] for number in range(items)]
        kappa = cohen_kappa(first, second)
        assert kappa.low is not None
        assert kappa.high is not None
        return kappa.high - kappa.low

    assert width(50) > 1.5 * width(200) > 2.2 * width(800)


def test_items_with_a_single_rating_are_left_out() -> None:
    rows = ["aab", "bb", "ab", "aaa"]
    assert fleiss_kappa([*rows, "a", "b", ""]) == fleiss_kappa(rows)
    assert fleiss_kappa(rows).items == 4


@pytest.mark.parametrize(
    ("first", "second", "remark"),
    [
        ([], [], "nothing_in_common"),
        ("a" * 50, "a" * 50, "one_answer"),
        ("aaab" * 3, "aabb" * 3, "too_few"),
        ("ab" * 20, "ab" * 20, "no_difference"),
        ("ab" * 20, "ab" * 15 + "ba" * 5, "wide"),
        ("ab" * 200, "ab" * 180 + "ba" * 20, ""),
    ],
)
def test_an_unreliable_kappa_carries_its_reason(first: str, second: str, remark: str) -> None:
    assert cohen_kappa(list(first), list(second)).remark == remark
