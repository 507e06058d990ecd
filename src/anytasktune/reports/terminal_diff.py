"""Reports in the terminal: a list of them, and the differences between two."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from anytasktune.records import Language
from anytasktune.reports.report_words import VERDICT_SYMBOLS, Words, clean, p_words, signed, words
from anytasktune.reports.verdict_words import headline
from anytasktune.schema import Report
from anytasktune.schema.report_diff import ReportDiff, SystemDiff
from anytasktune.text.plain_text import shorten

_LONGEST_FACT = 60
_STYLES = {"better": "green", "worse": "red", "inconclusive": "yellow"}


def render_list(reports: Sequence[Report], last: str, language: Language = "en") -> RenderableType:
    """A paragraph per report, the oldest first; the last one, which `report` shows, is marked."""
    texts = words(language)
    lines = []
    for report in reports:
        mark = "●" if report.id == last else " "
        when = report.created[:16].replace("T", " ")
        tasks = texts.say("reports.tasks", count=len(report.tasks))
        about = texts.say("headline.list_joint").join([report.domain, report.model, tasks])
        lines.append(Text.assemble(f"{mark} ", (report.id, "bold"), f"  {when}  {clean(about)}"))
        lines.append(Text(f"    {headline(report, texts)}", style="dim"))
    return Group(*lines)


def render_diff(diff: ReportDiff, language: Language = "en") -> RenderableType:
    """Facts the reports were made unlike with, then a line per task and system: scores, difference, test, changed rows."""
    texts = words(language)
    say = texts.say
    blocks: list[RenderableType] = [Text(say("reports.diff", first=diff.first, second=diff.second), style="bold")]
    for fact in diff.changed:
        first, second = (shorten(clean(value), _LONGEST_FACT) or say("label.none") for value in (fact.first, fact.second))
        blocks.append(Text(f"  {fact.name}{say('label.colon')}{first} → {second}", style="dim"))
    for name in dict.fromkeys(entry.task for entry in diff.systems):
        entries = [entry for entry in diff.systems if entry.task == name]
        title = clean(entries[0].titles.get(language) or name)
        blocks.append(Text.assemble("\n", (title, "bold"), "  ", (say(f"metric.{entries[0].metric}"), "dim")))
        table = Table(box=None, padding=(0, 1), pad_edge=False, show_edge=False)
        for heading in ("", diff.first[:6], diff.second[:6], say("label.difference"), say("reports.rows")):
            table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
        for entry in entries:
            table.add_row(*_scores(entry, texts), style=_STYLES[entry.comparison.verdict] if entry.comparison else "dim")
        blocks += [table, *(Padding(_sentence(entry, texts), (0, 0, 0, 2)) for entry in entries)]
    for side, names in (("first", diff.only_first), ("second", diff.only_second)):
        if names:
            listed = say("headline.list_joint").join(names)
            blocks.append(Text("\n" + say("reports.only", report=getattr(diff, side), names=listed)))
    return Group(*blocks)


def _scores(entry: SystemDiff, texts: Words) -> list[str]:
    none = texts.say("label.none")
    first, second = (none if score is None else f"{score:.3f}" for score in (entry.first, entry.second))
    compared = entry.comparison
    difference = f"{VERDICT_SYMBOLS[compared.verdict]} {signed(compared.difference.value, 3)}" if compared else none
    return ["  " + texts.say(f"system.{entry.system}"), first, second, difference, str(entry.rows)]


def _sentence(entry: SystemDiff, texts: Words) -> Text:
    """The test of one system in words, or why there is none."""
    name = texts.say(f"system.{entry.system}")
    if entry.comparison is None:
        return Text(texts.say(f"reports.{entry.why_not}", name=name), style="dim")
    compared = entry.comparison
    values = {
        "name": name,
        "verdict": texts.say(f"verdict.{compared.verdict}"),
        "low": signed(compared.difference.low, 2),
        "high": signed(compared.difference.high, 2),
        "p": p_words(compared.p_holm),
        "improved": len(entry.improved),
        "worsened": len(entry.worsened),
    }
    return Text(texts.say("reports.test", **values))
