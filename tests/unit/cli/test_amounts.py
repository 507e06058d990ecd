"""Costs in a person's words."""

import pytest

from anytasktune.cli.amounts import about, against_estimate, cost, count, duration
from anytasktune.schema import Estimate


@pytest.mark.parametrize(
    ("seconds", "exact", "rough"),
    [
        (0.2, "0 s", "1 s"),
        (13, "13 s", "13 s"),
        (42, "42 s", "40 s"),
        (400, "6 min 40 s", "7 min"),
        (7530, "2 h 05 min", "2 h 10 min"),
    ],
)
def test_times_have_as_many_digits_as_they_deserve(seconds: float, exact: str, rough: str) -> None:
    assert (duration(seconds), about(seconds)) == (exact, rough)


def test_a_cost_is_one_line() -> None:
    whole = Estimate(tokens=410_400, seconds=371, memory_bytes=1_930_000_000)
    assert cost(whole) == "410 k tokens, about 6 min, 1.9 GB"
    assert [count(number) for number in (950, 12_345, 2_345_678)] == ["950", "12 k", "2.35 M"]


@pytest.mark.parametrize(
    ("error", "seconds", "said"),
    [
        (0.112, 400.0, "11 % more than estimated"),
        (-0.3, 400.0, "30 % less than estimated"),
        (0.001, 400.0, "as estimated"),
        (8.0, 0.5, ""),
        (None, 400.0, ""),
    ],
)
def test_what_a_run_took_is_compared_with_what_was_told(error: float | None, seconds: float, said: str) -> None:
    assert against_estimate(seconds, error) == said
