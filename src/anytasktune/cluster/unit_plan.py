"""Work → units of work, longest first. A unit is done by one worker, its members side by side or one after the other."""

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """Work that is given to one worker.

    Attributes:
        members: names of the works.
        seconds: the time that all are expected to take.
    """

    members: tuple[str, ...]
    seconds: float


def plan_units(seconds: Mapping[str, float], *, slots: int, most_together: int = 1) -> list[Unit]:
    """Units in the order in which they are to begin: the longest first, so that the short ones fill the end.

    Works of similar length are put together, since a unit takes as long as its longest member where they run side by side.
    No more are put together than leave a unit for every slot.

    Args:
        seconds: expected time of each work by its name.
        slots: number of units that run at the same time.
        most_together: most works that a worker does better together than one by one.
    """
    ordered = sorted(seconds, key=lambda name: (-seconds[name], name))
    together = max(1, min(most_together, math.ceil(len(ordered) / max(1, slots))))
    groups = [tuple(ordered[start : start + together]) for start in range(0, len(ordered), together)]
    units = [Unit(group, sum(seconds[name] for name in group)) for group in groups]
    return sorted(units, key=lambda unit: (-unit.seconds, unit.members))


def makespan(units: Iterable[Unit], slots: int) -> float:
    """The time until all units have ended, each begun in order as soon as one of the slots is free."""
    free = [0.0] * slots
    for unit in units:
        heapq.heapreplace(free, free[0] + unit.seconds)
    return max(free)


def lower_bound(units: Sequence[Unit], slots: int) -> float:
    """No order takes less: the time of the longest unit, or an even share of all."""
    times = [unit.seconds for unit in units]
    return max([sum(times) / slots, *times])
