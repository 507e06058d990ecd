"""The errors of a task's Task-LM: groups of like faults, and for label tasks a confusion matrix with scores per label."""

from dataclasses import dataclass

from anytasktune.reports.fault_words import fault_name
from anytasktune.reports.report_words import Words, clean
from anytasktune.reports.svg_plots import ReliabilityDot, reliability_dots
from anytasktune.schema import SystemResult, TaskReport
from anytasktune.settings import System
from anytasktune.text.plain_text import shorten

MOST_GROUPS, MOST_LABELS = 10, 24
"""Groups that are shown; labels up to which a confusion matrix can be read."""
_LONGEST_LABEL = 24


@dataclass(frozen=True)
class GroupView:
    """Answers with the same fault; `place` is that of the group in the report."""

    place: int
    name: str
    count: int


@dataclass(frozen=True)
class CellView:
    """A cell of the confusion matrix; `shade` from 0 to 1 is its share of the row."""

    count: int
    shade: float
    is_right: bool


@dataclass(frozen=True)
class LabelView:
    """A label of the references: its scores, and its row of the confusion matrix."""

    label: str
    rows: int
    precision: str
    recall: str
    f1: str
    cells: tuple[CellView, ...]


@dataclass(frozen=True)
class CalibrationView:
    """The probabilities of one system: a reliability plot, and what the threshold does."""

    name: str
    dots: tuple[ReliabilityDot, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class ErrorsView:
    """The errors of one system on one task."""

    system: System
    name: str
    groups: tuple[GroupView, ...]
    more_groups: int
    """Groups that are not shown."""
    given: tuple[str, ...]
    """Columns of the confusion matrix; empty where it is not shown."""
    labels: tuple[LabelView, ...]


def view_errors(task: TaskReport, words: Words) -> ErrorsView | None:
    """The errors of the Task-LM; None where it was not evaluated, or has neither labels nor groups of faults."""
    result = next((result for result in task.systems if result.system == task.subject), None)
    if result is None or not (result.fault_groups or result.labels):
        return None
    shown = result.fault_groups[:MOST_GROUPS]
    groups = (GroupView(place, fault_name(group, words), len(group.rows)) for place, group in enumerate(shown))
    given = _columns(result)
    return ErrorsView(
        system=result.system,
        name=words.say(f"system.{result.system}"),
        groups=tuple(groups),
        more_groups=len(result.fault_groups) - len(shown),
        given=tuple(shorten(clean(label), _LONGEST_LABEL) for label in given),
        labels=_label_views(result, given),
    )


def view_calibration(task: TaskReport, words: Words) -> CalibrationView | None:
    """The probabilities of the Task-LM; None where it was not evaluated, or has none."""
    result = next((result for result in task.systems if result.system == task.subject), None)
    if result is None or result.calibration is None:
        return None
    found = result.calibration
    sentences = [words.say("calibration.error", error=f"{found.error:.3f}")]
    limit = found.threshold
    if limit and found.share:
        values = {
            "probability": f"{limit.probability:.2f}",
            "answered": found.answered,
            "rows": found.rows,
            "coverage": f"{found.answered / found.rows:.0%}",
            "right": found.right,
            "share": f"{found.share.value:.0%}",
            "interval": f"{found.share.low:.2f}–{found.share.high:.2f}",
        }
        sentences.append(words.say("calibration.threshold", target=f"{limit.target:.0%}", dev_rows=limit.dev_rows, **values))
    elif limit:
        known = "few_dev_rows" if limit.dev_rows < limit.FEWEST_DEV_ROWS else "all_unsure"
        sentences.append(words.say(f"calibration.{known}", target=f"{limit.target:.0%}", dev_rows=limit.dev_rows))
    return CalibrationView(words.say(f"system.{result.system}"), reliability_dots(found), tuple(sentences))


def _columns(result: SystemResult) -> list[str]:
    """The labels of the references, then what else was answered; none where there are too many to be read."""
    answered = [label for cells in result.confusion.values() for label in cells]
    columns = list(dict.fromkeys((*(score.label for score in result.labels), *answered)))
    return columns if len(columns) <= MOST_LABELS else []


def _label_views(result: SystemResult, given: list[str]) -> tuple[LabelView, ...]:
    views = []
    for score in result.labels:
        counts = result.confusion.get(score.label, {})
        cells = (CellView(counts.get(label, 0), counts.get(label, 0) / score.rows, label == score.label) for label in given)
        precision, recall, f1 = (f"{share:.2f}" for share in (score.precision, score.recall, score.f1))
        views.append(LabelView(shorten(clean(score.label), _LONGEST_LABEL), score.rows, precision, recall, f1, tuple(cells)))
    return tuple(views)
