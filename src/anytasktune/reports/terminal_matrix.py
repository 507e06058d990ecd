"""Every Task-LM on every task in the terminal: tasks by number, a few columns at a time, so that 80 columns are enough."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from anytasktune.reports.matrix_view import CellView, MatrixView
from anytasktune.reports.report_words import Words

_COLUMNS = 7
"""Tasks side by side."""
_STYLES = {"own": "bold", "better": "green", "worse": "red", "": ""}


def render_matrix(matrix: MatrixView, words: Words) -> RenderableType:
    """The advice, then the scores, each with the sign of its difference to the task's own Task-LM."""
    legend = [Text(f"  {number} {title}", style="dim") for number, (_, title) in enumerate(matrix.tasks, 1)]
    parts: list[RenderableType] = [Text(f"\n{words.say('matrix.title')}", style="bold")]
    parts += [Padding(Text(line), (0, 0, 0, 2)) for line in matrix.advice]
    for start in range(0, len(matrix.tasks), _COLUMNS):
        end = min(start + _COLUMNS, len(matrix.tasks))
        table = Table(box=None, padding=(0, 1), pad_edge=False, show_edge=False)
        table.add_column("")
        for number in range(start + 1, end + 1):
            table.add_column(str(number), justify="right", no_wrap=True)
        for row in matrix.rows:
            table.add_row(Text(f"  {row.name}"), *(_cell(cell) for cell in row.cells[start:end]))
        parts.append(table)
    return Group(*parts, *legend, Padding(Text(matrix.how, style="dim"), (0, 0, 0, 2)))


def _cell(cell: CellView) -> Text:
    learned = " underline" if cell.learned else ""
    mark = f" {cell.symbol}" if cell.symbol else "  "
    return Text.assemble((cell.score, f"{_STYLES[cell.tone]}{learned}".strip()), (mark, _STYLES[cell.tone]))
