"""The population stability index beyond chance, and its permutation test."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune.scorers.population_shift import category_shift, number_shift

SIMULATIONS = 300


@pytest.mark.parametrize(("rows", "requests"), [(20, 50), (40, 400)])
@pytest.mark.parametrize("kind", ["normal", "tied", "labels"])
def test_samples_of_one_population_are_seldom_taken_for_a_shift(rows: int, requests: int, kind: str) -> None:
    alarms = 0
    for seed in range(SIMULATIONS):
        draw = np.random.default_rng(seed)
        values = {
            "normal": draw.normal(size=rows + requests),
            "tied": draw.integers(0, 3, size=rows + requests).astype(float),
            "labels": draw.choice(4, size=rows + requests, p=[0.7, 0.2, 0.08, 0.02]).astype(float),
        }[kind]
        shift = category_shift if kind == "labels" else number_shift
        alarms += shift(values[:rows].tolist(), values[rows:].tolist(), seed).p_value < 0.05
    # 5 % of 300 are 15; 25 and more come with less than 1 % probability
    assert alarms < 25


@pytest.mark.parametrize("seed", range(20))
def test_shifted_samples_are_found(seed: int) -> None:
    draw = np.random.default_rng(seed)
    lengths = number_shift(draw.normal(0, 1, 40).tolist(), draw.normal(1.5, 1, 200).tolist())
    labels = category_shift(draw.choice(3, 60, p=[0.6, 0.3, 0.1]).tolist(), draw.choice(3, 200, p=[0.2, 0.3, 0.5]).tolist())
    assert (lengths.p_value < 0.01, lengths.index > 0.25) == (True, True)
    assert (labels.p_value < 0.01, labels.index > 0.25) == (True, True)


def test_the_index_of_large_samples_is_that_of_the_definition() -> None:
    before, now = ["a"] * 6000 + ["b"] * 4000, ["a"] * 4000 + ["b"] * 6000
    expected = 2 * 0.2 * np.log(0.6 / 0.4)
    assert category_shift(before, now).index == pytest.approx(expected, abs=0.002)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_a_shift_is_finite_and_depends_on_no_order(before: list[int], now: list[int]) -> None:
    for shift, kinds in ((category_shift, (before, now)), (number_shift, (before, now))):
        found = shift(*kinds)
        assert found.index >= 0
        assert 0 < found.p_value <= 1
        assert shift(sorted(before), sorted(now)) == found
