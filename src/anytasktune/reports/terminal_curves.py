"""Learning curves in the terminal: a line per learner, a column per number of training rows."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from anytasktune.records import Language
from anytasktune.reports.curves_view import CurvesView, view_titled_curves
from anytasktune.schema.learning_curve import LearningCurves

_STYLES = {"tuned": "bold green", "head": "cyan", "linear": "yellow"}


def render_curves(curves: Sequence[LearningCurves], language: Language = "en") -> RenderableType:
    """The learning curves of several tasks, each below its title."""
    blocks: list[RenderableType] = []
    for one in curves:
        title, view = view_titled_curves(one, language)
        blocks += [Text.assemble("\n", (title, "bold"), "  ", (view.about, "dim")), curves_table(view)]
    return Group(*blocks)


def curves_table(view: CurvesView) -> RenderableType:
    """Scores by size, and the sentences about them."""
    table = Table(box=None, padding=(0, 1), pad_edge=False, show_edge=False)
    table.add_column("", no_wrap=True)
    for heading in ("", *view.sizes, *([view.doubled] if view.doubled else [])):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for row in view.rows:
        cells = (f"  {row.name}", row.bars, *row.scores, *([row.expected] if view.doubled else []))
        table.add_row(*(Text(cell, style=_STYLES[row.learner]) for cell in cells))
    lines = [*(Text(sentence) for sentence in view.sentences), Text(view.how, style="dim")]
    return Group(table, *(Padding(line, (0, 0, 0, 2)) for line in lines))
