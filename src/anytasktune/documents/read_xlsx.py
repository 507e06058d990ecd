"""Reads workbooks: a sheet is a page with its name as heading, and one table. Cells are read as they are shown.

Values are those that were computed last; nothing is computed. Hidden sheets, rows and columns are left out.
"""

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

from anytasktune.documents.document_builder import DocumentBuilder
from anytasktune.documents.formulas import SUBSCRIPT, SUPERSCRIPT, script
from anytasktune.documents.number_formats import BUILT_IN, format_number, format_text, serial_of
from anytasktune.documents.read_plain import formula_notes, looks_like_formula
from anytasktune.documents.zip_containers import Container, attribute, open_container, parse_xml, relation_id
from anytasktune.errors import counted

MOST_COLUMNS = 1000
_MOST_MERGED = 100_000
"""Cells that merged cells cover, beyond which they stand in their first cell only."""
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})?")
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3}\d{1,7}):([A-Z]{1,3}\d{1,7})"')
_EXACT = 1e15
_SCRIPTS = {"superscript": SUPERSCRIPT, "subscript": SUBSCRIPT}
_TRUE = frozenset({"1", "true"})


@dataclass
class _Workbook:
    """Data that all sheets share.

    Attributes:
        strings: the texts that cells refer to.
        formats: format code of each cell style.
        from_1904: whether days are counted from 1904.
    """

    strings: list[str] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    from_1904: bool = False


def read_xlsx(path: Path) -> DocumentBuilder:
    """A workbook. A formula without a stored value is given as it is written, and reported."""
    builder = DocumentBuilder()
    formulas = 0
    with open_container(path) as container:
        main = container.main_part("xl/workbook.xml")
        relations = container.relations(main)
        root = container.tree(main)
        workbook = _Workbook(from_1904=any(attribute(item.attrib, "date1904") in _TRUE for item in root.iter("workbookPr")))
        for kind, part in relations.values():
            if kind == "sharedStrings" and part in container:
                strings = _Strings()
                parse_xml(container.read(part), strings)
                workbook.strings = strings.found
            elif kind == "styles" and part in container:
                workbook.formats = _cell_formats(container.tree(part))
        for item in root.iter("sheet"):
            key = relation_id(item)
            kind, part = relations.get(key, ("", ""))
            if item.get("state", "visible") != "visible":
                builder.hidden["sheet"] += 1
            elif part in container and kind == "worksheet":
                builder.page()
                builder.heading(item.get("name", ""), 1)
                formulas += _add_sheet(container, part, item.get("name", ""), workbook, builder)
        builder.title = container.title()
    builder.notes += formula_notes(formulas)
    return builder


def _add_sheet(container: Container, part: str, name: str, workbook: _Workbook, builder: DocumentBuilder) -> int:
    """Add a sheet; returns its number of cells that look like formulas."""
    content = container.read(part)
    sheet = _Sheet(builder, workbook, _merged_cells(content))
    parse_xml(content, sheet)
    builder.hidden["column"] += len(sheet.found_hidden)
    if sheet.beyond:
        builder.notes.append(f"{name}: left out {counted(sheet.beyond, 'cell')} beyond column {MOST_COLUMNS}")
    return sheet.formulas


def _cell_formats(root: Element) -> list[str]:
    """Format code of each cell style."""
    own = {item.get("numFmtId", ""): item.get("formatCode", "") for item in root.iter("numFmt")}
    numbers = [style.get("numFmtId", "0") for style in root.findall("cellXfs/xf")]
    return [own.get(number, BUILT_IN.get(int(number), "") if number.isdigit() else "") for number in numbers]


def _merged_cells(content: bytes) -> dict[int, dict[int, tuple[int, int]]]:
    """Row → column of a cell covered by a merged one → row and column of that one's first cell."""
    covered: dict[int, dict[int, tuple[int, int]]] = {}
    count = 0
    for match in _MERGED.finditer(content, max(0, content.rfind(b"sheetData>"))):
        (row, column), (last_row, last_column) = (_place(corner.decode(), 0) for corner in match.groups())
        count += max(0, last_row - row + 1) * max(0, last_column - column + 1)
        if count > _MOST_MERGED:
            break
        for each in range(row, last_row + 1):
            for other in range(column + (each == row), last_column + 1):
                covered.setdefault(each, {})[other] = (row, column)
    return covered


def _place(reference: str, following: int) -> tuple[int, int]:
    """Row (from 1) and column (from 0) of a reference such as `AB12`; the `following` column where there is none."""
    match = _REFERENCE.match(reference)
    if match is None:
        return 0, following
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(match[2] or 0), column - 1


