"""Intervals, tests and corrections, against their definitions."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.evaluation.report_builders import LABELS, task_with

from anytasktune.scorers import ItemStatistics, item_statistics
from anytasktune.scorers.statistics import (
    bootstrap_interval,
    compare_paired,
    holm,
    minimum_detectable_difference,
    permutation_p_value,
    rank_correlation,
)

values = st.lists(st.floats(0, 1, allow_nan=False), min_size=1, max_size=30)
pairs = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20)
probabilities = st.lists(st.floats(0, 1), max_size=12)


def means(numbers: list[float]) -> ItemStatistics:
    return ItemStatistics("accuracy", np.array([[number, 1.0] for number in numbers]))


@settings(deadline=None, max_examples=30)
@given(values, st.integers(0, 3))
def test_an_interval_holds_its_value_and_stays_within_the_items(numbers: list[float], seed: int) -> None:
    interval = bootstrap_interval(means(numbers), 200, seed)
    assert min(numbers) - 1e-9 <= interval.low <= interval.value <= interval.high <= max(numbers) + 1e-9
    assert interval == bootstrap_interval(means(numbers), 200, seed)


def test_the_interval_of_a_mean_agrees_with_its_standard_error() -> None:
    right = [1.0] * 120 + [0.0] * 80
    interval = bootstrap_interval(means(right), 4000)
    error = (0.6 * 0.4 / 200) ** 0.5
    assert interval.low == pytest.approx(0.6 - 1.96 * error, abs=0.01)
    assert interval.high == pytest.approx(0.6 + 1.96 * error, abs=0.01)


def test_the_interval_of_macro_f1_agrees_with_resampling_the_rows_one_by_one() -> None:
    random = np.random.default_rng(1)
    labels = np.array(LABELS.labels)
    references = list(labels[random.integers(0, 3, 60)])
    outputs = [reference if random.random() < 0.7 else "other" for reference in references]
    metric = task_with(LABELS).model_copy(update={"metric": "macro_f1"})
    interval = bootstrap_interval(item_statistics(metric, references, outputs), 2000)
    draws = []
    for _ in range(400):
        rows = random.integers(0, 60, 60)
        draws.append(item_statistics(metric, [references[r] for r in rows], [outputs[r] for r in rows]).value())
    low, high = np.quantile(draws, [0.025, 0.975])
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.03)


@settings(deadline=None, max_examples=30)
@given(values)
def test_two_systems_with_the_same_answers_get_p_one_and_no_difference(numbers: list[float]) -> None:
    result = compare_paired(means(numbers), means(numbers), 200)
    assert result.p_value == 1.0
    assert (result.difference.low, result.difference.value, result.difference.high) == (0.0, 0.0, 0.0)


@settings(deadline=None, max_examples=30)
@given(pairs)
def test_swapping_the_systems_reverses_the_difference_and_keeps_p(numbers: list[tuple[float, float]]) -> None:
    left, right = means([pair[0] for pair in numbers]), means([pair[1] for pair in numbers])
    there, back = compare_paired(left, right, 200), compare_paired(right, left, 200)
    assert there.p_value == back.p_value
    assert there.difference.value == pytest.approx(-back.difference.value)
    assert there.difference.low == pytest.approx(-back.difference.high)
    assert there.difference.low <= there.difference.value <= there.difference.high


def test_the_permutation_p_value_agrees_with_all_permutations() -> None:
    left, right = [1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    gaps = [a - b for a, b in zip(left, right, strict=True)]
    sums = [sum(sign * gap for sign, gap in zip(signs, gaps, strict=True)) for signs in product((1, -1), repeat=8)]
    exact = sum(abs(total) >= abs(sum(gaps)) for total in sums) / len(sums)
    assert permutation_p_value(means(left), means(right), 20_000) == pytest.approx(exact, abs=0.01)


def test_a_p_value_is_never_zero() -> None:
    assert permutation_p_value(means([1.0] * 100), means([0.0] * 100), 999) == 1 / 1000


def test_holm_on_a_textbook_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@settings(deadline=None)
@given(probabilities)
def test_holm_never_lowers_a_p_value_and_keeps_the_order(raw: list[float]) -> None:
    corrected = holm(raw)
    assert all(before <= after <= 1 for before, after in zip(raw, corrected, strict=True))
    ranked = [after for _, after in sorted(zip(raw, corrected, strict=True))]
    assert ranked == sorted(ranked)


@settings(deadline=None)
@given(probabilities)
def test_holm_is_at_most_bonferroni(raw: list[float]) -> None:
    assert all(after <= min(1.0, len(raw) * before) + 1e-12 for before, after in zip(raw, holm(raw), strict=True))


def test_the_minimum_detectable_difference_is_found_with_80_percent_power() -> None:
    random = np.random.default_rng(0)
    items, spread = 100, 0.5
    smallest = minimum_detectable_difference(spread / items**0.5, items)
    found = 0
    for trial in range(150):
        gaps = random.normal(smallest, spread, items)
        found += permutation_p_value(means(list(gaps)), means([0.0] * items), 300, trial) < 0.05
    assert found / 150 == pytest.approx(0.8, abs=0.1)


def test_items_without_any_spread_do_not_promise_to_show_everything() -> None:
    assert minimum_detectable_difference(0.0, 60) == pytest.approx(6 / 60)
    assert minimum_detectable_difference(0.0, 3, full_range=6) == 6


def test_the_rank_correlation_gives_ties_their_mean_rank() -> None:
    assert rank_correlation([1, 2, 3], [10, 20, 90]) == pytest.approx(1.0)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    assert rank_correlation([1, 2, 2, 3], [1, 3, 2, 4]) == pytest.approx(0.9486833)
    assert rank_correlation([1, 2], [5, 5]) is None


def test_no_items_are_an_error() -> None:
    with pytest.raises(ValueError, match="no items"):
        bootstrap_interval(means([1.0]).take([]))
    with pytest.raises(ValueError, match="cannot be paired"):
        compare_paired(means([1.0]), means([1.0, 0.0]))


def test_many_items_are_resampled_in_blocks_with_the_same_result_as_the_normal_approximation() -> None:
    right = [1.0] * 30_000 + [0.0] * 30_000
    interval = bootstrap_interval(means(right), 150)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * 0.5 / 60_000**0.5, rel=0.4)
