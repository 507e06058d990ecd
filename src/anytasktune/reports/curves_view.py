"""Learning curves of a task, worded: a table of scores by training rows, and what more rows would bring."""

from dataclasses import dataclass

from anytasktune.records import Language
from anytasktune.reports.curve_plot import CurvePlot, curve_plot
from anytasktune.reports.report_words import Words, clean, signed, words
from anytasktune.schema import Interval
from anytasktune.schema.learning_curve import TRAINING_SPREAD, Learner, LearningCurve, LearningCurves

_HARDLY = 0.03
"""Of a share; a flat curve that can rise by at most so much per doubling is one that more rows will hardly help."""
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class CurveRow:
    """One learner: its scores by rising size, and the one expected of twice the rows (empty where nothing is said)."""

    learner: Learner
    name: str
    scores: tuple[str, ...]
    intervals: tuple[str, ...]
    expected: str
    bars: str
    """The scores as characters of rising height."""


@dataclass(frozen=True)
class CurvesView:
    """The learning curves of one task."""

    title: str
    about: str
    """Metric, its direction, and the rows that were answered."""
    sizes: tuple[str, ...]
    doubled: str
    """Head of the column of twice the rows; empty where nothing is said of them."""
    rows: tuple[CurveRow, ...]
    sentences: tuple[str, ...]
    how: str
    plot: CurvePlot


def view_curves(curves: LearningCurves, texts: Words) -> CurvesView:
    """Word the curves."""
    say = texts.say
    direction = say("label.lower" if curves.lower_is_better else "label.higher")
    brief = say("label.metric_brief", metric=curves.metric, direction=direction)
    largest = max(curves.curves, key=lambda curve: len(curve.points))
    doubled = any(curve.fitted for curve in curves.curves)
    crossing = _crossing(curves, texts)
    return CurvesView(
        title=say("curve.title"),
        about=say(f"curve.about_{curves.split}", brief=brief, count=largest.evaluated_rows),
        sizes=tuple(f"{point.rows:,}" for point in largest.points),
        doubled=say("curve.expected", rows=f"{2 * largest.points[-1].rows:,}") if doubled else "",
        rows=tuple(_row(curves, curve, texts) for curve in curves.curves),
        sentences=(*(_outlook(curves, curve, texts) for curve in curves.curves), *([crossing] if crossing else [])),
        how=say(f"curve.how_{curves.split}", spread=TRAINING_SPREAD),
        plot=curve_plot(curves),
    )


def title_of(curves: LearningCurves, language: Language) -> str:
    """The title of the task in a language, else its name."""
    return clean(curves.titles.get(language) or next(iter(curves.titles.values()), curves.task))


def more_rows_reason(curves: LearningCurves | None, texts: Words) -> str:
    """The expected improvement by twice the training rows as the end of a reason; empty where nothing is said of more rows."""
    own = curves.of("tuned") if curves else None
    if own is None or own.gain is None or own.gain.low <= 0:
        return ""
    return texts.say("reason.more_rows", **_bounds(own.gain), rows=f"{2 * own.points[-1].rows:,}")


def _row(curves: LearningCurves, curve: LearningCurve, texts: Words) -> CurveRow:
    scores = [point.score for point in curve.points]
    expected = ""
    if curve.fitted:
        last = curve.fitted[-1].score
        expected = f"{last.value:.3f} [{last.low:.2f}, {last.high:.2f}]"
    heights = [-score.value if curves.lower_is_better else score.value for score in scores]
    spread = max(heights) - min(heights)
    places = [round((height - min(heights)) / spread * (len(_BARS) - 1)) if spread else 0 for height in heights]
    return CurveRow(
        learner=curve.learner,
        name=texts.say(f"learner.{curve.learner}"),
        scores=tuple(f"{score.value:.3f}" for score in scores),
        intervals=tuple(f"{score.low:.2f}–{score.high:.2f}" for score in scores),
        expected=expected,
        bars="".join(_BARS[place] for place in places),
    )


def _outlook(curves: LearningCurves, curve: LearningCurve, texts: Words) -> str:
    name, slope = texts.say(f"learner.{curve.learner}"), _plain(curve.slope.value)
    values = {"name": name, "rows": f"{2 * curve.points[-1].rows:,}", "split": texts.say(f"curve.split_{curves.split}")}
    if curve.gain is not None:
        return texts.say("curve.rising", **values, **_bounds(curve.gain), slope=slope)
    if curve.outlook == "no_law":
        return texts.say("curve.no_law", **values, slope=slope)
    width = max(point.score.high for point in curve.points) if curves.lower_is_better else 1.0
    small = curve.slope.high < _HARDLY * width
    return texts.say("curve.flat" if small else "curve.unclear", **values, **_bounds(curve.slope))


def _bounds(interval: Interval) -> dict[str, str]:
    return {"gain": _plain(interval.value), "low": _plain(interval.low), "high": _plain(interval.high)}


def _plain(value: float) -> str:
    """Three digits after the point; a minus, but no plus."""
    return signed(value, 3).removeprefix("+")


def _crossing(curves: LearningCurves, texts: Words) -> str:
    """Where the Task-LM overtakes the linear model, by the scores seen; empty where they change places more than once."""
    own, linear = curves.of("tuned"), curves.of("linear")
    if own is None or linear is None:
        return ""
    pairs = zip(own.points, linear.points, strict=True)
    sign = -1 if curves.lower_is_better else 1
    ahead = [sign * (one.score.value - other.score.value) > 0 for one, other in pairs]
    if ahead != sorted(ahead):
        return ""
    if all(ahead) or not any(ahead):
        return texts.say("curve.always_ahead" if all(ahead) else "curve.never_ahead")
    return texts.say("curve.overtakes", rows=f"{own.points[ahead.index(True)].rows:,}")


def view_titled_curves(curves: LearningCurves, language: Language) -> tuple[str, CurvesView]:
    """The title of the task and its curves, worded in a language."""
    return title_of(curves, language), view_curves(curves, words(language))
