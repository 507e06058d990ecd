"""Text on a terminal or in a pipe: words from data are shown as they are, never obeyed."""

import sys
import unicodedata
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

_STEERING = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Categories of characters that move the cursor, colour what follows or turn the direction of writing."""
_HARMLESS = "\n\t\u200d"


class PlainConsole(Console):
    """A rich console that reads no markup in strings and lets no text steer the terminal."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render with marks in place of steering characters."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


def show(renderable: RenderableType, *, whole_lines: bool = False) -> None:
    """Print on standard output; into a file or pipe without blanks at line ends and, with `whole_lines`, unwrapped."""
    console = PlainConsole()
    if console.is_terminal:
        console.print(renderable)
        return
    with console.capture() as capture:
        console.print(renderable, soft_wrap=whole_lines)
    sys.stdout.write(without_trailing_blanks(capture.get()))


def without_trailing_blanks(text: str) -> str:
    """`text` with no blanks before its line ends."""
    return "\n".join(line.rstrip(" ") for line in text.split("\n"))


def visible(text: str) -> str:
    """`text` with a visible mark for characters that would steer the terminal or change the direction of writing."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        "\ufffd" if letter not in _HARMLESS and unicodedata.category(letter) in _STEERING else letter
        for letter in text.replace("\r\n", "\n")
    )


def one_line(text: str, width: int) -> str:
    """`text` on one line, cut to `width` columns of a terminal (a Chinese character takes two) with an ellipsis."""
    line = Text(visible(" ".join(text.split())))
    line.truncate(width, overflow="ellipsis")
    return line.plain
