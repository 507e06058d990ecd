"""Builds the text of a document from blocks: paragraphs, headings, list items, tables and pages."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from anytasktune.documents.skip_reasons import too_large
from anytasktune.schema.passages import Heading, ReadDocument
from anytasktune.text.plain_text import collapse_space

MOST_CHARACTERS = 20_000_000
"""Longest text of one document."""

_SPACE = re.compile(r"[^\S\n]+")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\xad\u200b\ufeff\ufffe\uffff\ud800-\udfff]")
_LINE_END = re.compile(r"\r\n?|\x0b")


@dataclass
class Block:
    """One block of a document.

    Attributes:
        text: of a paragraph, heading or item; clean.
        level: of a heading, 1 is the outermost.
        page_breaks: offsets in a paragraph at which pages begin.
        rows: of a table; the first one is its header.
    """

    kind: Literal["paragraph", "heading", "item", "table", "page"]
    text: str = ""
    level: int = 0
    page_breaks: Sequence[int] = ()
    rows: list[list[str]] = field(default_factory=list)


class DocumentBuilder:
    """Collects the blocks of a document, or of a cell in a table.

    Attributes:
        title: the document's title; its first heading if empty.
        notes: remarks on the text for the user, in words.
        hidden: number of parts left out because their author hid them, by name (`sheet`, `row`, `piece of text`).
        blocks: the blocks so far.
    """

    def __init__(self) -> None:
        self._length = 0
        self._verbatim: tuple[str, list[Heading]] | None = None
        self.title = ""
        self.notes: list[str] = []
        self.hidden: Counter[str] = Counter()
        self.blocks: list[Block] = []

    @classmethod
    def verbatim(cls, text: str, headings: list[Heading], title: str) -> "DocumentBuilder":
        """A document whose text stays as it is, so that spans lead to places in the file."""
        builder = cls()
        builder._grow(len(text))
        builder._verbatim, builder.title = (text, headings), title
        return builder

    def page(self) -> None:
        """Begin a page, slide or sheet."""
        self.blocks.append(Block("page"))

    def paragraph(self, text: str, page_breaks: Sequence[int] = (), *, preformatted: bool = False) -> None:
        """Add a paragraph; its line breaks stay.

        Args:
            page_breaks: offsets in `text` at which pages begin; `text` must be clean then.
            preformatted: keep blank lines, and the space in front of and within lines.
        """
        self._add("paragraph", text if page_breaks else clean(text, preformatted=preformatted), page_breaks=page_breaks)

    def item(self, text: str) -> None:
        """Add an item of a list, with its bullet or number; items that follow each other stand on lines of one block."""
        self._add("item", clean(text))

    def heading(self, text: str, level: int) -> None:
        """Add a heading."""
        self._add("heading", collapse_space(clean(text)), level=max(1, level))

    def row(self, cells: Sequence[str]) -> None:
        """Add a row to the table at the end, or begin a table with it; a row without text is left out."""
        row = [collapse_space(clean(cell)) for cell in cells]
        if any(row):
            self._grow(sum(map(len, row)))
            if not self.blocks or self.blocks[-1].kind != "table":
                self.blocks.append(Block("table"))
            self.blocks[-1].rows.append(row)

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Add a table."""
        if any(any(cells) for cells in rows):
            self.blocks.append(Block("table"))
            for cells in rows:
                self.row(cells)

    def extend(self, other: "DocumentBuilder") -> None:
        """Add the blocks of another builder."""
        self._grow(other._length)
        self.blocks += other.blocks

    def inline(self) -> str:
        """All blocks on one line, for a cell of a table."""
        parts = []
        for block in self.blocks:
            if block.kind == "table":
                parts.append("; ".join(", ".join(filter(None, row)) for row in block.rows))
            else:
                parts.append(block.text)
        return collapse_space(" ".join(parts))

    def record(self, sha256: str, format_name: str) -> ReadDocument:
        """The document as a record."""
        text, headings, pages = self._render() if self._verbatim is None else (*self._verbatim, [])
        notes = list(self.notes)
        hidden = +self.hidden
        if hidden:
            notes.append("left out because hidden: " + ", ".join(_counted(count, name) for name, count in hidden.items()))
        title = self.title or next((heading.title for heading in headings), "")
        return ReadDocument(
            sha256=sha256,
            format=format_name,
            detail="; ".join(notes),
            text=text,
            title=collapse_space(clean(title)),
            pages=[min(start, len(text)) for start in pages],
            headings=headings,
        )

    def _add(
        self,
        kind: Literal["paragraph", "heading", "item"],
        text: str,
        *,
        level: int = 0,
        page_breaks: Sequence[int] = (),
    ) -> None:
        if text:
            self._grow(len(text))
            self.blocks.append(Block(kind, text, level, page_breaks))

    def _grow(self, characters: int) -> None:
        self._length += characters
        if self._length > MOST_CHARACTERS:
            raise too_large(f"it holds more than {MOST_CHARACTERS:,} characters of text")

    def _render(self) -> tuple[str, list[Heading], list[int]]:
        """Text, headings, and the starts of pages."""
        parts: list[str] = []
        headings: list[Heading] = []
        pages: list[int] = []
        length, last = 0, ""
        for block in self.blocks:
            if block.kind == "page":
                pages.append(length)
                last = ""
                continue
            text = _markdown_table(block.rows) if block.kind == "table" else block.text
            gap = "" if not length else "\n" if block.kind == last == "item" else "\n\n"
            start = length + len(gap)
            parts += [gap, text]
            length, last = start + len(text), block.kind
            pages += [start + offset for offset in block.page_breaks]
            if block.kind == "heading":
                headings.append(Heading(start=start, end=length, level=block.level, title=text))
        return "".join(parts), headings, pages


def clean(text: str, *, preformatted: bool = False) -> str:
    """`text` without control characters, blank lines and superfluous space; if `preformatted`, only without the first."""
    text = _UNPRINTABLE.sub("", _LINE_END.sub("\n", text))
    if preformatted:
        return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")
    lines = (_SPACE.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _markdown_table(rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    return "\n".join(lines)


def _counted(count: int, name: str) -> str:
    """`1 sheet`, `2 sheets`, `3 pieces of text`."""
    noun, of, rest = name.partition(" of ")
    return f"{count:,} {noun}{'' if count == 1 else 's'}{of}{rest}"
