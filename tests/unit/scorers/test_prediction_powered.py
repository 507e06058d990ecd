"""Means of human marks estimated with a judge: against formulas worked out another way, and in simulation."""

import numpy as np
import pytest
from scipy.stats import linregress, ttest_1samp

from anytasktune.scorers.prediction_powered import corrected_mean, shifted_mean, uncorrected_mean


def test_with_all_rows_marked_by_people_it_is_their_mean_with_its_t_interval() -> None:
    random = np.random.default_rng(0)
    people, judge = random.uniform(0.2, 0.8, 40), np.full(40, 0.5)  # a judge that says nothing
    found = corrected_mean(judge.tolist(), dict(enumerate(people.tolist())))
    expected = ttest_1samp(people, 0).confidence_interval(0.95)
    assert found.value == pytest.approx(people.mean(), abs=1e-12)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_the_estimate_is_that_of_a_regression_on_the_judge() -> None:
    random = np.random.default_rng(1)
    judge = random.uniform(0, 1, 200)
    people = np.clip(0.1 + 0.7 * judge + 0.1 * random.standard_normal(200), 0, 1)
    places = random.permutation(200)[:30]
    line = linregress(judge[places], people[places])
    found = corrected_mean(judge.tolist(), {int(place): float(people[place]) for place in places})
    assert found.value == pytest.approx(line.intercept + line.slope * judge.mean(), abs=1e-9)


@pytest.mark.parametrize(("agreement", "marked"), [(0.9, 20), (0.5, 30), (0.0, 30)])
def test_intervals_hold_the_true_mean_mark_though_the_judge_is_lenient(agreement: float, marked: int) -> None:
    random, held, widths, truth = np.random.default_rng(2), 0, [], 0.55
    for _ in range(400):
        quality = random.standard_normal(120)
        people = truth + 0.15 * quality
        judge = truth + 0.2 + 0.15 * (agreement * quality + np.sqrt(1 - agreement**2) * random.standard_normal(120))
        places = random.permutation(120)[:marked]
        found = corrected_mean(judge.tolist(), {int(place): float(people[place]) for place in places})
        held += found.low <= truth <= found.high
        widths.append(found.high - found.low)
    assert 0.93 <= held / 400 <= 0.985
    alone = 2 * 2.05 * 0.15 / np.sqrt(marked)
    assert np.mean(widths) < (0.8 if agreement == 0.9 else 1.1) * alone


def test_errors_of_other_systems_shift_the_mean_and_widen_the_interval() -> None:
    random = np.random.default_rng(3)
    judge, errors = random.uniform(0.5, 0.9, 50), -0.2 + 0.05 * random.standard_normal(25)
    found, plain = shifted_mean(judge.tolist(), errors.tolist()), uncorrected_mean(judge.tolist())
    assert found.value == pytest.approx(judge.mean() + errors.mean(), abs=1e-12)
    assert found.high - found.low > plain.high - plain.low


def test_means_and_intervals_stay_between_0_and_1() -> None:
    assert uncorrected_mean([1.0] * 5).high == 1.0
    shifted = shifted_mean([0.1, 0.2, 0.05], [-0.4, -0.3, -0.5])
    assert (shifted.value, shifted.low) == (0.0, 0.0)
