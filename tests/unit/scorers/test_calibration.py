"""Probabilities beside how often answers are right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from statsmodels.stats.proportion import proportion_confint

from anytasktune.schema import AnswerThreshold
from anytasktune.scorers.calibration import calibration

JUDGED = st.lists(st.tuples(st.floats(0.01, 0.99), st.booleans()), min_size=2, max_size=80)


@given(JUDGED)
def test_bins_are_those_of_scikit_learn(judged: list[tuple[float, bool]]) -> None:
    found = calibration(judged)
    assert sum(one.rows for one in found.bins) == len(judged)
    probabilities, right = map(np.array, zip(*judged, strict=True))
    if not any(abs(probability * 10 - round(probability * 10)) < 1e-9 for probability in probabilities):
        shares, means = calibration_curve(right, probabilities, n_bins=10, strategy="uniform")
        assert [one.right for one in found.bins] == pytest.approx(list(shares), abs=1e-9)
        assert [one.probability for one in found.bins] == pytest.approx(list(means), abs=1e-9)
    assert 0 <= found.error <= 1


def test_probabilities_that_are_what_they_say_have_no_error() -> None:
    assert calibration([(0.75, True)] * 3 + [(0.75, False)]).error == pytest.approx(0)
    assert calibration([(1.0, False)] * 4).error == 1


def test_coverage_and_share_at_a_threshold_have_an_interval() -> None:
    threshold = AnswerThreshold(target=0.9, dev_rows=30, probability=0.8, answered=20, right=18)
    found = calibration([(0.9, True)] * 8 + [(0.8, False)] * 2 + [(0.5, True)] * 5, threshold)
    assert (found.rows, found.answered, found.right) == (15, 10, 8)
    assert found.share is not None
    low, high = proportion_confint(8, 10, method="jeffreys")
    assert (found.share.value, found.share.low, found.share.high) == pytest.approx((0.8, low, high), abs=1e-9)
    assert calibration([(0.5, True)], threshold).share is None
