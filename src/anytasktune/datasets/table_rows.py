"""Rows from tables: CSV and TSV with a header line, parquet, and the first sheet of an Excel workbook."""

import contextlib
import csv
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from anytasktune.datasets.raw_rows import Container, RawFile, RawRow, RowError, require_clean
from anytasktune.errors import AnyTaskTuneError, DataError, counted
from anytasktune.schema import DroppedRow
from anytasktune.text.encodings import Encoding, detect_encoding
from anytasktune.text.plain_text import shorten

_NO_LIMIT = 2**31 - 1
_OPEN_QUOTE = "unexpected end of data"
_LINES_TRIED = 40
_MOST_SHEET_ROWS = 1_048_576
_UNICODE = Encoding("utf-8")
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?')
"""Excel's line before the header."""


def read_delimited(path: Path, encoding_name: str | None = None) -> RawFile:
    """Read CSV or TSV with a header line. Cells are text, formulas too; a row's number is the line it begins on.

    The separator is a tab in `.tsv`; else the one of comma, semicolon, tab and vertical bar that gives all of the first
    records as many cells as the header, or that a line `sep=;` before the header names. Another than the comma is noted.

    Raises:
        DataError: no known encoding, two columns of one name, or a quote that is never closed.
    """
    encoding = detect_encoding(path, encoding_name)
    container: Container = "tsv" if path.suffix.lower() == ".tsv" else "csv"
    separator = _separator(path, encoding, container)
    notes = [encoding.note] if encoding.note else []
    if container == "csv" and separator != ",":
        notes.append(f"columns are separated by {_SEPARATORS[separator]}")
    with _open(path, encoding) as stream, _long_cells():
        rows, dropped = _read_table(path, stream, separator, encoding)
    return RawFile(container, rows, dropped, tuple(notes))


def read_parquet(path: Path, _: str | None = None) -> RawFile:
    """Read a parquet file; a row's number is its place among the records. Numbers of classes that it names become the names.

    Raises:
        DataError: the file is no sound parquet file.
    """
    rows: list[RawRow] = []
    dropped: list[DroppedRow] = []
    try:
        with pq.ParquetFile(path) as table:
            names = _class_names(table.schema_arrow)
            for number, fields in enumerate((row for batch in table.iter_batches() for row in _batch_rows(batch)), 1):
                if isinstance(fields, RowError):
                    dropped.append(fields.at(str(path), number))
                    continue
                named = {column: _named(value, names[column]) for column, value in fields.items() if column in names}
                rows.append(RawRow(number, fields | named))
    except Exception as error:  # a damaged file can make any part of the reader fail
        fix = "check that it was copied whole, or export the data as JSONL or CSV"
        raise _unsound(error, path, "parquet file", fix) from None
    return RawFile("parquet", rows, dropped)


def _batch_rows(batch: Any) -> Iterator[dict[str, Any] | RowError]:
    """The rows of a batch; a row with a value that Python cannot hold, such as a date in the year 5,881,580, is a fault."""
    try:
        yield from batch.to_pylist()
    except (ArithmeticError, ValueError):
        for place in range(batch.num_rows):
            try:
                yield batch.slice(place, 1).to_pylist()[0]
            except (ArithmeticError, ValueError) as error:
                yield RowError("wrong_type", f"a value cannot be read: {error}")


def _unsound(error: Exception, path: Path, what: str, fix: str) -> Exception:
    """The error for a file whose reader failed with `error`; the system's own errors stay as they are."""
    if isinstance(error, (AnyTaskTuneError, MemoryError)) or (isinstance(error, OSError) and error.errno):
        return error
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return DataError(f"not a sound {what}: {shorten(reason[0], 200)}", where=str(path), fix=fix)


def read_workbook(path: Path, _: str | None = None) -> RawFile:
    """Read the first sheet of an Excel workbook that has rows, with a header row; a row's number is that of the sheet.

    Raises:
        DataError: the file is no workbook, has no rows, or two columns of one name.
    """
    from openpyxl import load_workbook  # noqa: PLC0415 (few imports are of workbooks)

    try:
        with path.open("rb") as stream:  # openpyxl leaves a file open when it fails
            workbook = load_workbook(stream, read_only=True, data_only=True)
            sheets = [(sheet.title, _sheet_rows(sheet.iter_rows(values_only=True))) for sheet in workbook.worksheets]
    except Exception as error:  # a damaged file can make any part of the reader fail
        fix = "open it in Excel and save it again as .xlsx, or as CSV UTF-8"
        raise _unsound(error, path, "Excel workbook", fix) from None
    filled = [(title, rows) for title, rows in sheets if rows]
    if not filled:
        raise DataError("the workbook has no rows", where=str(path), fix="check that it is the right file")
    title, ((line, cells), *body) = filled[0]
    header = _header(path, line, cells)
    notes = [f"sheet {title!r} was read"] if len(sheets) > 1 else []
    notes += [f"sheet {other!r} was not read" for other, _ in filled[1:]]
    rows: list[RawRow] = []
    dropped: list[DroppedRow] = []
    for number, values in body:
        try:
            rows.append(RawRow(number, _fields(header, values[: len(header)], _UNICODE)))
        except RowError as fault:
            dropped.append(fault.at(str(path), number))
    return RawFile("xlsx", rows, dropped, tuple(notes))


