"""Corrections and rank correlation, against their definitions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.scorers.statistics import holm, rank_correlation

probabilities = st.lists(st.floats(0, 1), max_size=12)


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


def test_the_rank_correlation_gives_ties_their_mean_rank() -> None:
    assert rank_correlation([1, 2, 3], [10, 20, 90]) == pytest.approx(1.0)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    assert rank_correlation([1, 2, 2, 3], [1, 3, 2, 4]) == pytest.approx(0.9486833)
    assert rank_correlation([1, 2], [5, 5]) is None
