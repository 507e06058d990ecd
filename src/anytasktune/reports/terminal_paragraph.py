"""A paragraph in the terminal: broken between words, and in Chinese between characters, as people write it."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

_NOT_FIRST = frozenset("，。；：、！？）》」』”’…%,.;:!?)]}")
"""Characters that begin no line."""
_NOT_LAST = frozenset("（《「『“‘([{")
"""Characters that end no line."""


@dataclass(frozen=True)
class Paragraph:
    """A text that is wrapped at the width of the console.

    rich takes a run of Chinese characters for one word, and leaves half of the line before it empty.
    """

    text: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        for line in self.text.divide(list(_ends(self.text.plain, options.max_width))):
            line.rstrip()
            yield line


def _ends(text: str, width: int) -> Iterator[int]:
    """The offsets at which a new line begins."""
    start, last = 0, 0
    for place in range(1, len(text) + 1):
        if text[place - 1] == "\n":
            yield place
            start = place
        elif cell_len(text[start:place].rstrip(" ")) > width:
            start = last if last > start else place - 1
            yield start
        if place < len(text) and _may_break(text[place - 1], text[place]):
            last = place


def _may_break(before: str, after: str) -> bool:
    """Whether a line may end between two characters."""
    if before == " " or after == " ":
        return before == " " and after != " "
    is_wide = cell_len(before) == 2 or cell_len(after) == 2
    return is_wide and before not in _NOT_LAST and after not in _NOT_FIRST
