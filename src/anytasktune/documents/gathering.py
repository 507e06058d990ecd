"""The text of a document while it is put together from paragraphs, headings, table rows and pages."""

import re
from collections.abc import Sequence

from anytasktune.documents.refusal import too_large
from anytasktune.schema.passages import Heading, ReadDocument
from anytasktune.text.plain_text import collapse_space

MOST_CHARACTERS = 20_000_000
"""A document with more text than that is no longer one document."""

_SPACE = re.compile(r"[^\S\n]+")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ufffe\uffff\ud800-\udfff]")


class Gathered:
    """Paragraphs become blocks between blank lines; tables are Markdown rows; headings are lines of their own."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._in_table = False
        self._in_list = False
        self._headings: list[Heading] = []
        self._pages: list[int] = []
        self.title = ""
        self.notes: list[str] = []

    @property
    def headings(self) -> int:
        """How many there are so far."""
        return len(self._headings)

    def page(self) -> None:
        """A page, slide or sheet begins."""
        self._in_table = self._in_list = False
        self._pages.append(self._length)

    def paragraph(self, text: str) -> None:
        """Add a paragraph; its line breaks stay."""
        self._in_table = False
        self._block(clean(text))

    def broken_paragraph(self, text: str, breaks: Sequence[int]) -> None:
        """Add a paragraph that is clean already, with pages beginning at `breaks` within it."""
        self._in_table = False
        start = self._block(text)
        self._pages += [start + place for place in breaks]

    def item(self, text: str) -> None:
        """Add an item of a list: a line right below the item before."""
        self._in_table = False
        if item := clean(text):
            if self._in_list:
                self._append("\n" + item)
            else:
                self._block(item)
            self._in_list = True

    def heading(self, text: str, level: int) -> None:
        """Add a heading."""
        self._in_table = False
        title = collapse_space(clean(text))
        if title:
            start = self._block(title)
            self._headings.append(Heading(start=start, end=start + len(title), level=max(1, level), title=title))

    def row(self, cells: Sequence[str]) -> None:
        """Add a row of a table; the first one is its header."""
        shown = [collapse_space(clean(cell)).replace("|", "\\|") for cell in cells]
        if not any(shown):
            return
        line = f"| {' | '.join(shown)} |"
        if self._in_table:
            self._append("\n" + line)
        else:
            self._block(line)
            self._append("\n|" + " --- |" * len(shown))
        self._in_table = True

    def end_table(self) -> None:
        """The next row begins a table of its own."""
        self._in_table = False

    def document(self, sha256: str, kind: str) -> ReadDocument:
        """What was gathered, as a record."""
        title = self.title or next((heading.title for heading in self._headings), "")
        return ReadDocument(
            sha256=sha256,
            format=kind,
            detail="; ".join(self.notes),
            text="".join(self._parts),
            title=collapse_space(clean(title)),
            pages=[min(start, self._length) for start in self._pages],
            headings=self._headings,
        )

    def _block(self, text: str) -> int:
        """Append a block and return where it starts."""
        self._in_list = False
        if text and self._length:
            self._append("\n\n")
        start = self._length
        self._append(text)
        return start

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
        if self._length > MOST_CHARACTERS:
            raise too_large(f"it holds more than {MOST_CHARACTERS:,} characters of text")


def clean(text: str) -> str:
    """`text` without control characters and superfluous space."""
    text = _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0b", "\n"))
    lines = (_SPACE.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
