"""The differences between two reports in words, for any renderer."""

from dataclasses import dataclass

from anytasktune.records import Language
from anytasktune.reports.report_words import VERDICT_SYMBOLS, Words, clean, p_words, signed, words
from anytasktune.schema.report_diff import ReportDiff, SystemDiff
from anytasktune.text.plain_text import shorten

_LONGEST_FACT = 60


@dataclass(frozen=True)
class SystemDiffView:
    """One system on one task in both reports.

    Attributes:
        verdict: `better`, `worse` or `inconclusive`; empty where the two are not compared.
        sentence: the test in words, or why there is none.
        improved, worsened: ids of the rows that the second report's system answers better or worse.
    """

    name: str
    first: str
    second: str
    difference: str
    rows: int
    verdict: str
    sentence: str
    improved: tuple[str, ...]
    worsened: tuple[str, ...]


@dataclass(frozen=True)
class TaskDiffView:
    """One task in both reports."""

    title: str
    metric: str
    systems: tuple[SystemDiffView, ...]


@dataclass(frozen=True)
class DiffView:
    """Two reports.

    Attributes:
        facts: what they were made unlike with: name, first, second.
        only: what only one of them has, a sentence each.
    """

    title: str
    facts: tuple[tuple[str, str, str], ...]
    tasks: tuple[TaskDiffView, ...]
    only: tuple[str, ...]


def view_diff(diff: ReportDiff, language: Language = "en") -> DiffView:
    """Word the differences in `language`."""
    texts = words(language)
    say = texts.say

    def short(value: str) -> str:
        return shorten(clean(value), _LONGEST_FACT) or say("label.none")

    tasks = []
    for name in dict.fromkeys(entry.task for entry in diff.systems):
        entries = [entry for entry in diff.systems if entry.task == name]
        title, metric = clean(entries[0].titles.get(language) or name), say(f"metric.{entries[0].metric}")
        tasks.append(TaskDiffView(title, metric, tuple(_system(entry, texts) for entry in entries)))
    only = [
        say("reports.only", report=report, names=say("headline.list_joint").join(names))
        for report, names in ((diff.first, diff.only_first), (diff.second, diff.only_second))
        if names
    ]
    facts = tuple((fact.name, short(fact.first), short(fact.second)) for fact in diff.changed)
    return DiffView(say("reports.diff", first=diff.first, second=diff.second), facts, tuple(tasks), tuple(only))


def _system(entry: SystemDiff, texts: Words) -> SystemDiffView:
    none, compared = texts.say("label.none"), entry.comparison
    first, second = (none if score is None else f"{score:.3f}" for score in (entry.first, entry.second))
    name = texts.say(f"system.{entry.system}")
    difference, verdict, sentence = none, "", texts.say(f"reports.{entry.why_not}", name=name) if entry.why_not else ""
    if compared is not None:
        verdict = compared.verdict
        difference = f"{VERDICT_SYMBOLS[verdict]} {signed(compared.difference.value, 3)}"
        sentence = texts.say(
            "reports.test",
            name=name,
            verdict=texts.say(f"verdict.{verdict}"),
            low=signed(compared.difference.low, 2),
            high=signed(compared.difference.high, 2),
            p=p_words(compared.p_holm),
            improved=len(entry.improved),
            worsened=len(entry.worsened),
        )
    changed = tuple(entry.improved), tuple(entry.worsened)
    return SystemDiffView(name, first, second, difference, entry.rows, verdict, sentence, *changed)
