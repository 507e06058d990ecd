"""Paired tests against their definitions."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from anytasktune.scorers import ItemStatistics
from anytasktune.scorers.paired_tests import MOST_PERMUTATIONS, compare_paired, minimum_detectable_difference, paired_p_value
from anytasktune.scorers.statistics import holm

values = st.lists(st.floats(0, 1, allow_nan=False), min_size=1, max_size=30)
pairs = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20)


def means(numbers: list[float]) -> ItemStatistics:
    return ItemStatistics("token_f1", np.array([[number, 1.0] for number in numbers]))


def all_swaps(left: list[float], right: list[float]) -> float:
    gaps = [a - b for a, b in zip(left, right, strict=True)]
    sums = [sum(sign * gap for sign, gap in zip(signs, gaps, strict=True)) for signs in product((1, -1), repeat=len(gaps))]
    return sum(abs(total) >= abs(sum(gaps)) - 1e-9 for total in sums) / len(sums)


@settings(deadline=None, max_examples=30)
@given(values)
def test_two_systems_with_the_same_answers_get_p_one_and_no_difference(numbers: list[float]) -> None:
    result = compare_paired(means(numbers), means(numbers), 200)
    assert result.p_value == 1.0
    assert result.difference.value == 0.0
    assert result.difference.low < 0 < result.difference.high, "equal answers to some items prove nothing of all"


@settings(deadline=None, max_examples=30)
@given(pairs)
def test_swapping_the_systems_reverses_the_difference_and_keeps_p(numbers: list[tuple[float, float]]) -> None:
    left, right = means([pair[0] for pair in numbers]), means([pair[1] for pair in numbers])
    there, back = compare_paired(left, right, 400), compare_paired(right, left, 400)
    assert there.p_value == back.p_value
    assert there.difference.value == pytest.approx(-back.difference.value)
    assert there.difference.low <= there.difference.value <= there.difference.high


@settings(deadline=None, max_examples=60)
@given(pairs)
def test_the_interval_reaches_over_zero_exactly_where_the_test_does_not_reject(numbers: list[tuple[float, float]]) -> None:
    result = compare_paired(means([pair[0] for pair in numbers]), means([pair[1] for pair in numbers]), 200)
    low, high = result.difference.low, result.difference.high
    if result.p_value >= 0.05:
        assert low <= 0 <= high
    else:
        assert 0 <= low <= high or low <= high <= 0


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=10))
def test_few_items_get_the_p_value_of_all_swaps(numbers: list[tuple[int, int]]) -> None:
    left, right = [pair[0] / 4 for pair in numbers], [pair[1] / 4 for pair in numbers]
    assert paired_p_value(means(left), means(right)) == pytest.approx(all_swaps(left, right), abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 20))
def test_right_and_wrong_answers_get_the_p_value_of_mcnemar(ours: int, theirs: int, both: int) -> None:
    left = [1.0] * ours + [0.0] * theirs + [1.0] * both
    right = [0.0] * ours + [1.0] * theirs + [1.0] * both
    expected = binomtest(ours, ours + theirs).pvalue if ours + theirs else 1.0
    if left:
        assert paired_p_value(means(left), means(right)) == pytest.approx(expected, abs=1e-9)


def test_random_swaps_agree_with_the_exact_p_value() -> None:
    random = np.random.default_rng(3)
    gaps = random.choice([-0.25, 0.25], 40, p=[0.36, 0.64])  # of equal size: a sign test
    exact = binomtest(int((gaps > 0).sum()), 40).pvalue
    assert paired_p_value(means(list(0.5 + gaps)), means([0.5] * 40), 20_000) == pytest.approx(exact, rel=0.1)


def test_a_clear_difference_passes_the_correction_over_a_hundred_tasks() -> None:
    random = np.random.default_rng(0)
    theirs = random.beta(3, 3, 60)
    clear = paired_p_value(means(list(np.clip(theirs + 0.2, 0, 1))), means(list(theirs)))
    assert clear == pytest.approx(1 / (1 + MOST_PERMUTATIONS))
    assert holm([clear] * 100)[0] < 0.05
    labels = paired_p_value(means([1.0] * 12 + [0.0] * 8), means([0.0] * 20))
    assert holm([labels] * 100)[0] < 0.05


def test_rare_permutations_are_counted_until_there_are_ten() -> None:
    random = np.random.default_rng(6)
    gaps = np.abs(random.normal(0, 0.1, 60)) * random.choice([-1, 1], 60, p=[0.25, 0.75])
    ours, theirs = means(list(0.5 + gaps)), means([0.5] * 60)
    few, many = paired_p_value(ours, theirs, 2000), paired_p_value(ours, theirs, 200_000)
    assert 1e-5 < many < 4e-3
    assert few == pytest.approx(many, rel=1.2)
    assert few == paired_p_value(ours, theirs, 2000)


def test_a_p_value_is_never_zero_and_memory_is_bounded_by_blocks() -> None:
    assert paired_p_value(means([0.9] * 30_000), means([0.1] * 30_000), 400) == pytest.approx(1 / 3_334, rel=1e-3)


def test_the_minimum_detectable_difference_is_found_with_80_percent_power() -> None:
    random = np.random.default_rng(0)
    items, spread = 40, 0.1
    constant, expected = means([0.5] * items), 2.8 * spread / items**0.5
    first = compare_paired(means(list(0.5 + random.normal(0, spread, items))), constant, 200)
    assert minimum_detectable_difference(first, items) == pytest.approx(expected, rel=0.3)
    found = 0
    for trial in range(80):
        found += paired_p_value(means(list(0.5 + random.normal(expected, spread, items))), constant, 100, trial) < 0.05
    assert found / 80 == pytest.approx(0.8, abs=0.13)


def test_systems_that_hardly_differ_do_not_promise_to_show_everything() -> None:
    same = compare_paired(means([1.0] * 60), means([1.0] * 60))
    assert minimum_detectable_difference(same, 60) == pytest.approx(6 / 60)
    assert minimum_detectable_difference(same, 3, full_range=6) == 6
    one = compare_paired(means([1.0] * 60), means([1.0] * 59 + [0.0]))
    assert minimum_detectable_difference(one, 60) == pytest.approx(6 / 60)


def test_items_that_cannot_be_paired_are_an_error() -> None:
    with pytest.raises(ValueError, match="cannot be paired"):
        compare_paired(means([1.0]), means([1.0, 0.0]))
    with pytest.raises(ValueError, match="no items"):
        compare_paired(means([1.0]).take([]), means([1.0]).take([]))
