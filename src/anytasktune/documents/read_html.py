"""Reads web pages: the text a browser shows, with headings, lists, tables and formulas."""

import codecs
import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from xml.etree.ElementTree import TreeBuilder

from anytasktune.documents.document_builder import DocumentBuilder
from anytasktune.documents.formulas import SUBSCRIPT, SUPERSCRIPT, mathml_text, script
from anytasktune.documents.hidden_elements import Stylesheet, repeats_formula
from anytasktune.documents.list_numbers import list_number
from anytasktune.documents.skip_reasons import SkippedFileError
from anytasktune.documents.table_grid import TableGrid
from anytasktune.errors import DataError
from anytasktune.text.encodings import detect_encoding
from anytasktune.text.plain_text import collapse_space

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_NOT_TEXT = frozenset({"script", "style", "template", "noscript", "svg", "iframe", "object", "select", "datalist", "nav", "rp"})
_BLOCKS = frozenset(
    {"p", "div", "ul", "ol", "menu", "dl", "dt", "dd", "section", "article", "main", "header", "footer", "aside", "hgroup"}
) | frozenset(
    {"blockquote", "figure", "figcaption", "hr", "form", "fieldset", "legend", "address", "body", "details", "summary"}
)
_PREFORMATTED = frozenset({"pre", "listing", "xmp", "plaintext", "textarea"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SCRIPTS = {"sup": SUPERSCRIPT, "sub": SUBSCRIPT}
_VERTICAL = re.compile(r"vertical-align\s*:\s*(super|sub)\b", re.IGNORECASE)
_CELLS = frozenset({"td", "th"})
_TABLE_PARTS = frozenset({"table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th"})
_IMPLIED_ENDS = {
    "li": ({"li"}, {"ul", "ol", "menu", "td", "th"}),
    "dt": ({"dt", "dd"}, {"dl", "td", "th"}),
    "dd": ({"dt", "dd"}, {"dl", "td", "th"}),
    "td": ({"td", "th"}, {"tr", "table"}),
    "th": ({"td", "th"}, {"tr", "table"}),
    "tr": ({"tr", "caption"}, {"table"}),
    "thead": ({"thead", "tbody", "tfoot", "caption"}, {"table"}),
    "tbody": ({"thead", "tbody", "tfoot", "caption"}, {"table"}),
    "tfoot": ({"thead", "tbody", "tfoot", "caption"}, {"table"}),
    "rt": ({"rt"}, {"ruby"}),
    "rp": ({"rt"}, {"ruby"}),
}
"""Start tag → the open elements that it ends, as far as the nearest of some elements around them."""
_MOST_LOOKED_UP = 200
"""Open elements among which the one to end is looked for: pages may nest without bound."""
_SPACE = re.compile(r"[ \t\n\r\f]+")
_DECLARED = re.compile(
    rb"""<\?xml[^>]{0,200}?\bencoding\s*=\s*["']([\w.:-]+)|<meta\b[^>]{0,300}?\bcharset\s*=\s*["']?\s*([\w.:-]+)""",
    re.IGNORECASE,
)
_DECLARED_WITHIN = 4096
_ASCII_SUPERSETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "cp1252",
    "iso-8859-9": "cp1254",
}
"""Encodings that browsers read as a larger one; see https://encoding.spec.whatwg.org."""
_TEXT_CODEC = re.compile(
    r"utf-?8|iso-?8859-\d+|latin-?\d+|windows-\d+|cp\d+|koi8-[ru]|mac\w*|gb\w+|big5\w*|euc[-_]\w+|shift_?jis\w*"
)
_MOST_DAMAGED = 0.01


def read_html(path: Path) -> DocumentBuilder:
    """A web page in whatever encoding it is."""
    content = path.read_bytes()
    text, note = decode_html(content), ""
    if text is None:
        try:
            encoding = detect_encoding(path)
        except DataError as error:
            raise SkippedFileError("broken", error.problems[0].what, error.problems[0].fix) from None
        text, note = content.decode(encoding.codec, "replace"), encoding.note
    builder = DocumentBuilder()
    builder.notes += [note] if note else []
    add_html(text, builder)
    return builder


def decode_html(content: bytes) -> str | None:
    """A page as text: by its byte order mark, as UTF-8, or by the encoding it declares; None if neither fits."""
    for mark, codec in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if content.startswith(mark):
            return content.decode(codec, "replace")
    if b"\0" in content[:4]:
        codec = "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
        return content.decode(codec, "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        declared = _DECLARED.search(content[:_DECLARED_WITHIN])
    label = (declared[1] or declared[2]).decode("ascii").lower() if declared else ""
    if not _TEXT_CODEC.fullmatch(label):
        return None
    try:
        text = content.decode(_ASCII_SUPERSETS.get(label, label), "replace")
    except LookupError:
        return None
    foreign = sum(letter > "\x7f" for letter in text)
    return text if text.count("\ufffd") <= _MOST_DAMAGED * foreign else None


def add_html(html: str, builder: DocumentBuilder) -> None:
    """Add the visible text of a page to `builder`. Scripts, navigation and hidden elements are left out; nothing is run."""
    page = _Page(builder)
    page.feed(html)
    page.close()
    page.finish()


@dataclass
class _List:
    """An open list: its next number, or None where it has bullets; the style of its numbers."""

    number: int | None
    step: int = 1
    style: str = "1"


@dataclass
class _Element:
    """An open element.

    Attributes:
        hidden: neither it nor what is in it is shown.
        by_author: it is hidden by its author, not because of its kind.
        preformatted: white space in it is kept.
        mark: of a superscript or subscript.
        script_start: the place of its text.
    """

    tag: str
    hidden: bool = False
    by_author: bool = False
    preformatted: bool = False
    mark: str = ""
    script_start: int | None = None


@dataclass
class _Table:
    """An open table, and the builder around it."""

    around: DocumentBuilder
    grid: TableGrid = field(default_factory=TableGrid)
    columns: int = 1
    rows: int = 1


class _Page(HTMLParser):
    def __init__(self, builder: DocumentBuilder) -> None:
        super().__init__(convert_charrefs=True)
        self._document = self._builder = builder
        self._styles = Stylesheet()
        self._open: list[_Element] = []
        self._open_tags: Counter[str] = Counter()
        self._hidden = 0
        self._hides_text = False
        self._preformatted = 0
        self._text: list[str] = []
        self._bullet = ""
        self._heading = 0
        self._lists: list[_List] = []
        self._tables: list[_Table] = []
        self._math: TreeBuilder | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if self._math is not None:
            self._math.start(tag, attributes)
            self._open.append(_Element(tag))
            self._open_tags[tag] += 1
            return
        self._end_implied(tag)
        if tag == "br" and not self._hidden:
            self._text.append("\n")
        elif tag == "hr":
            self._flush()
        elif tag not in _VOID:
            self._start(tag, attributes)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "br":
            self._text.append("\n")
        elif tag == "p" and not self._open_tags["p"]:
            self._flush()
        elif self._open_tags[tag]:
            self._end_until({tag}, frozenset())

    def handle_data(self, data: str) -> None:
        top = self._open[-1].tag if self._open else ""
        if self._math is not None:
            self._math.data(data)
        elif top == "style":
            self._styles.add(data)
        elif top == "title" and not self._hidden:
            self._document.title += data
        elif self._hidden:
            self._hides_text |= top not in _NOT_TEXT and not data.isspace()
        else:
            self._text.append(data if self._preformatted else _SPACE.sub(" ", data))

    def unknown_decl(self, data: str) -> None:
        if data.startswith("CDATA["):
            self.handle_data(data.removeprefix("CDATA["))

    def finish(self) -> None:
        """End all elements that were left open."""
        while self._open:
            self._end_last()
        self._flush()

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        element = _Element(tag, mark=_SCRIPTS.get(tag, ""))
        self._open.append(element)
        self._open_tags[tag] += 1
        element.by_author = not self._hidden and tag not in _NOT_TEXT and self._styles.hides(tag, attributes)
        element.hidden = element.by_author or tag in _NOT_TEXT or repeats_formula(tag, attributes)
        self._hidden += element.hidden
        if self._hidden:
            self._hides_text &= not element.by_author
            return
        self._break(tag)
        if aligned := _VERTICAL.search(attributes.get("style", "")):
            element.mark = _SCRIPTS["sup" if aligned[1].lower() == "super" else "sub"]
        if tag in _PREFORMATTED or "white-space:pre" in attributes.get("style", "").replace(" ", "").lower():
            element.preformatted = True
            self._preformatted += 1
        if tag in _HEADINGS:
            self._heading = _HEADINGS[tag]
        elif tag in {"ul", "ol", "menu"}:
            self._lists.append(_list(tag, attributes))
        elif tag == "li":
            self._start_item(attributes)
        elif element.mark:
            element.script_start = len(self._text)
        elif tag in {"q", "rt"}:
            self._text.append("“" if tag == "q" else "(")
        elif tag == "math":
            self._math = TreeBuilder()
            self._math.start(tag, attributes)
        elif tag in _TABLE_PARTS:
            self._start_table_part(tag, attributes)

    def _start_item(self, attributes: dict[str, str]) -> None:
        around = self._lists[-1] if self._lists else _List(None)
        if around.number is None:
            self._bullet = "- "
            return
        value = attributes.get("value", "")
        around.number = int(value) if re.fullmatch(r"-?\d{1,9}", value) else around.number
        self._bullet = f"{list_number(around.number, around.style)}. "
        around.number += around.step

    def _start_table_part(self, tag: str, attributes: dict[str, str]) -> None:
        self._flush()
        if tag == "table":
            self._tables.append(_Table(self._builder))
            self._tables[-1].grid.is_layout = attributes.get("role", "") in {"presentation", "none"}
        elif self._tables:
            table = self._tables[-1]
            if tag == "tr":
                table.grid.start_row()
            elif tag in _CELLS | {"caption"}:
                table.columns, table.rows = _span(attributes.get("colspan", "1")), _span(attributes.get("rowspan", "1"))
                table.grid.has_headers |= tag == "th"
                self._builder = DocumentBuilder()

    def _end_table_part(self, tag: str) -> None:
        self._flush()
        if not self._tables:
            return
        table = self._tables[-1]
        if tag == "table":
            self._builder = self._tables.pop().around
            table.grid.add_to(self._builder)
        elif tag == "caption":
            table.grid.caption = self._builder.inline()
            self._builder = table.around
        elif tag in _CELLS:
            table.grid.cell(self._builder, max(1, table.columns), table.rows)
            self._builder = table.around
        elif tag in {"thead", "tbody", "tfoot"}:
            table.grid.end_row_group()

    def _end_implied(self, tag: str) -> None:
        """End the elements that a start tag ends without their end tags."""
        if (tag in _BLOCKS or tag in _HEADINGS or tag in _PREFORMATTED or tag in {"table", "li"}) and self._open_tags["p"]:
            self._end_until({"p"}, {"table", "td", "th", "caption", "button", "li"} - {tag})
        if tag in _IMPLIED_ENDS:
            self._end_until(*_IMPLIED_ENDS[tag])

    def _end_until(self, tags: "set[str]", around: "set[str] | frozenset[str]") -> None:
        """End the elements up to the nearest of `tags`, unless one of the elements `around` is nearer."""
        for depth, element in enumerate(reversed(self._open[-_MOST_LOOKED_UP:]), 1):
            if element.tag in tags:
                for _ in range(depth):
                    self._end_last()
                return
            if element.tag in around or (element.tag == "table" and not tags & _TABLE_PARTS):
                return

    def _end_last(self) -> None:
        element = self._open.pop()
        tag = element.tag
        self._open_tags[tag] -= 1
        if self._math is not None:
            self._math.end(tag)
            if tag == "math":
                self._text.append(mathml_text(self._math.close()))
                self._math = None
            return
        if element.hidden:
            self._hidden -= 1
            self._document.hidden["element"] += element.by_author and self._hides_text
        if self._hidden or element.hidden:
            return
        self._break(tag)
        if tag in _HEADINGS:
            self._heading = 0
        elif tag == "li":
            self._bullet = ""
        self._preformatted -= element.preformatted
        if tag in {"ul", "ol", "menu"} and self._lists:
            self._lists.pop()
        elif element.script_start is not None and element.script_start <= len(self._text):
            before, inside = "".join(self._text[: element.script_start][-1:]), "".join(self._text[element.script_start :])
            self._text[element.script_start :] = [script(inside, element.mark, before=before)]
        elif tag in {"q", "rt"}:
            self._text.append("”" if tag == "q" else ")")
        elif tag in _TABLE_PARTS:
            self._end_table_part(tag)

    def _break(self, tag: str) -> None:
        """End a block where a block begins or ends; blocks within a heading are its words."""
        if tag in _HEADINGS or tag == "li" or tag in _PREFORMATTED or (tag in _BLOCKS and not self._heading):
            self._flush()
        elif tag in _BLOCKS:
            self._text.append(" ")

    def _flush(self) -> None:
        """Add the text since the last block as a block of its own."""
        text = "".join(self._text)
        self._text.clear()
        if not text.strip():
            return
        if self._heading:
            self._builder.heading(text, self._heading)
        elif self._preformatted:
            self._builder.paragraph(self._bullet + text, preformatted=True)
        elif self._bullet:
            self._builder.item(self._bullet + " ".join(text.split()))
        else:
            for part in re.split(r"\n\s*\n", text):
                self._builder.paragraph("\n".join(collapse_space(line) for line in part.split("\n")))
        self._bullet = ""


def _list(tag: str, attributes: dict[str, str]) -> _List:
    if tag != "ol":
        return _List(None)
    start, backwards = attributes.get("start", ""), "reversed" in attributes
    has_start = re.fullmatch(r"-?\d{1,9}", start) is not None
    if backwards and not has_start:  # counts down from the number of items, which is not known here
        return _List(None)
    return _List(int(start) if has_start else 1, -1 if backwards else 1, attributes.get("type", "1"))


def _span(value: str) -> int:
    """Columns or rows that a cell spans; 0 rows: all that follow."""
    match = re.match(r"\s*(\d{1,6})", value)
    return int(match[1]) if match else 1
