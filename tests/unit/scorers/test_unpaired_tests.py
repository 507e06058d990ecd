"""Two independent sets of items: p values against scipy, and intervals that agree with them."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, hypergeom, permutation_test

from anytasktune.outputs import Metric
from anytasktune.scorers.metrics import ItemStatistics
from anytasktune.scorers.unpaired_tests import compare_unpaired


def items(values: list[float], metric: Metric = "rouge_l") -> ItemStatistics:
    return ItemStatistics(metric, np.column_stack([values, np.ones(len(values))]).astype(np.float64))


def shares(right: int, wrong: int) -> ItemStatistics:
    return items([1.0] * right + [0.0] * wrong, "accuracy")


@given(st.tuples(*[st.integers(0, 12)] * 4).filter(lambda counts: sum(counts[:2]) > 0 and sum(counts[2:]) > 0))
def test_the_p_value_of_shares_counts_all_divisions(counts: tuple[int, int, int, int]) -> None:
    right, wrong, other_right, other_wrong = counts
    first, second = right + wrong, other_right + other_wrong
    observed = abs(right / first - other_right / second)
    expected = sum(
        hypergeom.pmf(k, first + second, right + other_right, first)
        for k in range(first + 1)
        if abs(k / first - (right + other_right - k) / second) >= observed - 1e-9
    )
    found = compare_unpaired(shares(right, wrong), shares(other_right, other_wrong), 200).p_value
    assert found == pytest.approx(min(1.0, expected), abs=1e-9)


def test_an_exact_permutation_test_of_scipy_gives_the_same_p_value_of_shares() -> None:
    ours, theirs = [1.0] * 7 + [0.0], [1.0] * 2 + [0.0] * 5
    result = permutation_test(
        (ours, theirs), lambda x, y: abs(np.mean(x) - np.mean(y)), n_resamples=np.inf, alternative="greater"
    )
    assert compare_unpaired(items(ours, "accuracy"), items(theirs, "accuracy"), 200).p_value == pytest.approx(
        result.pvalue, abs=1e-9
    )


def test_the_p_value_of_other_scores_is_near_that_of_all_divisions() -> None:
    ours, theirs = [0.9, 0.4, 0.75, 0.8, 0.66, 0.7], [0.3, 0.5, 0.45, 0.6, 0.2]
    values = np.array([*ours, *theirs])
    observed = abs(np.mean(ours) - np.mean(theirs))
    gaps = [
        abs(values[list(chosen)].mean() - np.delete(values, chosen).mean())
        for chosen in itertools.combinations(range(len(values)), len(ours))
    ]
    exact = np.mean(np.array(gaps) >= observed - 1e-12)
    assert compare_unpaired(items(ours), items(theirs), 200).p_value == pytest.approx(exact, abs=0.005)


def test_the_interval_of_shares_is_nearly_that_of_two_beta_distributions() -> None:
    draws = np.random.default_rng(3)
    many = beta(30.5, 10.5).rvs(200_000, random_state=draws) - beta(20.5, 20.5).rvs(200_000, random_state=draws)
    found = compare_unpaired(shares(30, 10), shares(20, 20), 20_000).difference
    # stretched a little where the draws vary less than the jackknife says
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(many, [0.025, 0.975])), abs=0.02)
    assert found.value == 0.25


@given(st.lists(st.sampled_from([0.0, 0.3, 0.5, 1.0]), min_size=1, max_size=15), st.integers(1, 15))
def test_the_interval_reaches_over_zero_exactly_where_the_test_does_not_reject(values: list[float], count: int) -> None:
    found = compare_unpaired(items(values), items([0.5, 1.0, 0.9][: count % 3 + 1] * count), 100)
    low, value, high = found.difference.low, found.difference.value, found.difference.high
    assert low <= value <= high
    if found.p_value >= 0.05:
        assert low <= 0 <= high
    else:
        assert low >= 0 or high <= 0


def test_sets_without_items_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="0 and 2 items"):
        compare_unpaired(items([]), items([1.0, 0.0]), 100)
