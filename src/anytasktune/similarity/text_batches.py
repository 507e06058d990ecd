"""Work on many texts in batches that fit a processor's cache, several at a time."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.intp]
Result = TypeVar("Result")

_MOST_THREADS = 8


def batches(sizes: Positions, most: int, most_items: int = 1 << 12) -> list[slice]:
    """Consecutive stretches of items whose `sizes` sum to at most `most`, or that hold a single larger item."""
    ends = np.cumsum(sizes)
    found, start = [], 0
    while start < len(sizes):
        before = int(ends[start - 1]) if start else 0
        stop = int(np.searchsorted(ends, before + most, side="right"))
        stop = min(max(stop, start + 1), start + most_items)
        found.append(slice(start, stop))
        start = stop
    return found


def in_threads(work: Callable[[slice], Result], parts: Sequence[slice]) -> list[Result]:
    """The results of `work` in the order of `parts`; numpy lets go of the interpreter, so that threads do help."""
    if len(parts) < 2:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1, len(parts))) as pool:
        return list(pool.map(work, parts))
