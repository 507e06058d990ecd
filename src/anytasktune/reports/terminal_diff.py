"""Reports in the terminal: a list of them, and the differences between two."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from anytasktune.records import Language
from anytasktune.reports.diff_view import view_diff
from anytasktune.reports.report_words import clean, words
from anytasktune.reports.verdict_words import headline
from anytasktune.schema import Report
from anytasktune.schema.report_diff import ReportDiff

_STYLES = {"better": "green", "worse": "red", "inconclusive": "yellow", "": "dim"}


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
    view, say = view_diff(diff, language), words(language).say
    blocks: list[RenderableType] = [Text(view.title, style="bold")]
    blocks += [Text(f"  {name}{say('label.colon')}{first} → {second}", style="dim") for name, first, second in view.facts]
    for task in view.tasks:
        blocks.append(Text.assemble("\n", (task.title, "bold"), "  ", (task.metric, "dim")))
        table = Table(box=None, padding=(0, 1), pad_edge=False, show_edge=False)
        for heading in ("", diff.first[:6], diff.second[:6], say("label.difference"), say("reports.rows")):
            table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
        for one in task.systems:
            cells = (f"  {one.name}", one.first, one.second, one.difference, str(one.rows))
            table.add_row(*cells, style=_STYLES[one.verdict])
        sentences = [Text(one.sentence, style="" if one.verdict else "dim") for one in task.systems]
        blocks += [table, *(Padding(sentence, (0, 0, 0, 2)) for sentence in sentences)]
    blocks += [Text(f"\n{sentence}") for sentence in view.only]
    return Group(*blocks)
