"""Rows from tables: CSV and TSV with a header line, and parquet."""

import contextlib
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from anytasktune.datasets.raw_rows import Container, RawFile, RawRow, RowError, require_clean
from anytasktune.errors import DataError
from anytasktune.schema import DroppedRow
from anytasktune.text.encodings import Encoding, detect_encoding

_NO_LIMIT = 2**31 - 1
_OPEN_QUOTE = "unexpected end of data"


def read_delimited(path: Path, encoding_name: str | None = None) -> RawFile:
    """Read CSV or TSV with a header line. Cells are text, formulas too; a row's number is the line it begins on.

    The separator is a tab in `.tsv`, else a comma; where the header has no comma, a semicolon or tab that it has
    instead (Excel writes semicolons in many countries), which is then noted.

    Raises:
        DataError: no known encoding, two columns of one name, or a quote that is never closed.
    """
    encoding = detect_encoding(path, encoding_name)
    container: Container = "tsv" if path.suffix.lower() == ".tsv" else "csv"
    separator = _separator(path, encoding, container)
    notes = [encoding.note] if encoding.note else []
    if container == "csv" and separator != ",":
        notes.append(f"columns are separated by {'tabs' if separator == chr(9) else 'semicolons'}")
    with _open(path, encoding) as stream, _long_cells():
        rows, dropped = _read_table(path, stream, separator, encoding)
    return RawFile(container, rows, dropped, tuple(notes))


def read_parquet(path: Path, _: str | None = None) -> RawFile:
    """Read a parquet file; a row's number is its place among the records.

    Raises:
        DataError: the file is no sound parquet file.
    """
    rows: list[RawRow] = []
    try:
        with pq.ParquetFile(path) as table:
            for batch in table.iter_batches():
                rows += [RawRow(len(rows) + index + 1, fields) for index, fields in enumerate(batch.to_pylist())]
    except (pa.ArrowException, ValueError) as error:
        fix = "check that it was copied whole, or export the data as JSONL or CSV"
        raise DataError(f"not a sound parquet file: {str(error).splitlines()[0]}", where=str(path), fix=fix) from None
    return RawFile("parquet", rows, [])


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
    if container == "tsv":
        return "\t"
    with _open(path, encoding) as stream:
        header = next((line for line in stream if line.strip()), "")
    outside_quotes = re.sub(r'"[^"]*"', "", header)
    return next((mark for mark in ",;\t" if mark in outside_quotes), ",")


def _read_table(path: Path, stream: TextIO, separator: str, encoding: Encoding) -> tuple[list[RawRow], list[DroppedRow]]:
    rows: list[RawRow] = []
    dropped: list[DroppedRow] = []
    header: list[str] | None = None
    for line, cells in _records(path, stream, separator):
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
            "bad_csv", f"{len(cells)} cells in {len(header)} columns: a separator in the text needs quotes around it"
        )
    for cell in cells:
        if encoding.is_damaged(cell):
            raise RowError("bad_encoding", f"bytes that are not {encoding.codec}")
        require_clean(cell)
    return dict(zip(header, cells, strict=False))
