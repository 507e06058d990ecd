"""Geometry of the plots, in percent of the width or in points, for any renderer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from anytasktune.schema import Calibration, Interval, TaskReport

SPARK_WIDTH, SPARK_HEIGHT = 220, 56
_SPARK_MARGIN = 5
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5)
_MOST_TICKS = 6


@dataclass(frozen=True)
class Axis:
    """A linear axis from `low` to `high` with ticks at `ticks`, all in the metric's unit."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def percent(self, value: float) -> float:
        """Place of `value` in percent of the axis; values outside are at its ends."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 2)


@dataclass(frozen=True)
class Whisker:
    """A dot with its interval, in percent of the axis."""

    low: float
    value: float
    high: float


@dataclass(frozen=True)
class Sparkline:
    """A small curve in a box of `SPARK_WIDTH` x `SPARK_HEIGHT` points, y downwards.

    Attributes:
        points: the curve as SVG `points`.
        best: place of its lowest value.
        step: the step of that value.
        loss: the lowest value.
    """

    points: str
    best: tuple[float, float]
    step: int
    loss: float


RELIABILITY_SIZE = 150


@dataclass(frozen=True)
class ReliabilityDot:
    """A bin of answers in a box of `RELIABILITY_SIZE` points: probability to the right, share of right answers upwards."""

    x: float
    y: float
    radius: float


def reliability_dots(calibration: Calibration) -> tuple[ReliabilityDot, ...]:
    """The bins; the area of a dot is that of its rows."""
    return tuple(
        ReliabilityDot(
            x=round(RELIABILITY_SIZE * one.probability, 1),
            y=round(RELIABILITY_SIZE * (1 - one.right), 1),
            radius=round(2 + 8 * math.sqrt(one.rows / calibration.rows), 1),
        )
        for one in calibration.bins
    )


def axis_for(task: TaskReport) -> Axis:
    """From 0 to 1 for shares and F1, so that tasks can be compared by eye; to the next round number for an error."""
    if not task.lower_is_better:
        return Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))
    highest = max((result.score.high for result in task.systems if result.score), default=1.0)
    highest = max(highest, 1e-9)
    # the smallest of 1, 2, 2.5, 5 times a power of ten that makes at most four steps
    power = 10.0 ** math.floor(math.log10(highest / 4))
    step = next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= highest / 4 * (1 - 1e-9))
    count = math.ceil(highest / step)
    return Axis(0.0, count * step, tuple(index * step for index in range(count + 1)))


def axis_over(low: float, high: float) -> Axis:
    """An axis over these values with round ends and at most `_MOST_TICKS` ticks."""
    width = max(high - low, 1e-9)
    power = 10.0 ** max(0, math.ceil(math.log10(width)))
    step = next((part * power for part in _STEPS if width / (part * power) <= _MOST_TICKS - 2), power)
    first = math.floor(low / step + 1e-9)
    last = max(first + 1, math.ceil(high / step - 1e-9))  # equal values on a tick have a width too
    return Axis(first * step, last * step, tuple(round(place * step, 9) for place in range(first, last + 1)))


def whisker(axis: Axis, interval: Interval) -> Whisker:
    """`interval` in percent of `axis`."""
    return Whisker(axis.percent(interval.low), axis.percent(interval.value), axis.percent(interval.high))


def sparkline(curve: Sequence[tuple[int, float]]) -> Sparkline | None:
    """The curve of (step, loss); None for fewer than two finite points, which are no curve."""
    finite = [(step, loss) for step, loss in curve if math.isfinite(loss)]
    if len(finite) < 2:
        return None
    steps, losses = [step for step, _ in finite], [loss for _, loss in finite]
    width, height = SPARK_WIDTH - 2 * _SPARK_MARGIN, SPARK_HEIGHT - 2 * _SPARK_MARGIN
    points = []
    for step, loss in finite:
        across = (step - min(steps)) / (max(steps) - min(steps) or 1)
        down = (max(losses) - loss) / (max(losses) - min(losses) or 1)
        points.append((round(_SPARK_MARGIN + across * width, 1), round(_SPARK_MARGIN + down * height, 1)))
    lowest = losses.index(min(losses))
    return Sparkline(" ".join(f"{x:g},{y:g}" for x, y in points), points[lowest], steps[lowest], losses[lowest])
