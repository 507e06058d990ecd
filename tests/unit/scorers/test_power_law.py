"""The outlook of a learner on synthetic curves whose truth is known."""

import numpy as np
import pytest
from scipy.stats import norm

from anytasktune.outputs import Metric
from anytasktune.scorers.metrics import ItemStatistics
from anytasktune.scorers.power_law import Projection, project_doubling

SIZES = np.array([16.0, 32.0, 64.0, 128.0])
ROWS = [int(size) for size in SIZES]
TRIALS = 100


def simulated(law: tuple[float, float, float], rows: int, seed: int, between: float = 0.015) -> Projection:
    """Right and wrong answers of four trainings to the same rows, of which some are hard for all of them."""
    random, (limit, gap, exponent) = np.random.default_rng(seed), law
    shares = limit - gap * SIZES**-exponent + between * random.standard_normal(4)
    hardness = np.sqrt(0.6) * random.standard_normal((rows, 1)) + np.sqrt(0.4) * random.standard_normal((rows, 4))
    right = hardness < norm.ppf(np.clip(shares, 0.001, 0.999))
    return project_doubling(ROWS, [means_of(column) for column in right.T.astype(np.float64)], 200, seed)


def means_of(values: "np.ndarray[tuple[int], np.dtype[np.float64]]", metric: Metric = "accuracy") -> ItemStatistics:
    full_range = 6.0 if metric == "mae" else 1.0
    return ItemStatistics(metric, np.column_stack([values, np.ones(len(values))]), full_range)


@pytest.mark.parametrize(("law", "rows"), [((0.9, 1.5, 0.35), 100), ((0.85, 2.5, 0.6), 24), ((0.95, 4.0, 0.9), 60)])
def test_the_band_for_twice_the_rows_holds_the_true_score_and_gain(law: tuple[float, float, float], rows: int) -> None:
    limit, gap, exponent = law
    doubled = limit - gap * 256**-exponent
    gained = doubled - (limit - gap * 128**-exponent)
    found = [simulated(law, rows, seed) for seed in range(TRIALS)]
    said = [(one.fitted[-1].score, one.gain) for one in found if one.gain is not None]
    assert len(said) >= TRIALS / 2
    assert np.mean([score.low <= doubled <= score.high for score, _ in said]) >= 0.9
    assert np.mean([gain.low <= gained <= gain.high for _, gain in said]) >= 0.9


@pytest.mark.parametrize(("level", "rows"), [(0.6, 24), (0.95, 24), (0.7, 100)])
def test_flat_curves_are_called_flat(level: float, rows: int) -> None:
    found = [simulated((level, 0.0, 1.0), rows, seed).outlook for seed in range(TRIALS)]
    assert found.count("flat") >= 0.95 * TRIALS


def test_a_law_without_noise_is_found_again() -> None:
    statistics = [means_of(np.full(50, 0.9 - 1.5 * size**-0.5)) for size in SIZES]
    found = project_doubling(ROWS, statistics, 500)
    assert found.gain is not None
    assert found.gain.value == pytest.approx(1.5 * (128**-0.5 - 256**-0.5), abs=0.002)
    assert found.fitted[-1].rows == pytest.approx(256)
    assert [one.score.value for one in found.fitted] == sorted(one.score.value for one in found.fitted)


def test_of_errors_a_fall_is_an_improvement() -> None:
    statistics = [means_of(np.full(50, 1 + 12 * size**-0.5), "mae") for size in SIZES]
    found = project_doubling(ROWS, statistics, 500)
    assert found.gain is not None
    assert found.gain.value == pytest.approx(12 * (128**-0.5 - 256**-0.5), abs=0.05)
    last = found.fitted[-1].score
    assert last.low <= last.value <= last.high
    assert last.value == pytest.approx(1 + 12 * 256**-0.5, abs=0.05)


def test_a_curve_that_rises_ever_faster_says_nothing_of_more_rows() -> None:
    statistics = [means_of(np.full(200, share)) for share in (0.1, 0.12, 0.2, 0.6)]
    found = project_doubling(ROWS, statistics, 300)
    assert (found.outlook, found.gain, found.fitted) == ("no_law", None, ())


def test_no_score_beyond_the_best_is_expected() -> None:
    statistics = [means_of(np.repeat([1.0, 0.0], [right, 100 - right])) for right in (60, 80, 95, 99)]
    found = project_doubling(ROWS, statistics, 500)
    assert all(0 <= one.score.low <= one.score.high <= 1 for one in found.fitted)
