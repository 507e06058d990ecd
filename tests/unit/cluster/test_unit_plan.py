"""Units of work on slots: longest first, close to the time that no order can beat."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune.cluster.unit_plan import lower_bound, makespan, plan_units

_SECONDS = st.lists(st.floats(0.0, 1000.0), min_size=1, max_size=60)


@given(_SECONDS, st.integers(1, 9), st.integers(1, 16))
def test_every_work_is_in_one_unit_and_the_longest_begins_first(times: list[float], slots: int, together: int) -> None:
    seconds = {f"task_{number}": time for number, time in enumerate(times)}
    units = plan_units(seconds, slots=slots, most_together=together)
    assert sorted(name for unit in units for name in unit.members) == sorted(seconds)
    assert all(len(unit.members) <= together for unit in units)
    assert [unit.seconds for unit in units] == sorted((unit.seconds for unit in units), reverse=True)
    busy = min(slots, len(seconds))
    assert len(units) >= busy / 2, "no slot is left without work for the sake of large units"
    assert plan_units(dict(reversed(seconds.items())), slots=slots, most_together=together) == units


@given(_SECONDS, st.integers(1, 9))
def test_the_time_is_between_the_bound_and_that_of_any_list(times: list[float], slots: int) -> None:
    units = plan_units({f"task_{number}": time for number, time in enumerate(times)}, slots=slots)
    longest = max(times)
    assert lower_bound(units, slots) <= makespan(units, slots) * (1 + 1e-9)
    assert makespan(units, slots) <= sum(times) / slots + longest * (1 - 1 / slots) + 1e-6


@given(st.integers(1, 8), st.data())
def test_twelve_units_a_slot_of_similar_length_are_within_a_tenth_of_the_bound(slots: int, data: st.DataObject) -> None:
    times = data.draw(st.lists(st.floats(1.0, 4.0), min_size=12 * slots, max_size=16 * slots))
    units = plan_units({f"task_{number}": time for number, time in enumerate(times)}, slots=slots)
    assert makespan(units, slots) <= 1.1 * lower_bound(units, slots)


@pytest.mark.parametrize("slots", [1, 2, 4])
@pytest.mark.parametrize("count", [20, 50, 200, 1000])
def test_from_twenty_to_a_thousand_task_lms_of_very_different_length(count: int, slots: int) -> None:
    for seed in range(20):
        lengths = random.Random(seed)
        seconds = {f"task_{number}": lengths.lognormvariate(4.0, 0.8) for number in range(count)}
        units = plan_units(seconds, slots=slots)
        assert makespan(units, slots) <= 1.1 * lower_bound(units, slots)
