"""The Task-LMs of different granularity side by side, as a reader meets them."""

from dataclasses import dataclass

from anytasktune.reports.best_granularity import best_task_lm, task_lms
from anytasktune.reports.report_words import VERDICT_SYMBOLS, Words, clean
from anytasktune.schema import Report, TaskReport
from anytasktune.settings import TASK_LMS, System

_REVERSE = {"better": "worse", "worse": "better", "cannot_tell": "cannot_tell"}


@dataclass(frozen=True)
class GranularityRow:
    """What the Task-LMs of different granularity make of one task."""

    name: str
    title: str
    scores: tuple[str, ...]
    """Per Task-LM of the report, with the sign of its comparison with the first one."""
    best: System | None
    word: str


@dataclass(frozen=True)
class GranularityView:
    """The Task-LMs side by side: which granularity does each task best."""

    systems: tuple[System, ...]
    rows: tuple[GranularityRow, ...]
    summary: str
    method: str


def view_granularity(report: Report, spoken: Words) -> GranularityView | None:
    """Which granularity does each task best; None where no task was done by more than one Task-LM."""
    judged = [task for task in report.tasks if len(task_lms(task)) > 1]
    if not judged:
        return None
    systems = tuple(system for system in TASK_LMS if any(system in task_lms(task) for task in judged))
    best, say = [best_task_lm(task) for task in judged], spoken.say
    counted = [(say(f"system.{system}"), best.count(system)) for system in systems]
    counted.append((say("verdict.cannot_tell"), best.count(None)))
    return GranularityView(
        systems=systems,
        rows=tuple(_granularity_row(task, systems, spoken) for task in judged),
        summary=say("granularity.best")
        + say("label.colon")
        + say("headline.list_joint").join(f"{name} {count}" for name, count in counted),
        method=say("granularity.method"),
    )


def _granularity_row(task: TaskReport, systems: tuple[System, ...], spoken: Words) -> GranularityRow:
    scores = {result.system: f"{result.score.value:.3f}" for result in task.systems if result.score}
    # the sign in the cell of another Task-LM says what that one is beside the first, hence the reverse of the comparison
    signs = {entry.against: VERDICT_SYMBOLS[_REVERSE[entry.verdict]] for entry in task.comparisons}
    none, best = spoken.say("label.none"), best_task_lm(task)
    return GranularityRow(
        name=task.task,
        title=clean(task.titles.get(spoken.language) or task.title),
        scores=tuple(f"{scores.get(system, none)} {signs.get(system, '')}".rstrip() for system in systems),
        best=best,
        word=spoken.say(f"system.{best}" if best else "verdict.cannot_tell"),
    )
