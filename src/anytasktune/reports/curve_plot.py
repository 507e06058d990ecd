"""Geometry of a plot of learning curves: training rows to the right, doubling by doubling, the score upwards."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from anytasktune.reports.svg_plots import axis_over
from anytasktune.schema.learning_curve import Learner, LearningCurves

PLOT_WIDTH, PLOT_HEIGHT = 460, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 14, 10, 26
_APART = 3
"""Points by which dots of different learners are moved apart, so that their whiskers do not hide each other."""


@dataclass(frozen=True)
class CurveDot:
    """A measured score with the ends of its interval."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class CurveLine:
    """One learner; `law` and `band` are SVG `points`, empty where no law is fitted."""

    learner: Learner
    dots: tuple[CurveDot, ...]
    points: str
    law: str
    band: str


@dataclass(frozen=True)
class CurvePlot:
    """All learners in a box of `PLOT_WIDTH` x `PLOT_HEIGHT` points, y downwards; ticks are (place, text)."""

    lines: tuple[CurveLine, ...]
    columns: tuple[tuple[float, str], ...]
    levels: tuple[tuple[float, str], ...]
    left: float = _LEFT
    right: float = PLOT_WIDTH - _RIGHT
    bottom: float = PLOT_HEIGHT - _BOTTOM


def curve_plot(curves: LearningCurves) -> CurvePlot:
    """The plot; where a law is fitted, it reaches to twice all rows."""
    sizes = sorted({point.rows for curve in curves.curves for point in curve.points})
    shown = [point.score for curve in curves.curves for point in curve.points]
    shown += [fitted.score for curve in curves.curves for fitted in curve.fitted]
    axis = axis_over(min(score.low for score in shown), max(score.high for score in shown))
    doubled = any(curve.fitted for curve in curves.curves)
    first, last = math.log2(sizes[0]), math.log2(sizes[-1]) + doubled

    def across(rows: float) -> float:
        return _LEFT + 2 * _APART + (math.log2(rows) - first) / (last - first) * (PLOT_WIDTH - _LEFT - _RIGHT - 4 * _APART)

    def down(score: float) -> float:
        return PLOT_HEIGHT - _BOTTOM - axis.percent(score) / 100 * (PLOT_HEIGHT - _TOP - _BOTTOM)

    def joined(points: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{across(rows):.1f},{down(score):.1f}" for rows, score in points)

    lines = []
    for place, curve in enumerate(curves.curves):
        moved = _APART * (place - (len(curves.curves) - 1) / 2)
        dots = [
            CurveDot(
                x=round(across(point.rows) + moved, 1),
                y=round(down(point.score.value), 1),
                low=round(down(point.score.low), 1),
                high=round(down(point.score.high), 1),
            )
            for point in curve.points
        ]
        edges = [(one.rows, one.score.high) for one in curve.fitted]
        edges += [(one.rows, one.score.low) for one in reversed(curve.fitted)]
        law = joined([(one.rows, one.score.value) for one in curve.fitted])
        points = " ".join(f"{dot.x:g},{dot.y:g}" for dot in dots)
        lines.append(CurveLine(curve.learner, tuple(dots), points, law, joined(edges)))
    columns = [*sizes, *([2 * sizes[-1]] if doubled else [])]
    return CurvePlot(
        lines=tuple(lines),
        columns=tuple((round(across(rows), 1), f"{rows:,}") for rows in columns),
        levels=tuple((round(down(tick), 1), f"{tick:g}") for tick in axis.ticks),
    )
