"""Intervals of scores and differences: exact where they can be, else by simulation (the long form: benchmarks/coverage.py)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta
from tests.unit.evaluation.report_builders import LABELS, number_task, task_with

from anytasktune.scorers import ItemStatistics, item_statistics
from anytasktune.scorers.intervals import difference_interval, score_interval
from benchmarks.coverage import (
    FAMILIES,
    QUALITIES,
    attainable_coverage,
    coverage,
    exact_coverage,
    paired_rates,
    right_or_wrong,
    true_difference,
    true_value,
)

values = st.lists(st.floats(0, 1, allow_nan=False), min_size=1, max_size=30)


def means(numbers: list[float]) -> ItemStatistics:
    return ItemStatistics("token_f1", np.array([[number, 1.0] for number in numbers]))


@pytest.mark.parametrize(("right", "items"), [(1, 12), (11, 12), (30, 60), (59, 60)])
def test_the_interval_of_a_share_is_that_of_jeffreys(right: int, items: int) -> None:
    interval = score_interval(means([1.0] * right + [0.0] * (items - right)))
    expected = beta.ppf([0.025, 0.975], right + 0.5, items - right + 0.5)
    assert (interval.low, interval.high) == pytest.approx(tuple(expected), abs=1e-9)


@pytest.mark.parametrize("items", [1, 12, 16, 60])
def test_items_that_are_all_right_do_not_give_an_interval_from_one_to_one(items: int) -> None:
    interval = score_interval(means([1.0] * items))
    assert interval.high == 1
    assert interval.low == pytest.approx(0.025 ** (1 / items)), "the exact bound (Clopper and Pearson 1934)"
    none = score_interval(means([0.0] * items))
    assert (none.low, none.high) == (0, pytest.approx(1 - interval.low))


@pytest.mark.parametrize("items", [12, 20, 60])
@pytest.mark.parametrize("share", [0.95, 0.98])
def test_shares_at_the_edge_are_covered_in_93_to_97_percent_or_as_near_as_counts_allow(items: int, share: float) -> None:
    covered = exact_coverage(items, share)
    possible = attainable_coverage(items, share)
    if within := [value for value in possible if 0.93 <= value < 0.9705]:
        assert min(abs(covered - value) for value in within) < 1e-4
    else:
        assert covered == pytest.approx(min(value for value in possible if value > 0.97), abs=1e-4)


def test_the_cells_in_which_no_interval_of_counts_covers_93_to_97_percent() -> None:
    cells = [(items, share) for items in (12, 20, 60) for share in (0.95, 0.98)]
    unattainable = [cell for cell in cells if not [x for x in attainable_coverage(*cell) if 0.93 <= x < 0.9705]]
    assert unattainable == [(12, 0.95), (12, 0.98), (20, 0.95)]


def test_shares_are_covered_in_95_percent_on_average() -> None:
    for items in (12, 20, 60, 200):
        covered = [exact_coverage(items, share) for share in np.linspace(0.5, 0.995, 34)]
        assert 0.945 < float(np.mean(covered)) < 0.965
        assert min(covered) > 0.89


@pytest.mark.parametrize("family", FAMILIES)
def test_few_items_near_the_edge_are_covered(family: str) -> None:
    sampler, trials = FAMILIES[family], 100
    truths = {quality: true_value(sampler, quality) for quality in QUALITIES}
    rates = [coverage(sampler, items, quality, trials, truths[quality]) for items in (12, 20) for quality in (0.95, 0.98)]
    assert all(rate.covered > 88 for rate in rates)
    assert sum(rate.covered for rate in rates) / len(rates) > 93


@pytest.mark.parametrize("family", ["accuracy, by document", "accuracy, growing documents", "accuracy, harder when long"])
def test_few_documents_of_unequal_size_are_covered(family: str) -> None:
    sampler = FAMILIES[family]
    truths = {quality: true_value(sampler, quality) for quality in (0.5, 0.8)}
    rates = [coverage(sampler, items, quality, 250, truths[quality]) for items in (12, 20) for quality in truths]
    assert min(rate.covered for rate in rates) > 92.5
    assert sum(rate.covered for rate in rates) / len(rates) > 94.5


def test_groups_of_equal_size_are_as_many_as_they_are_and_one_large_one_counts_for_little_more_than_one() -> None:
    rows = means([0.5] * 40)
    assert rows.effective_items == 40
    assert rows.summed_by([row // 4 for row in range(40)]).effective_items == pytest.approx(10)
    assert rows.summed_by([max(0, row - 35) for row in range(40)]).effective_items == pytest.approx(1600 / (36**2 + 4))


def test_differences_are_covered_and_the_test_rarely_rejects_where_there_is_none() -> None:
    for sampler in (right_or_wrong, FAMILIES["token_f1, spread out"], FAMILIES["macro_f1, 4 labels"]):
        none = paired_rates(sampler, 12, (0.8, 0.8), 80, 0.0)
        assert none.covered > 92
        assert none.rejected < 10
        pair = (0.95, 0.75)
        some = paired_rates(sampler, 12, pair, 80, true_difference(sampler, pair))
        assert some.covered > 88


@settings(deadline=None, max_examples=30)
@given(values, st.integers(0, 3))
def test_an_interval_holds_its_value_and_stays_on_the_scale(numbers: list[float], seed: int) -> None:
    interval = score_interval(means(numbers), 200, seed)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1
    assert interval == score_interval(means(numbers), 200, seed)


def test_the_interval_of_a_mean_of_many_agrees_with_its_standard_error() -> None:
    numbers = list(np.random.default_rng(0).beta(4, 2, 400))
    interval, error = score_interval(means(numbers), 4000), float(np.std(numbers)) / 20
    assert interval.low == pytest.approx(interval.value - 1.96 * error, abs=0.15 * error)
    assert interval.high == pytest.approx(interval.value + 1.96 * error, abs=0.15 * error)


def test_the_interval_of_macro_f1_of_many_agrees_with_resampling_the_rows_one_by_one() -> None:
    random = np.random.default_rng(1)
    labels = np.array(LABELS.labels)
    references = list(labels[random.integers(0, 3, 150)])
    outputs = [reference if random.random() < 0.7 else "other" for reference in references]
    metric = task_with(LABELS).model_copy(update={"metric": "macro_f1"})
    interval = score_interval(item_statistics(metric, references, outputs), 2000)
    draws = []
    for _ in range(400):
        rows = random.integers(0, 150, 150)
        draws.append(item_statistics(metric, [references[r] for r in rows], [outputs[r] for r in rows]).value())
    low, high = np.quantile(draws, [0.025, 0.975])
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.025)


def test_the_interval_of_an_error_does_not_reach_over_a_wide_range() -> None:
    task = number_task()
    exact = item_statistics(task, ["3.0"] * 12, ["3.0"] * 12)
    assert score_interval(exact).high == pytest.approx(task.output.full_range * (1 - 0.025 ** (1 / 12)))
    wide = ItemStatistics("mae", np.array([[error, 1.0] for error in (1.0, 2.0, 0.0, 3.0) * 5]), 1e6)
    assert 0.5 < score_interval(wide).low < 1.5 < score_interval(wide).high < 4


def test_rows_of_one_source_count_together() -> None:
    alike = ItemStatistics("accuracy", np.array([[float(row % 2), 1.0] for row in range(12) for _ in range(5)]))
    together = alike.summed_by([f"document {row // 5}" for row in range(60)])
    assert len(together) == 12
    assert together.value() == alike.value()
    narrow, wide = score_interval(alike), score_interval(together)
    assert wide.high - wide.low > 1.8 * (narrow.high - narrow.low)


def test_differences_of_texts_do_not_get_intervals_of_the_whole_scale() -> None:
    random = np.random.default_rng(0)
    theirs = random.beta(5, 5, 40)
    ours = np.clip(theirs + random.normal(0.03, 0.03, 40), 0, 1)
    interval = difference_interval(means(list(ours)), means(list(theirs)))
    assert 0.015 < interval.low < interval.high < 0.045


def test_no_items_are_an_error() -> None:
    with pytest.raises(ValueError, match="no items"):
        score_interval(means([1.0]).take([]))


def test_many_items_are_drawn_in_blocks_with_the_same_result_as_the_normal_approximation() -> None:
    interval = score_interval(means([1.0] * 30_000 + [0.5] * 30_000), 150)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * 0.25 / 60_000**0.5, rel=0.4)
