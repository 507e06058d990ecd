"""Transfer between languages in the terminal: a table of scores by the language of the training rows, and the findings."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from anytasktune.records import Language
from anytasktune.reports.terminal_paragraph import Paragraph
from anytasktune.reports.terminal_systems import VERDICT_STYLES
from anytasktune.reports.transfer_view import TransferCell, view_measured_transfers
from anytasktune.schema.language_transfer import LanguageTransfer


def render_transfers(transfers: Sequence[LanguageTransfer], language: Language = "en") -> RenderableType:
    """The transfers of several tasks for a console at least 80 columns wide."""
    view, texts = view_measured_transfers(transfers, language)
    if view is None:
        return Group()
    blocks: list[RenderableType] = []
    for task in dict.fromkeys(row.task for row in view.rows):
        rows = [row for row in view.rows if row.task == task]
        table = Table(box=None, padding=(0, 1), pad_edge=False, show_edge=False)
        table.add_column(f"  {texts.say('transfer.trained_on')}", no_wrap=True)
        for name in ("rows", "english", "chinese"):
            table.add_column(texts.say(f"transfer.{name}"), justify="right", no_wrap=True)
        for row in rows:
            table.add_row(Text(f"  {row.trained_on}"), row.train_rows, *map(_cell, row.cells))
        blocks += [Text.assemble("\n", (rows[0].title, "bold"), "  ", (rows[0].metric, "dim")), table]
    findings = [Padding(Paragraph(Text(line)), (0, 0, 0, 2)) for line in view.findings]
    return Group(*blocks, Text(), *findings, Padding(Paragraph(Text(view.how, style="dim")), (0, 0, 0, 2)))


def _cell(cell: TransferCell) -> Text:
    score = f"{cell.score} {cell.interval}".rstrip()
    difference = (f"{cell.difference:>8}", VERDICT_STYLES[cell.verdict]) if cell.verdict else ("        ", "")
    return Text.assemble(score, "  ", difference)