def _unescaped(text: str) -> str:
    """Text with the characters that spreadsheets escape as `_x000D_`."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


class _RichText:
    """Collects a text with its superscripts and subscripts; phonetic signs are left out."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._script = ""
        self._in_text = False
        self._phonetic = 0

    def start(self, name: str, attributes: dict[str, str], /) -> None:
        self._phonetic += name == "rPh"
        self._in_text = name == "t" and not self._phonetic
        if name == "r":
            self._script = ""
        elif name == "vertAlign":
            self._script = _SCRIPTS.get(attribute(attributes, "val"), "")

    def data(self, text: str, /) -> None:
        if self._in_text:
            before = self._pieces[-1] if self._pieces else ""
            self._pieces.append(script(_unescaped(text), self._script, before=before) if self._script else _unescaped(text))

    def end(self, name: str, /) -> None:
        self._phonetic -= name == "rPh"
        self._in_text = False
        if name == "r":
            self._script = ""

    def take(self) -> str:
        """The text so far; the next one begins."""
        text = "".join(self._pieces)
        self._pieces.clear()
        return text


class _Strings(_RichText):
    """The texts that cells share."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def end(self, name: str, /) -> None:
        super().end(name)
        if name == "si":
            self.found.append(self.take())


class _Sheet:
    """Adds the rows of a sheet to the document."""

    def __init__(self, builder: DocumentBuilder, workbook: _Workbook, covered: dict[int, dict[int, tuple[int, int]]]) -> None:
        self._builder, self._workbook, self._covered = builder, workbook, covered
        self._merging = {place for row in covered.values() for place in row.values()}
        self._merged: dict[tuple[int, int], str] = {}
        self._hidden_columns: list[range] = []
        self._row: dict[int, str] = {}
        self._row_number = 0
        self._row_hidden = False
        self._column = -1
        self._kind = self._style = self._reading = ""
        self._value: dict[str, str] = {}
        self._text = _RichText()
        self.found_hidden: set[int] = set()
        self.formulas = 0
        self.beyond = 0

    def start(self, name: str, attributes: dict[str, str], /) -> None:
        self._text.start(name, attributes)
        if name == "col" and (attributes.get("hidden") in _TRUE or attributes.get("width") == "0"):
            first, last = attributes.get("min", ""), attributes.get("max", "")
            if first.isdigit() and last.isdigit():
                self._hidden_columns.append(range(int(first) - 1, int(last)))
        elif name == "row":
            number = attributes.get("r", "")
            self._row, self._column = {}, -1
            self._row_number = int(number) if number.isdigit() else self._row_number + 1
            self._row_hidden = attributes.get("hidden") in _TRUE or attributes.get("ht") == "0"
        elif name == "c":
            self._column = _place(attributes.get("r", ""), self._column + 1)[1]
            self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "")
            self._value = {}
            self._text.take()
        elif name in {"v", "f"}:
            self._reading = name

    def data(self, text: str, /) -> None:
        self._text.data(text)
        if self._reading:
            self._value[self._reading] = self._value.get(self._reading, "") + text

    def end(self, name: str, /) -> None:
        self._text.end(name)
        if name == "c" and self._column < MOST_COLUMNS:
            if shown := self._shown():
                self._row[self._column] = shown
                if (self._row_number, self._column) in self._merging:
                    self._merged[self._row_number, self._column] = shown
        elif name == "c":
            self.beyond += 1
        elif name == "row":
            self._end_row()
        self._reading = ""

    def _end_row(self) -> None:
        if self._row_hidden:
            self._builder.hidden["row"] += bool(self._row)
            return
        sources = {column: (self._row_number, column) for column in self._row}
        for column, place in self._covered.get(self._row_number, {}).items():
            if place in self._merged and column < MOST_COLUMNS:
                self._row.setdefault(column, self._merged[place])
                sources.setdefault(column, place)
        hidden = {column for column in self._row if any(column in each for each in self._hidden_columns)}
        self.found_hidden |= hidden
        shown = sorted(set(self._row) - hidden)
        if not shown:
            return
        if len({sources[column] for column in shown}) == 1:  # one cell over the whole width stands once
            if sources[shown[0]][0] != self._row_number:
                return
            shown = shown[:1]
        columns = (column for column in range(shown[-1] + 1) if not any(column in each for each in self._hidden_columns))
        self._builder.row([self._row.get(column, "") for column in columns])

    def _shown(self) -> str:
        """The cell as text."""
        value, code = self._value.get("v", ""), ""
        if self._style.isdigit() and int(self._style) < len(self._workbook.formats):
            code = self._workbook.formats[int(self._style)]
        if self._kind == "b":
            return {"1": "TRUE", "0": "FALSE"}.get(value, value)
        if self._kind == "n" and value:
            return self._number(value, code)
        if self._kind == "d" and (serial := serial_of(value)) is not None:
            return format_number(serial, code or BUILT_IN[14])
        if self._kind == "inlineStr":
            value = self._text.take()
        elif self._kind == "s":
            place = int(value) if value.isdigit() else len(self._workbook.strings)
            value = self._workbook.strings[place] if place < len(self._workbook.strings) else ""
        else:
            value = _unescaped(value)
        if not value and self._value.get("f"):
            value = "=" + self._value["f"]
        self.formulas += looks_like_formula(value)
        return format_text(value, code) if value else ""

    def _number(self, value: str, code: str) -> str:
        try:
            number = float(value)
        except ValueError:
            return value
        if not math.isfinite(number):
            return value
        return value if abs(number) >= _EXACT and not code else format_number(number, code, from_1904=self._workbook.from_1904)
