"""A report in the terminal: the outcome, and one small table per task that fits 80 columns."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from anytasktune.records import Language
from anytasktune.reports.judge_view import JudgeView
from anytasktune.reports.overall_view import GranularityView
from anytasktune.reports.report_view import ReportView, TaskView, view_report
from anytasktune.reports.terminal_curves import curves_table
from anytasktune.reports.terminal_matrix import render_matrix
from anytasktune.reports.terminal_paragraph import Paragraph
from anytasktune.reports.terminal_systems import GENERAL_STYLE, SYSTEM_STYLES, VERDICT_STYLES, SystemsTable
from anytasktune.schema import Report


def render(report: Report, language: Language = "en") -> RenderableType:
    """The report for a rich console at least 80 columns wide. Text from data is never read as console markup."""
    view = view_report(report, language)
    opening: list[RenderableType] = [
        Paragraph(Text(view.headline, style=f"bold {VERDICT_STYLES[view.tone]}")),
        *(Paragraph(Text(line)) for line in view.sublines),
    ]
    opening += [_verdict(task) for task in view.tasks]
    granularity = [_granularity(view, view.granularity)] if view.granularity else []
    across = [render_matrix(view.matrix, view.words)] if view.matrix else []
    across += [_findings(view.words.say("forgetting.title"), view.forgetting.findings)] if view.forgetting else []
    across += [_findings(view.words.say("parity.title"), view.parity.findings)] if view.parity else []
    across += [_findings(view.words.say("transfer.title"), view.transfer.findings)] if view.transfer else []
    return Group(*opening, *(_task(view, task) for task in view.tasks), *granularity, *across)


def _verdict(task: TaskView) -> RenderableType:
    advice = Text(f"→ {task.verdict.advice}", style=f"bold {VERDICT_STYLES[task.verdict.tone]}")
    lines = [Text(task.verdict.outcome), advice] if task.verdict.advice else [Text(task.verdict.outcome)]
    return Group(Text(f"\n{task.title}", style="bold"), *(Padding(Paragraph(line), (0, 0, 0, 2)) for line in lines))


def _task(view: ReportView, task: TaskView) -> RenderableType:
    facts = view.words.say("headline.list_joint").join(f"{name} {value}" for name, value in task.facts)
    title = Text.assemble("\n", (task.title, "bold"), "  ", (task.metric_brief, "dim"))
    open_ones = [Text(f"≈ {task.detectable}", style=VERDICT_STYLES["inconclusive"])] if task.detectable else []
    advice = [Text(f"→ {line}", style="bold yellow") for line in task.advice]
    caveats = [Text(f"! {caveat}", style="yellow") for caveat in task.caveats]
    below = Padding(Paragraph(Text(facts, style="dim")), (0, 0, 0, 2))
    costs = [Text(line, style="dim") for line in task.costs]
    lines = [Padding(Paragraph(line), (0, 0, 0, 2)) for line in (*advice, *open_ones, *costs, *caveats)]
    curves = [Text(f"  {task.curves.title}", style="bold"), curves_table(task.curves)] if task.curves else []
    judged = [_judged(view, task.judged)] if task.judged else []
    return Group(title, below, SystemsTable(task, view.words), *lines, *curves, *judged)


def _judged(view: ReportView, judged: JudgeView) -> RenderableType:
    """The marks of an LLM judge by system, and the audit of the judge."""
    table = Table(box=None, padding=(0, 1), pad_edge=False, show_edge=False)
    table.add_column("", no_wrap=True)
    for name in ("score", "own_mean", "judged", "human"):
        table.add_column(view.words.say(f"judge.{name}"), justify="right", no_wrap=True)
    for row in judged.rows:
        cells = (f"  {row.name}", f"{row.score} {row.interval}", row.own_mean, row.judged, row.human)
        table.add_row(*(Text(cell, style=SYSTEM_STYLES.get(row.kind, GENERAL_STYLE)) for cell in cells))
    audit = [Text(f"! {line}", style="yellow") if is_warning else Text(line) for is_warning, line in judged.audit]
    about = Padding(Text(judged.about, style="dim"), (0, 0, 0, 2))
    return Group(Text(f"  {judged.title}", style="bold"), about, table, *(Padding(line, (0, 0, 0, 2)) for line in audit))


def _granularity(view: ReportView, granularity: GranularityView) -> RenderableType:
    say = view.words.say
    title = Text.assemble("\n", (say("granularity.title"), "bold"), "  ", (granularity.summary, "dim"))
    table = Table(box=None, padding=(0, 1), pad_edge=False, show_edge=False)
    table.add_column("")
    for system in granularity.systems:
        table.add_column(say(f"system.{system}"), justify="right", no_wrap=True)
    table.add_column(say("granularity.best"), no_wrap=True)
    for row in granularity.rows:
        style = SYSTEM_STYLES[row.best] if row.best else VERDICT_STYLES["inconclusive"]
        table.add_row(Text(f"  {row.title}"), *row.scores, Text(row.word, style=style))
    return Group(title, table, Padding(Paragraph(Text(granularity.method, style="dim")), (0, 0, 0, 2)))


def _findings(title: str, findings: tuple[str, ...]) -> RenderableType:
    """The findings alone; the pages have the table."""
    return Group(Text(f"\n{title}", style="bold"), *(Padding(Paragraph(Text(line)), (0, 0, 0, 2)) for line in findings))
