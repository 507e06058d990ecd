"""Reads web pages: the visible text, with headings, lists and tables."""

from html.parser import HTMLParser
from pathlib import Path

from anytasktune.documents.document_builder import DocumentBuilder
from anytasktune.documents.skip_reasons import SkippedFileError
from anytasktune.errors import DataError
from anytasktune.text.encodings import detect_encoding
from anytasktune.text.plain_text import collapse_space

_UNSEEN = frozenset({"script", "style", "template", "noscript", "svg", "math", "iframe", "object", "select", "nav"})
_BLOCKS = frozenset(
    {"p", "div", "br", "li", "ul", "ol", "dl", "dt", "dd", "section", "article", "main", "header", "footer", "aside"}
) | frozenset({"blockquote", "pre", "figure", "figcaption", "hr", "form", "address", "body"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}


def read_html(path: Path) -> DocumentBuilder:
    """A web page in whatever encoding it is."""
    try:
        encoding = detect_encoding(path)
    except DataError as error:
        raise SkippedFileError("broken", error.problems[0].what, error.problems[0].fix) from None
    builder = DocumentBuilder()
    builder.notes += [encoding.note] if encoding.note else []
    add_html(path.read_bytes().decode(encoding.codec, "replace"), builder)
    return builder


def add_html(html: str, builder: DocumentBuilder) -> None:
    """Add the visible text of a page to `builder`. Scripts, styles and navigation are left out; nothing is fetched or run."""
    page = _Page(builder)
    page.feed(html)
    page.close()
    page.finish()


class _Page(HTMLParser):
    def __init__(self, into: DocumentBuilder) -> None:
        super().__init__(convert_charrefs=True)
        self._into = into
        self._text: list[str] = []
        self._cells: list[str] | None = None
        self._in_cell = False
        self._unseen: list[str] = []
        self._in_title = False
        self._heading = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title":
            self._in_title = True
        elif tag in _UNSEEN:
            self._unseen.append(tag)
        elif tag in _HEADINGS:
            self._flush()
            self._heading = _HEADINGS[tag]
        elif tag == "table":
            self._flush()
            self._into.end_table()
        elif tag == "tr":
            self._end_row()
            self._cells = []
        elif tag in {"td", "th"}:
            self._end_cell()
            self._in_cell = True
        elif tag in _BLOCKS:
            self._break()
            if tag == "li":
                self._text.append("- ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self._break()

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif tag in self._unseen:
            del self._unseen[self._unseen.index(tag) :]
        elif tag in _HEADINGS:
            self._flush()
        elif tag in {"tr", "table"}:
            self._end_row()
        elif tag in {"td", "th"}:
            self._end_cell()
        elif tag in _BLOCKS:
            self._break()

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self._into.title += data if not self._unseen else ""
        elif not self._unseen:
            self._text.append(data)

    def finish(self) -> None:
        """The page is over, whatever was left open."""
        self._end_row()
        self._flush()

    def _break(self) -> None:
        if self._cells is not None or self._heading:
            self._text.append(" ")
        else:
            self._flush()

    def _flush(self) -> None:
        text = collapse_space("".join(self._text))
        if text == "-":  # what the item says is a block of its own, and follows
            return
        self._text.clear()
        if self._heading:
            self._into.heading(text, self._heading)
        elif text.startswith("- "):
            self._into.item(text)
        elif text:
            self._into.paragraph(text)
        self._heading = 0

    def _end_cell(self) -> None:
        if self._cells is None:
            self._flush()
            return
        text = collapse_space("".join(self._text))
        self._text.clear()
        if self._in_cell or text:
            self._cells.append(text)
        self._in_cell = False

    def _end_row(self) -> None:
        if self._cells is not None:
            self._end_cell()
            if len(self._cells) == 1:  # a table for the layout, not for values
                self._into.paragraph(self._cells[0])
            else:
                self._into.row(self._cells)
        self._cells = None
