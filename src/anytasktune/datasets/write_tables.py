"""Rows with any columns → a file of a known ending. A text that a spreadsheet would run as a formula is written as text."""

import csv
import io
import json
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from anytasktune.errors import DataError

Row = Mapping[str, Any]
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[\d.,]+%?")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
"""Halves of characters, which JSON can escape and no text can hold."""
_DEEPEST = 20
"""Levels of lists and objects in a parquet column; a hundred cannot be read."""
_LONGEST_CELL, _MOST_SHEET_ROWS = 32_767, 1_048_576
_BYTE_ORDER_MARK = "\ufeff"


def table_bytes(path: Path, columns: Sequence[str], rows: Sequence[Row], as_they_are: Collection[str] = ()) -> bytes:
    """The content of a file with the ending of `path`: CSV, TSV, XLSX, JSON Lines, a JSON list, or parquet.

    Args:
        columns: names of the columns, in their order; a row that lacks one has an empty cell there.
        as_they_are: columns of CSV and TSV in which no text is kept from being a formula: those of the user's own table.

    Raises:
        DataError: files of this ending cannot be written, or the rows are too many or too long for a workbook.
    """
    return _WRITERS[known_ending(path)](columns, rows, frozenset(as_they_are))


def known_ending(path: Path) -> str:
    """The ending of a file that can be written, in small letters; DataError for another one."""
    ending = path.suffix.lower()
    if ending not in _WRITERS:
        fix = f"end its name in one of these: {', '.join(_WRITERS)}"
        raise DataError(f"files ending in {path.suffix or 'nothing'!r} cannot be written", where=str(path), fix=fix)
    return ending


def _delimited(separator: str) -> Callable[[Sequence[str], Sequence[Row], Collection[str]], bytes]:
    def write(columns: Sequence[str], rows: Sequence[Row], as_they_are: Collection[str]) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=separator, lineterminator="\n")
        writer.writerow([_cell(name, guarded=name not in as_they_are) for name in columns])
        for row in rows:
            writer.writerow([_cell(row.get(name), guarded=name not in as_they_are) for name in columns])
        content = text.getvalue()
        return (content if content.isascii() else _BYTE_ORDER_MARK + content).encode()  # Excel knows UTF-8 by the mark

    return write


def _cell(value: Any, *, guarded: bool) -> str:
    text = _text(value)
    is_formula = guarded and isinstance(value, str) and _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def _text(value: Any) -> str:
    """A value as the text of a cell; lists and objects as JSON."""
    if value is None or _is_no_number(value):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (list, dict)) else str(value)
    return _SURROGATES.sub("\ufffd", text)


def _is_no_number(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _workbook(columns: Sequence[str], rows: Sequence[Row], _: Collection[str]) -> bytes:
    from openpyxl import Workbook  # noqa: PLC0415 (few files are workbooks)
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415

    fix = "write a .csv or .jsonl file instead: what was answered is kept"
    if len(rows) >= _MOST_SHEET_ROWS:
        raise DataError(f"{len(rows):,} rows are more than a workbook holds", where="--out", fix=fix)

    def value_of(value: Any) -> Any:
        if isinstance(value, (bool, int, float)) and not _is_no_number(value):
            return value
        text = _UNPRINTABLE.sub("\ufffd", _text(value))
        if len(text) > _LONGEST_CELL:
            raise DataError(f"a text of {len(text):,} characters is longer than a cell holds", where="--out", fix=fix)
        return text

    lines: list[list[Any]] = [[value_of(name) for name in columns]]
    lines += [[value_of(row.get(name)) for name in columns] for row in rows]
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("answers")
    for line in lines:
        cells = [WriteOnlyCell(sheet, value) for value in line]
        for cell, value in zip(cells, line, strict=True):
            cell.data_type = "s" if isinstance(value, str) else cell.data_type  # a text that begins with = is a formula else
        sheet.append(cells)
    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()


def _json_lines(columns: Sequence[str], rows: Sequence[Row], _: Collection[str]) -> bytes:
    return "".join(f"{line}\n" for line in _json_objects(columns, rows)).encode()


def _json_list(columns: Sequence[str], rows: Sequence[Row], _: Collection[str]) -> bytes:
    return ("[\n" + ",\n".join(_json_objects(columns, rows)) + "\n]\n").encode()


def _json_objects(columns: Sequence[str], rows: Sequence[Row]) -> list[str]:
    objects = [{name: None if _is_no_number(row[name]) else row[name] for name in columns if name in row} for row in rows]
    lines = (json.dumps(fields, ensure_ascii=False, default=str) for fields in objects)
    return [json.dumps(json.loads(line)) if _SURROGATES.search(line) else line for line in lines]


def _parquet(columns: Sequence[str], rows: Sequence[Row], _: Collection[str]) -> bytes:
    cells = [_column([row.get(name) for row in rows]) for name in columns]
    table = pa.table(cells, names=[_SURROGATES.sub("\ufffd", name) for name in columns])
    content = io.BytesIO()
    pq.write_table(table, content)
    return content.getvalue()


def _column(values: Sequence[Any]) -> "pa.Array":
    """Values of one type as they are; values of several types, deeply nested ones and empty objects as text."""
    try:
        column = pa.array(values)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        column = None
    if column is None or str(column.type).count("<") > _DEEPEST or "struct<>" in str(column.type):
        return pa.array([None if value is None else _text(value) for value in values], pa.string())
    return column


_WRITERS: dict[str, Callable[[Sequence[str], Sequence[Row], Collection[str]], bytes]] = {
    ".csv": _delimited(","),
    ".tsv": _delimited("\t"),
    ".xlsx": _workbook,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json_list,
    ".parquet": _parquet,
}