def _sheet_rows(rows: Iterable[Sequence[Any]]) -> list[tuple[int, list[str]]]:
    """(row number, cells as text) of the rows that have any."""
    found = []
    for number, values in enumerate(itertools.islice(rows, _MOST_SHEET_ROWS), 1):
        cells = [_cell_text(value) for value in values]
        if any(cells):
            found.append((number, cells))
    return found


def _cell_text(value: Any) -> str:
    """A cell as a reader sees it: whole numbers without a point, dates without a time of midnight."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    return str(value)


def _class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Column → names of its classes, where the `datasets` library has noted them (ClassLabel)."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    found: dict[str, list[str]] = {}
    for column, feature in features.items() if isinstance(features, dict) else ():
        inner = feature.get("feature", feature) if isinstance(feature, dict) else {}
        if isinstance(inner, dict) and inner.get("_type") == "ClassLabel" and isinstance(inner.get("names"), list):
            found[column] = [str(name) for name in inner["names"]]
    return found


def _named(value: Any, names: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else value


def _open(path: Path, encoding: Encoding) -> TextIO:
    return path.open(encoding=encoding.codec, errors="replace" if encoding.damaged else "strict", newline="")


@contextlib.contextmanager
def _long_cells() -> Iterator[None]:
    """Let the csv module read cells beyond its limit of 128 Ki characters; rows are measured afterwards."""
    limit = csv.field_size_limit(_NO_LIMIT)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _separator(path: Path, encoding: Encoding, container: Container) -> str:
    """The character between two cells."""
    if container == "tsv":
        return "\t"
    with _open(path, encoding) as stream:
        lines = [line for line in itertools.islice(stream, _LINES_TRIED) if line.strip()]
    if not lines:
        return ","
    if named := _SEPARATOR_LINE.fullmatch(lines[0].strip().removeprefix("\ufeff")):
        return named[1]
    for mark in _SEPARATORS:
        with contextlib.suppress(csv.Error):
            widths = {len(cells) for cells in csv.reader(lines, delimiter=mark) if cells}
            if len(widths) == 1 and widths != {1}:
                return mark
    outside_quotes = re.sub(r'"[^"]*"', "", lines[0])
    return next((mark for mark in _SEPARATORS if mark in outside_quotes), ",")


def _read_table(path: Path, stream: TextIO, separator: str, encoding: Encoding) -> tuple[list[RawRow], list[DroppedRow]]:
    rows: list[RawRow] = []
    dropped: list[DroppedRow] = []
    header: list[str] | None = None
    for line, cells in _records(path, stream, separator):
        if header is None and not isinstance(cells, RowError) and _SEPARATOR_LINE.fullmatch(separator.join(cells).strip()):
            continue
        if header is None:
            header = _header(path, line, cells)
            continue
        try:
            rows.append(RawRow(line, _fields(header, cells, encoding)))
        except RowError as fault:
            dropped.append(fault.at(str(path), line))
    return rows, dropped


def _records(path: Path, stream: TextIO, separator: str) -> Iterator[tuple[int, list[str] | RowError]]:
    """(line a record begins on, its cells or what is wrong with it); blank lines are none."""
    reader = csv.reader(stream, delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if str(error) == _OPEN_QUOTE:
                fix = 'close it, or write a quote that belongs to the text twice ("")'
                raise DataError('a quote (") opens here and is never closed', where=f"{path}:{line}", fix=fix) from None
            yield line, RowError("bad_csv", f"{error} (lines {line} to {reader.line_num})")
            continue
        if cells:
            yield line, cells


def _header(path: Path, line: int, cells: list[str] | RowError) -> list[str]:
    if isinstance(cells, RowError):
        raise DataError(f"the header cannot be read: {cells.detail}", where=f"{path}:{line}", fix="mend the first line")
    names = [cell.strip() for cell in cells]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise DataError(f"two columns are called {twice[0]!r}", where=f"{path}:{line}", fix="rename one of them")
    return names


def _fields(header: list[str], cells: list[str] | RowError, encoding: Encoding) -> dict[str, str]:
    if isinstance(cells, RowError):
        raise cells
    if len(cells) > len(header):
        raise RowError(
            "bad_csv",
            f"{counted(len(cells), 'cell')} in {counted(len(header), 'column')}: text with a separator in it needs quotes",
        )
    for cell in cells:
        if encoding.is_damaged(cell):
            raise RowError("bad_encoding", f"bytes that are not {encoding.codec}")
        require_clean(cell)
    return dict(zip(header, cells, strict=False))
