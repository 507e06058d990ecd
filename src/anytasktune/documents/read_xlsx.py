"""Reads workbooks: a sheet is a page with its name as heading, and one table. Values are those Excel computed last."""

import datetime
import re
from collections.abc import Mapping
from pathlib import Path

from anytasktune.documents.document_builder import DocumentBuilder
from anytasktune.documents.read_plain import formula_notes, looks_like_formula
from anytasktune.documents.zip_containers import Container, Relation, attribute, open_container, parse_xml

MOST_COLUMNS = 1000
_BUILT_IN_DATES = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_NOT_FORMAT = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_DATE_LETTERS = re.compile("[ymdhs年月日]", re.IGNORECASE)
_COLUMN = re.compile("[A-Z]{1,3}")
_DAY_ZERO = {False: datetime.datetime(1899, 12, 30), True: datetime.datetime(1904, 1, 1)}


def read_xlsx(path: Path) -> DocumentBuilder:
    """A workbook. A formula without a stored value is given as it is written, and reported; nothing is computed."""
    builder = DocumentBuilder()
    formulas = 0
    with open_container(path) as container:
        main = container.main_part("xl/workbook.xml")
        relations = container.relations(main)
        book = container.tree(main)
        strings = _Strings()
        for kind, part in relations.values():
            if kind == "sharedStrings" and part in container:
                parse_xml(container.read(part), strings)
        dates = _date_styles(container, relations)
        from_1904 = any(attribute(item.attrib, "date1904") in {"1", "true"} for item in book.iter("workbookPr"))
        for item in book.iter("sheet"):
            key = next((value for name, value in item.attrib.items() if name.endswith("relationships}id")), "")
            kind, part = relations.get(key, ("", ""))
            builder.page()
            if part in container and kind == "worksheet":
                builder.heading(item.get("name", ""), 1)
                sheet = _Sheet(builder, strings.found, dates, from_1904)
                parse_xml(container.read(part), sheet)
                formulas += sheet.formulas
                if sheet.beyond:
                    note = f"{item.get('name', '')}: {sheet.beyond:,} cells beyond column {MOST_COLUMNS} were left out"
                    builder.notes.append(note)
        builder.title = container.title()
    builder.notes += formula_notes(formulas)
    return builder


def _date_styles(container: Container, relations: Mapping[str, Relation]) -> set[int]:
    """Numbers of the cell styles that show a number as a date or time."""
    for kind, part in relations.values():
        if kind == "styles" and part in container:
            styles = container.tree(part)
            own = {item.get("numFmtId", ""): item.get("formatCode", "") for item in styles.iter("numFmt")}
            dated = {key for key, code in own.items() if _DATE_LETTERS.search(_NOT_FORMAT.sub("", code))}
            dated |= {str(key) for key in _BUILT_IN_DATES if str(key) not in own}
            listed = styles.find("cellXfs")
            return {
                number for number, style in enumerate(listed if listed is not None else ()) if style.get("numFmtId") in dated
            }
    return set()


class _Strings:
    """The texts cells share; of those with phonetic signs only the text."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._parts: list[str] = []
        self._in_text = False
        self._phonetic = 0

    def start(self, name: str, attributes: dict[str, str], /) -> None:
        self._phonetic += name == "rPh"
        self._in_text = name == "t" and not self._phonetic

    def data(self, text: str, /) -> None:
        if self._in_text:
            self._parts.append(text)

    def end(self, name: str, /) -> None:
        self._phonetic -= name == "rPh"
        self._in_text = False
        if name == "si":
            self.found.append("".join(self._parts))
            self._parts.clear()


class _Sheet:
    def __init__(self, into: DocumentBuilder, shared: list[str], dates: set[int], from_1904: bool) -> None:
        self._into = into
        self._shared = shared
        self._dates = dates
        self._zero = _DAY_ZERO[from_1904]
        self._row: list[str] = []
        self._column = 0
        self._kind = ""
        self._style = 0
        self._reading = ""
        self._value: dict[str, str] = {}
        self.formulas = 0
        self.beyond = 0

    def start(self, name: str, attributes: dict[str, str], /) -> None:
        if name == "row":
            self._row = []
        elif name == "c":
            self._column = _column_number(attributes.get("r", ""), len(self._row))
            self._kind = attributes.get("t", "n")
            style = attributes.get("s", "")
            self._style = int(style) if style.isdigit() else -1
            self._value = {}
        elif name in {"v", "f", "t"}:
            self._reading = name

    def data(self, text: str, /) -> None:
        if self._reading:
            self._value[self._reading] = self._value.get(self._reading, "") + text

    def end(self, name: str, /) -> None:
        if name == "c" and self._column < MOST_COLUMNS:
            self._row += [""] * (self._column + 1 - len(self._row))
            self._row[self._column] = self._shown()
        elif name == "c":
            self.beyond += 1
        elif name == "row":
            self._into.row(self._row)
        self._reading = ""

    def _shown(self) -> str:
        """The cell as text."""
        value = self._value.get("v", "")
        if self._kind == "inlineStr":
            value = self._value.get("t", "")
        elif self._kind == "s":
            value = self._shared[int(value)] if value.isdigit() and int(value) < len(self._shared) else ""
        elif self._kind == "b":
            value = {"1": "TRUE", "0": "FALSE"}.get(value, value)
        elif self._kind == "n" and value:
            return self._number(value)
        if not value and self._value.get("f"):
            value = "=" + self._value["f"]
        self.formulas += looks_like_formula(value)
        return value

    def _number(self, value: str) -> str:
        try:
            number = float(value)
            if self._style in self._dates and 0 <= number < 2_958_466:
                return _as_date(self._zero + datetime.timedelta(days=number), number)
            return value if abs(number) >= 1e15 else f"{number:.15g}"
        except ValueError:
            return value


def _as_date(moment: datetime.datetime, number: float) -> str:
    """A date, a time of day (numbers below 1), or both."""
    rounded = (moment + datetime.timedelta(milliseconds=500)).replace(microsecond=0)
    if number < 1:
        return rounded.time().isoformat()
    return rounded.date().isoformat() if rounded.time() == datetime.time() else rounded.isoformat(" ")


def _column_number(reference: str, following: int) -> int:
    """0-based column of a reference such as `AB12`; `following` where there is none."""
    match = _COLUMN.match(reference)
    if match is None:
        return following
    number = 0
    for letter in match[0]:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
