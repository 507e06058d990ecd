"""Builds the text of a document from paragraphs, headings, list items, tables and pages."""

import re
from collections.abc import Sequence

from anytasktune.documents.skip_reasons import too_large
from anytasktune.schema.passages import Heading, ReadDocument
from anytasktune.text.plain_text import collapse_space

MOST_CHARACTERS = 20_000_000
"""Longest text of one document."""

_SPACE = re.compile(r"[^\S\n]+")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ufffe\uffff\ud800-\udfff]")


class DocumentBuilder:
    """Collects blocks with blank lines between them; tables become Markdown rows, headings lines of their own.

    Attributes:
        title: the document's title; its first heading if empty.
        notes: what a user should know about the text, in words.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._in_table = False
        self._in_list = False
        self._headings: list[Heading] = []
        self._pages: list[int] = []
        self.title = ""
        self.notes: list[str] = []

    @classmethod
    def verbatim(cls, text: str, headings: list[Heading], title: str) -> "DocumentBuilder":
        """A document whose text stays as it is, so that spans lead to places in the file."""
        builder = cls()
        builder._append(text)
        builder._headings, builder.title = headings, title
        return builder

    def page(self) -> None:
        """Begin a page, slide or sheet."""
        self._in_table = self._in_list = False
        self._pages.append(self._length)

    def paragraph(self, text: str, page_breaks: Sequence[int] = ()) -> None:
        """Add a paragraph; its line breaks stay.

        Args:
            page_breaks: offsets in `text` at which pages begin; `text` must be clean then.
        """
        self._in_table = False
        start = self._block(text if page_breaks else clean(text))
        self._pages += [start + offset for offset in page_breaks]

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
        if title := collapse_space(clean(text)):
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
        """Let the next row begin a new table."""
        self._in_table = False

    def record(self, sha256: str, format_name: str) -> ReadDocument:
        """The document as a record."""
        title = self.title or next((heading.title for heading in self._headings), "")
        return ReadDocument(
            sha256=sha256,
            format=format_name,
            detail="; ".join(self.notes),
            text="".join(self._parts),
            title=collapse_space(clean(title)),
            pages=[min(start, self._length) for start in self._pages],
            headings=self._headings,
        )

    def _block(self, text: str) -> int:
        """Append a block and return its start."""
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
    """`text` without control characters, blank lines and superfluous space."""
    text = _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0b", "\n"))
    lines = (_SPACE.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
