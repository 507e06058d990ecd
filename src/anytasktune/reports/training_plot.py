"""Geometry of a plot of a training run: steps to the right, losses or scores upwards."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anytasktune.reports.svg_plots import axis_over

STEP_PLOT_WIDTH, STEP_PLOT_HEIGHT = 440, 180
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 14, 10, 26
_MOST_POINTS = 160
_FEW_POINTS = 24
"""A line of at most so many points is drawn with a dot at each."""


@dataclass(frozen=True)
class StepLine:
    """One measure over the steps; `points` are SVG `points`, `last` is its last value."""

    name: str
    points: str
    dots: tuple[tuple[float, float], ...]
    last: float


@dataclass(frozen=True)
class StepPlot:
    """Some measures in a box of `STEP_PLOT_WIDTH` x `STEP_PLOT_HEIGHT` points, y downwards; ticks are (place, text)."""

    lines: tuple[StepLine, ...]
    columns: tuple[tuple[float, str], ...]
    levels: tuple[tuple[float, str], ...]
    left: float = _LEFT
    right: float = STEP_PLOT_WIDTH - _RIGHT
    bottom: float = STEP_PLOT_HEIGHT - _BOTTOM
    width: float = STEP_PLOT_WIDTH
    height: float = STEP_PLOT_HEIGHT


def step_plot(measures: Mapping[str, Sequence[tuple[int, float]]], steps: int) -> StepPlot | None:
    """The plot; None where no measure has a finite value.

    Args:
        measures: name → its values after steps, in order. Of a long one neighbours are averaged.
        steps: number of steps of the whole run; the plot is as wide.
    """
    thinned = {name: _thinned([pair for pair in pairs if math.isfinite(pair[1])]) for name, pairs in measures.items()}
    found = {name: pairs for name, pairs in thinned.items() if pairs}
    if not found:
        return None
    values = [value for pairs in found.values() for _, value in pairs]
    axis = axis_over(min(values), max(values))
    last = max(steps, *(int(pairs[-1][0]) for pairs in found.values()))

    def across(step: float) -> float:
        return round(_LEFT + step / last * (STEP_PLOT_WIDTH - _LEFT - _RIGHT), 1)

    def down(value: float) -> float:
        return round(STEP_PLOT_HEIGHT - _BOTTOM - axis.percent(value) / 100 * (STEP_PLOT_HEIGHT - _TOP - _BOTTOM), 1)

    lines = []
    for name, pairs in found.items():
        places = tuple((across(step), down(value)) for step, value in pairs)
        points = " ".join(f"{x:g},{y:g}" for x, y in places)
        lines.append(StepLine(name, points, places if len(places) <= _FEW_POINTS else (), pairs[-1][1]))
    marks = sorted({0, round(last / 2), last})
    levels = tuple((down(tick), f"{tick:.4g}") for tick in axis.ticks)
    return StepPlot(tuple(lines), tuple((across(step), f"{step:,}") for step in marks), levels)


def _thinned(pairs: Sequence[tuple[int, float]]) -> list[tuple[float, float]]:
    """At most `_MOST_POINTS` values, each the mean of neighbours at their last step."""
    size = math.ceil(len(pairs) / _MOST_POINTS)
    groups = [pairs[start : start + size] for start in range(0, len(pairs), size or 1)]
    return [(group[-1][0], sum(value for _, value in group) / len(group)) for group in groups]
