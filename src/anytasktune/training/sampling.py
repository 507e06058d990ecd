"""Sampling of rows: which ones an epoch has, in which order. Pure: sizes in, row indices out.

The rows of several tasks stand one task after the other. A task of n rows gets a share of n^(1/T) of every epoch (T: the
sampling temperature, as in multilingual pretraining), so that a large task does not drown a small one; an epoch has as many
rows as there are.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate

_EPOCHS_APART = 1_000_003
_TASKS_APART = 7_368_787
_MIXING = 15_485_863
_LABEL_TEMPERATURE = 2.0
_RUN_LENGTH = 4
"""Rows of a task that follow each other where more tasks than this are mixed: the prefix they share is computed once for all
four. Of fewer tasks every step has several rows anyway."""


def epoch_shares(sizes: Sequence[int], temperature: float) -> list[int]:
    """Number of rows of each task in an epoch.

    Together they are as many as there are rows, and each is within one row of its exact share. With `temperature` at least
    1 no task of one row or more gets none.

    Args:
        sizes: rows of each task.
        temperature: 1 draws every row once per epoch; towards infinity all tasks get the same.
    """
    total = sum(sizes)
    weights = [size ** (1 / temperature) for size in sizes]
    exact = [total * weight / (sum(weights) or 1) for weight in weights]
    shares = [math.floor(share) for share in exact]
    by_rest = sorted(range(len(sizes)), key=lambda task: (shares[task] - exact[task], task))
    for task in by_rest[: total - sum(shares)]:
        shares[task] += 1
    return shares


def even_shares(available: Sequence[int], limit: int) -> list[int]:
    """Divide `limit` rows: as evenly as what is available allows, with one at least for everybody who has any."""
    shares = [0] * len(available)
    left = max(limit, sum(1 for count in available if count))
    ascending = sorted(range(len(available)), key=lambda place: available[place])
    for done, place in enumerate(ascending):
        shares[place] = min(available[place], left // (len(available) - done))
        left -= shares[place]
    return shares


def step_order(
    sizes: Sequence[int], batch_size: int, steps: int, seed: int, temperature: float = 1.0, run_length: int = _RUN_LENGTH
) -> list[list[int]]:
    """Row indices of every step; an epoch's last step may be smaller.

    A task's rows come as one seeded permutation after another, so each of them is shown once before any comes again, over
    epochs too; the tasks are mixed anew in every epoch. One task alone is shown whole in every epoch.

    Args:
        sizes: rows of each task; the rows of the second come after those of the first, and so on.
        batch_size: rows per step.
        steps: number of steps to plan.
        seed: equal seeds give equal plans; a longer plan begins with a shorter one.
        temperature: see `epoch_shares`.
        run_length: rows of a task that follow each other where more than four are mixed.
    """
    shares = epoch_shares(sizes, temperature)
    starts = [0, *accumulate(sizes)]
    streams = [_stream(size, starts[task], seed + task * _TASKS_APART) for task, size in enumerate(sizes)]
    plan: list[list[int]] = []
    epoch = 0
    while len(plan) < steps:
        rows = [next(streams[task]) for task in _mixed(shares, seed, epoch, run_length)]
        plan += [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
        epoch += 1
    return plan[:steps]


def balanced_order(labels: Sequence[str], batch_size: int, steps: int, seed: int) -> list[list[int]]:
    """Row indices of every step, rare labels more often: a label of n rows gets a share of √n of every epoch.

    Args:
        labels: the label of each row.
    """
    places: dict[str, list[int]] = {}
    for place, label in enumerate(labels):
        places.setdefault(label, []).append(place)
    by_label = [place for rows in places.values() for place in rows]
    order = step_order([len(rows) for rows in places.values()], batch_size, steps, seed, _LABEL_TEMPERATURE, run_length=1)
    return [[by_label[row] for row in step] for step in order]


def _stream(size: int, start: int, seed: int) -> Iterator[int]:
    """The rows of one task for ever, as permutations."""
    cycle = 0
    while True:
        yield from (start + row for row in _permutation(size, seed * _EPOCHS_APART + cycle))
        cycle += 1


def _mixed(shares: Sequence[int], seed: int, epoch: int, run_length: int) -> list[int]:
    """The task of every row of an epoch, a few rows of one task in a run."""
    length = run_length if len(shares) > _RUN_LENGTH else 1
    runs = [(task, min(length, share - start)) for task, share in enumerate(shares) for start in range(0, share, length)]
    order = _permutation(len(runs), _MIXING + seed * _EPOCHS_APART + epoch)
    return [runs[place][0] for place in order for _ in range(runs[place][1])]


def _permutation(size: int, seed: int) -> list[int]:
    import torch  # noqa: PLC0415  # takes seconds; who only asks for targets needs none

    generator = torch.Generator().manual_seed(seed)
    return [int(place) for place in torch.randperm(size, generator=generator)]
