"""The results of all tasks together: the outcome against each opponent, and which granularity does each task best.

Training on several tasks can improve or impair each of them. Whether it does is read from paired tests between the Task-LMs
on the same rows; where those are inconclusive, nothing is claimed.
"""

from dataclasses import dataclass

from anytasktune.reports.report_words import VERDICT_SYMBOLS, Words, clean
from anytasktune.schema import Comparison, Report, TaskReport
from anytasktune.settings import SIMPLE, TASK_LMS, System
from anytasktune.settings.systems import in_report_order

_VERDICTS = ("better", "worse", "inconclusive")
_REVERSE = {"better": "worse", "worse": "better", "inconclusive": "inconclusive"}


def opponents(report: Report) -> list[System]:
    """The systems the Task-LMs were compared with anywhere in the report, the untuned base first."""
    found = {comparison.against for task in report.tasks for comparison in task.comparisons}
    untuned = [system for system in sorted(found, key=in_report_order) if system not in SIMPLE and system not in TASK_LMS]
    return [system for system in (*untuned, *reversed(SIMPLE), *TASK_LMS) if system in found]


def unbeaten(task: TaskReport) -> list[Comparison]:
    """The comparisons with simple baselines that the Task-LM is not better than, the strongest kind of baseline first."""
    return [entry for entry in reversed(task.comparisons) if entry.against in SIMPLE and entry.verdict != "better"]


def sublines(report: Report, words: Words) -> list[str]:
    """Sentences below the headline: the outcome against each opponent, and tasks that could not be compared.

    None for a single task, whose verdict stands beside them and whose table has every opponent.
    """
    lines: list[str] = []
    if len(report.tasks) < 2:
        return lines
    for opponent in opponents(report):
        verdicts = [entry.verdict for task in report.tasks for entry in task.comparisons if entry.against == opponent]
        counted = [words.say(f"count.{name}", count=verdicts.count(name)) for name in _VERDICTS if name in verdicts]
        joined = words.say("headline.list_joint").join(counted)
        lines.append(words.say("headline.second", opponent=words.say(f"opponent.{opponent}"), counts=joined))
    missing = sum(1 for task in report.tasks if not task.comparisons)
    if missing and opponents(report):
        lines.append(words.say("headline.not_compared", count=missing))
    return lines


def task_lms(task: TaskReport) -> tuple[System, ...]:
    """The Task-LMs that were evaluated on a task, the task's own first."""
    present = {result.system for result in task.systems}
    return tuple(system for system in TASK_LMS if system in present)


def best_task_lm(task: TaskReport) -> System | None:
    """The Task-LM that is better than every other one on this task; None where that is inconclusive.

    Better means the corrected verdict of their comparison. Naming the best of three takes two such verdicts, which is
    stricter than one, so no further correction is due.
    """
    rivals = task_lms(task)
    if len(rivals) < 2:
        return None
    duels = [(task.subject, comparison) for comparison in task.comparisons if comparison.against in rivals]
    duels += [("action", task.action_against_mixed)] if task.action_against_mixed else []
    won = {(system, entry.against) for system, entry in duels if entry.verdict == "better"}
    won |= {(entry.against, system) for system, entry in duels if entry.verdict == "worse"}
    return next((one for one in rivals if all((one, other) in won for other in rivals if other != one)), None)


@dataclass(frozen=True)
class GranularityRow:
    """The Task-LMs of different granularity on one task."""

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


def view_granularity(report: Report, words: Words) -> GranularityView | None:
    """The granularities side by side; None where no task was done by more than one Task-LM."""
    tasks = [task for task in report.tasks if len(task_lms(task)) > 1]
    if not tasks:
        return None
    systems = tuple(system for system in TASK_LMS if any(system in task_lms(task) for task in tasks))
    best, say = [best_task_lm(task) for task in tasks], words.say
    counted = [(say(f"system.{system}"), best.count(system)) for system in systems]
    counted.append((say("verdict.inconclusive"), best.count(None)))
    listed = say("headline.list_joint").join(f"{name} {count}" for name, count in counted)
    return GranularityView(
        systems=systems,
        rows=tuple(_granularity_row(task, systems, words) for task in tasks),
        summary=say("granularity.best") + say("label.colon") + listed,
        method=say("granularity.method"),
    )


def _granularity_row(task: TaskReport, systems: tuple[System, ...], words: Words) -> GranularityRow:
    scores = {result.system: f"{result.score.value:.3f}" for result in task.systems if result.score}
    # the sign in the cell of another Task-LM is that of its own comparison with the first, the reverse of the recorded one
    signs = {entry.against: VERDICT_SYMBOLS[_REVERSE[entry.verdict]] for entry in task.comparisons}
    none, best = words.say("label.none"), best_task_lm(task)
    return GranularityRow(
        name=task.task,
        title=clean(task.titles.get(words.language) or task.title),
        scores=tuple(f"{scores.get(system, none)} {signs.get(system, '')}".rstrip() for system in systems),
        best=best,
        word=words.say(f"system.{best}" if best else "verdict.inconclusive"),
    )
