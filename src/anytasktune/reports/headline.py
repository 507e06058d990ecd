"""The sentences a report opens with: what may honestly be said of all tasks together."""

from collections import Counter
from collections.abc import Sequence

from anytasktune.reports.report_words import Words
from anytasktune.schema import Comparison, Report, TaskReport
from anytasktune.settings import SYSTEMS, System

Outcome = tuple[TaskReport, Comparison]
_VERDICTS = ("better", "worse", "cannot_tell")


def headline(report: Report, words: Words) -> str:
    """The outcome against the first opponent in one sentence (the untuned base, where it was judged)."""
    opponent = first_opponent(report)
    if opponent is None:
        return words.say("headline.nothing")
    found = _outcomes(report, opponent)
    counts: Counter[str] = Counter(comparison.verdict for _, comparison in found)
    named = {"opponent": words.say(f"opponent.{opponent}"), "total": len(found), "rows": _undecided_rows(found, words)}
    if len(counts) == 1:
        amount = "single" if len(found) == 1 else "all"
        return words.say(f"headline.{amount}_{found[0][1].verdict}", **named)
    parts = [words.say("headline.better" if counts["better"] else "headline.none_better", count=counts["better"], **named)]
    parts += [words.say(f"headline.{name}", count=counts[name], **named) for name in _VERDICTS[1:] if counts[name]]
    return words.say("headline.joint").join(parts) + words.say("headline.stop")


def sublines(report: Report, words: Words) -> list[str]:
    """Further sentences: the outcome against the other opponents, and tasks that could not be compared."""
    lines = []
    first = first_opponent(report)
    for opponent in opponents(report):
        if opponent != first:
            counts: Counter[str] = Counter(comparison.verdict for _, comparison in _outcomes(report, opponent))
            said = [words.say(f"count.{name}", count=counts[name]) for name in _VERDICTS if counts[name]]
            joined = words.say("headline.list_joint").join(said)
            lines.append(words.say("headline.second", opponent=words.say(f"opponent.{opponent}"), counts=joined))
    missing = sum(1 for task in report.tasks if not task.comparisons)
    if missing and first is not None:
        lines.append(words.say("headline.not_compared", count=missing))
    return lines


def opponents(report: Report) -> list[System]:
    """The systems the Task-LMs were compared with anywhere in the report, the untuned base first."""
    found = {comparison.against for task in report.tasks for comparison in task.comparisons}
    return [system for system in SYSTEMS if system in found]


def first_opponent(report: Report) -> System | None:
    """The opponent the headline speaks of."""
    return next(iter(opponents(report)), None)


def _outcomes(report: Report, opponent: System) -> list[Outcome]:
    return [(task, comparison) for task in report.tasks for comparison in task.comparisons if comparison.against == opponent]


def _undecided_rows(found: Sequence[Outcome], words: Words) -> str:
    rows = sorted({comparison.items for _, comparison in found if comparison.verdict == "cannot_tell"})
    if not rows:
        return ""
    return str(rows[0]) if len(rows) == 1 else words.say("headline.rows_range", low=rows[0], high=rows[-1])
