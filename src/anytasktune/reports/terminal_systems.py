"""The systems of a task in the terminal: as many columns as there is room for, the most important ones first."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.table import Table
from rich.text import Text

from anytasktune.reports.report_view import TaskView
from anytasktune.reports.report_words import Words
from anytasktune.reports.svg_plots import Whisker

VERDICT_STYLES = {"better": "green", "worse": "red", "inconclusive": "yellow"}
SYSTEM_STYLES = {
    "constant": "dim",
    "nearest": "dim",
    "linear": "yellow",
    "base": "dim",
    "few_shot": "bright_cyan",
    "tuned": "bold green",
    "action": "cyan",
    "mixed": "magenta",
}
GENERAL_STYLE = "blue"
PLOT_WIDTH = 28
_INDENT = "  "
_NARROWEST_PLOT, _USUAL_PLOT = 8, 16
_SHORTEST_NAME, _LONGEST_NAME = 10, 25
_GAP = 2


@dataclass(frozen=True)
class _Column:
    head: str
    cells: tuple[Text, ...]

    @property
    def width(self) -> int:
        return _GAP + max(cell_len(self.head), *(cell.cell_len for cell in self.cells))


@dataclass(frozen=True)
class SystemsTable:
    """The table of a task; wider consoles show a wider plot, then more columns."""

    task: TaskView
    words: Words

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        """Lay the table out for the width of the console."""
        compared = [self._column(name) for name in ("score", "interval")]
        compared += [self._differences(), self._p_values()] if self.task.comparisons else []
        room = options.max_width - sum(column.width for column in compared)
        longest = max(_SHORTEST_NAME, min(_LONGEST_NAME, room - len(_INDENT)))
        names = [_INDENT + shortened(result.name, longest) for result in self.task.systems]
        room -= max(map(cell_len, names))
        if any(result.has_unscored for result in self.task.systems):
            compared.append(self._column("scored"))
            room -= compared[-1].width
        for name in ("well_formed", "seconds", "cost", "energy"):
            column = self._column(name)
            if column.width <= room - _USUAL_PLOT - _GAP and any(cell.plain for cell in column.cells):
                compared.append(column)
                room -= column.width
        plot = min(PLOT_WIDTH, room - _GAP)
        yield self._table(names, plot if plot >= _NARROWEST_PLOT else 0, compared)

    def _table(self, names: list[str], plot: int, columns: list[_Column]) -> Table:
        table = Table(box=None, padding=(0, 1), pad_edge=False, show_edge=False)
        table.add_column("", no_wrap=True)
        if plot:
            low, high = self.task.ticks[0][1], self.task.ticks[-1][1]
            table.add_column(f"{low}{high.rjust(plot - len(low))}", no_wrap=True)
        for column in columns:
            table.add_column(column.head, justify="right", no_wrap=True)
        for place, (name, result) in enumerate(zip(names, self.task.systems, strict=True)):
            line = whisker_line(result.whisker, plot) if result.whisker and plot else ""
            style = SYSTEM_STYLES.get(result.system, GENERAL_STYLE)
            drawn = [Text(line, style)] if plot else []
            table.add_row(Text(name, style), *drawn, *(column.cells[place] for column in columns))
        return table

    def _column(self, name: str) -> _Column:
        styles = [SYSTEM_STYLES.get(result.system, GENERAL_STYLE) for result in self.task.systems]
        values = [getattr(result, name) for result in self.task.systems]
        cells = tuple(Text(value, style) for value, style in zip(values, styles, strict=True))
        return _Column(self.words.say(f"label.{name}"), cells)

    def _differences(self) -> _Column:
        found = [self.task.against(result.system) for result in self.task.systems]
        cells = (
            Text(f"{one.symbol} {one.difference} [{one.interval}]", VERDICT_STYLES[one.verdict]) if one else Text()
            for one in found
        )
        return _Column(self.task.minus, tuple(cells))

    def _p_values(self) -> _Column:
        found = [self.task.against(result.system) for result in self.task.systems]
        return _Column(self.task.p_head, tuple(Text(one.p_value if one else "") for one in found))


def shortened(name: str, longest: int) -> str:
    """A name that fits its column, with `…` in the middle where something is left out."""
    while cell_len(name) > longest:
        half = (len(name) - 1) // 2
        name = f"{name[:half].removesuffix('…')}…{name[half + 2 :]}"
    return name


def whisker_line(whisker: Whisker, width: int = PLOT_WIDTH) -> str:
    """A dot with its interval drawn in `width` characters: `   ├──●───┤   `."""
    low, value, high = (round(place / 100 * (width - 1)) for place in (whisker.low, whisker.value, whisker.high))
    cells = [" "] * low + ["─"] * (high - low + 1) + [" "] * (width - 1 - high)
    if high > low:
        cells[low], cells[high] = "├", "┤"
    cells[value] = "●"
    return "".join(cells)
