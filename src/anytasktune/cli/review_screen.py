"""One candidate on the screen: what it says, where it comes from, and why a person should look at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from anytasktune.cli.review_facts import facts, versions, visible
from anytasktune.cli.review_words import about_in, word, words
from anytasktune.records import Language
from anytasktune.schema import Passage, Task

if TYPE_CHECKING:
    from anytasktune.review import QueueItem

_WIDEST = 100
_FRAME = 4
"""Columns that a frame and the space inside it take."""
_FRAMES = 5
"""Lines that the two frames take, and the one the cursor stands in."""
_FEWEST_LINES = 4
_GAP = 3
"""Columns between two keys."""


@dataclass(frozen=True)
class Place:
    """How far a reviewer is."""

    number: int
    total: int
    accepted: int
    seconds_left: float | None = None


class Screen:
    """Draws on standard error: whole screens in a terminal, one below the other in a pipe."""

    def __init__(self, task: Task, language: Language, passages: Mapping[str, Passage], *, settles: bool = False) -> None:
        """`settles`: what others decided is shown, as it is to be settled."""
        self.console = Console(stderr=True, highlight=False)
        self._task, self._language = task, language
        self._passages, self._settles = passages, settles

    @property
    def width(self) -> int:
        """Columns that are used."""
        return min(self.console.width, _WIDEST)

    def show(self, item: "QueueItem", place: Place, message: RenderableType, *, whole: bool = False) -> None:
        """Draw a candidate; what does not fit on the screen is cut unless `whole`."""
        cut = self.console.is_terminal and not whole
        said = facts(item, self._passages, self._language, settles=self._settles, whole=whole)
        others = [self._frame(self._wrapped(text), len(text), name, None) for name, text in self._versions(item)]
        tail = Group(*others, message, self._keys(len(others)))
        lines = [self._wrapped(text) for text in (item.candidate.input, item.candidate.output)]
        wanted = sum(map(len, lines))
        head, room = self._heading(place, said, tail, one_line=False)
        if cut and room < wanted:
            head, room = self._heading(place, said, tail, one_line=True)
        shares = _shares(lines, max(room, 2 * _FEWEST_LINES) if cut else wanted)
        texts = zip(lines, shares, ("input", "output"), (item.candidate.language, None), strict=True)
        frames = [self._frame(*each) for each in texts]
        self.close()
        self.console.print(Group(head, *frames, tail), width=self.width)

    def say(self, text: RenderableType) -> None:
        """A line or more of its own."""
        self.console.print(text, width=self.width)

    def page(self, text: RenderableType) -> None:
        """A screen of its own."""
        self.close()
        self.say(text)

    def close(self) -> None:
        """Leave the terminal empty for what is printed next."""
        if self.console.is_terminal:
            self.console.clear()

    def end(self, message: RenderableType) -> None:
        """After the last candidate: it can still be taken back."""
        keys = self._legend(("u", "q"))
        self.page(Group(Text(word(self._language, "said", "all_seen"), style="bold"), message, keys))

    def _heading(
        self, place: Place, said: Sequence[tuple[str, Text]], tail: RenderableType, *, one_line: bool
    ) -> tuple[Group, int]:
        """What stands above the texts, and the lines that are left for them."""
        bar = _bar(place, self.width) if self.console.is_terminal else Text()
        head = Group(self._progress(place), bar, _table(said, one_line=one_line), Text())
        return head, self.console.height - self._height(head) - self._height(tail) - _FRAMES

    def _height(self, part: RenderableType) -> int:
        return len(self.console.render_lines(part, self.console.options.update_width(self.width)))

    def _progress(self, place: Place) -> Table:
        language = self._language
        said = [word(language, "said", "progress", number=place.number, total=place.total)]
        said += [word(language, "said", "accepted", count=place.accepted)]
        if place.seconds_left is not None:
            said.append(word(language, "said", "time_left", time=about_in(language, place.seconds_left)))
        line = Table.grid(expand=True, padding=0)
        line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        line.add_column(justify="right", no_wrap=True)
        title = self._task.title.get(language) or self._task.name
        line.add_row(Text(f"{title} ", style="bold"), Text(" · ".join(said)))
        return line

    def _wrapped(self, text: str) -> list[Text]:
        shown = Text(visible(text)) if text else Text(word(self._language, "said", "none"), style="dim italic")
        return list(shown.wrap(self.console, self.width - _FRAME, tab_size=4))

    def _frame(self, lines: Sequence[Text], room: int, name: str, spoken: Language | None) -> Panel:
        cut = [*lines]
        if len(lines) > room:
            hidden = len(lines) - max(1, room - 1)
            cut = [*lines[:-hidden], Text(word(self._language, "said", "more_lines", count=hidden), style="dim italic")]
        title = words(self._language)["label"].get(name, name)
        if name == "input" and spoken:
            title += f" · {word(self._language, 'language', spoken)}"
        colour = "cyan" if name == "input" else "green" if name == "output" else "yellow"
        text = Text("\n").join(cut)
        return Panel(text, title=Text(title, style=f"{colour} bold"), title_align="left", box=box.ROUNDED, border_style=colour)

    def _versions(self, item: "QueueItem") -> list[tuple[str, str]]:
        if not self._settles:
            return []
        return [
            (word(self._language, "said", "version", number=number), f"{input_text}\n\n{output_text}")
            for number, (input_text, output_text) in enumerate(versions(item), 1)
        ]

    def _keys(self, count: int) -> Text:
        return self._legend((*"aersuvq?", "1" if count else ""), f"1-{count}" if count > 1 else "1")

    def _legend(self, keys: Sequence[str], numbers: str = "") -> Text:
        """Keys and what they do, as many in a line as fit."""
        line = Text()
        column = 0
        for key in filter(None, keys):
            entry = Text(numbers if key == "1" else key, style="bold cyan")
            entry.append(f" {word(self._language, 'key', key)}", style="not bold dim default")
            fits = column + _GAP + entry.cell_len <= self.width
            line.append(" " * _GAP if column and fits else "\n" if column else "").append(entry)
            column = (column + _GAP if fits else 0) + entry.cell_len
        return line


def _bar(place: Place, width: int) -> Text:
    """A line as long as the way, green as far as it is done."""
    done = width * (place.number - 1) // max(1, place.total)
    return Text("━" * done, style="green").append("━" * (width - done), style="bright_black")


def _shares(lines: Sequence[Sequence[Text]], room: int) -> tuple[int, int]:
    """Lines for the input and for the output: the output is cut only when it takes more than a third of what there is."""
    wanted, answer = len(lines[0]), len(lines[1])
    if wanted + answer <= room:
        return wanted, answer
    for_answer = min(answer, max(room // 3, room - wanted))
    return room - for_answer, for_answer


def _table(said: Sequence[tuple[str, Text]], *, one_line: bool) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True, min_width=max((cell_len(label) for label, _ in said), default=0))
    table.add_column(no_wrap=one_line, overflow="ellipsis" if one_line else "fold")
    for label, text in said:
        table.add_row(label, text)
    return table
