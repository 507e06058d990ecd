"""What an epoch draws from several tasks, and in which order."""

import math
import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from anytasktune.training.sampling import balanced_order, epoch_shares, even_shares, step_order

sizes_strategy = st.lists(st.integers(1, 3000), min_size=1, max_size=14)
few_rows = st.lists(st.integers(1, 30), min_size=1, max_size=5)
temperatures = st.floats(1, 50)


@given(sizes=sizes_strategy, temperature=temperatures)
def test_a_task_gets_its_tempered_share_of_an_epoch_within_one_row_and_never_nothing(
    sizes: list[int], temperature: float
) -> None:
    shares = epoch_shares(sizes, temperature)
    whole = sum(size ** (1 / temperature) for size in sizes)
    assert sum(shares) == sum(sizes)
    assert min(shares) >= 1
    for size, share in zip(sizes, shares, strict=True):
        assert abs(share - sum(sizes) * size ** (1 / temperature) / whole) <= 1 + 1e-6


@given(sizes=sizes_strategy)
def test_temperature_one_shows_every_row_once(sizes: list[int]) -> None:
    assert epoch_shares(sizes, 1.0) == sizes


def test_a_higher_temperature_draws_the_tasks_together() -> None:
    assert epoch_shares([900, 100], 1.0) == [900, 100]
    assert epoch_shares([900, 100], 2.0) == [750, 250]
    assert epoch_shares([900, 100], 1000.0) in ([500, 500], [501, 499])


@given(sizes=few_rows, temperature=temperatures, batch_size=st.integers(1, 16), seed=st.integers(0, 9))
def test_the_plan_of_an_epoch_holds_the_shares_and_no_other_rows(
    sizes: list[int], temperature: float, batch_size: int, seed: int
) -> None:
    total = sum(sizes)
    steps = -(-total // batch_size)
    seen = [row for step in step_order(sizes, batch_size, steps, seed, temperature) for row in step]
    assert Counter(_task_of(row, sizes) for row in seen) == Counter(
        {task: share for task, share in enumerate(epoch_shares(sizes, temperature)) if share}
    )
    assert len(seen) == total


@given(sizes=few_rows, temperature=temperatures, seed=st.integers(0, 9))
def test_no_row_of_a_task_comes_again_before_all_of_them_were_shown(sizes: list[int], temperature: float, seed: int) -> None:
    seen = [row for step in step_order(sizes, 7, 30, seed, temperature) for row in step]
    for task, size in enumerate(sizes):
        rows = [row for row in seen if _task_of(row, sizes) == task]
        for start in range(0, len(rows), size):
            assert len(set(rows[start : start + size])) == len(rows[start : start + size])


@given(sizes=few_rows, seed=st.integers(0, 9), steps=st.integers(2, 40))
def test_a_longer_plan_begins_with_the_shorter_one_and_every_plan_repeats(sizes: list[int], seed: int, steps: int) -> None:
    plan = step_order(sizes, 4, steps, seed, 2.0)
    assert len(plan) == steps
    assert plan == step_order(sizes, 4, steps, seed, 2.0)
    assert plan[: steps // 2] == step_order(sizes, 4, steps // 2, seed, 2.0)


def test_tasks_are_mixed_within_an_epoch_and_anew_in_every_epoch() -> None:
    plan = step_order([40, 40], 8, 20, 0, 2.0)
    tasks = [[_task_of(row, [40, 40]) for row in step] for step in plan]
    assert all(0 < sum(step) < 8 for step in tasks)
    assert tasks[:10] != tasks[10:]


@given(available=st.lists(st.integers(0, 200), max_size=12), limit=st.integers(1, 300))
def test_dev_rows_are_divided_evenly_among_the_tasks_that_have_any(available: list[int], limit: int) -> None:
    shares = even_shares(available, limit)
    having = sum(1 for count in available if count)
    assert all(min(1, count) <= share <= count for share, count in zip(shares, available, strict=True))
    assert sum(shares) == min(sum(available), max(limit, having))
    open_shares = [share for share, count in zip(shares, available, strict=True) if share < count]
    assert not open_shares or max(shares) - min(open_shares) <= 1


def _task_of(row: int, sizes: list[int]) -> int:
    return next(task for task in range(len(sizes)) if row < sum(sizes[: task + 1]))


def test_a_step_over_many_tasks_holds_rows_of_few_so_that_their_prompts_are_shared() -> None:
    steps = step_order([40] * 10, batch_size=16, steps=25, seed=3)
    tasks_in = [len({row // 40 for row in step}) for step in steps]
    assert max(tasks_in) <= 5


@given(counts=st.lists(st.integers(1, 40), min_size=1, max_size=9), batch_size=st.integers(1, 16), seed=st.integers(0, 9))
def test_balanced_labels_show_every_row_of_a_label_once_before_any_comes_again(
    counts: list[int], batch_size: int, seed: int
) -> None:
    labels = [str(label) for label, count in enumerate(counts) for _ in range(count)]
    random.Random(seed).shuffle(labels)
    an_epoch = math.ceil(len(labels) / batch_size)
    order = balanced_order(labels, batch_size, 3 * an_epoch, seed)
    assert order[:an_epoch] == balanced_order(labels, batch_size, an_epoch, seed)
    drawn = Counter(row for step in order for row in step)
    assert drawn.total() == 3 * len(labels)
    for label in set(labels):
        times = [drawn[row] for row in range(len(labels)) if labels[row] == label]
        assert max(times) - min(times) <= 1


def test_balanced_labels_come_in_the_shares_of_their_roots() -> None:
    labels = ["rare"] * 4 + ["common"] * 100
    ((drawn),) = balanced_order(labels, 104, 1, seed=0)
    assert Counter(labels[row] for row in drawn) == {"rare": 17, "common": 87}
