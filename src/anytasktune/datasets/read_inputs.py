"""Data files → inputs to be answered. Every row is kept: its fields, and its input or the reason why it has none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anytasktune.datasets.columns import input_columns
from anytasktune.datasets.raw_rows import Container, RawRow, RowError
from anytasktune.datasets.read_rows import RowOrigin, read_raw, unanswered, usual_origin
from anytasktune.datasets.row_formats import Layout, choose_layout, input_layout, settle_instructions, with_open_end
from anytasktune.errors import DataError
from anytasktune.records import Language
from anytasktune.schema import DroppedRow, Example


@dataclass(frozen=True)
class InputRow:
    """A row of a file.

    Attributes:
        number: line or record it stands at, from 1.
        fields: all it had; none if it could not be read.
        asked: its input, or why it has none that can be answered.
    """

    number: int
    fields: Mapping[str, Any]
    asked: Example | DroppedRow


@dataclass(frozen=True)
class InputFile:
    """All rows of a file, in their order.

    Attributes:
        container: how rows are written in the file.
        columns: names of their fields, in the order of the file.
        notes: what the user should know, a sentence each.
    """

    container: Container
    columns: list[str]
    rows: list[InputRow]
    notes: tuple[str, ...]


def read_inputs(
    path: Path, *, column: str | None = None, language: Language | None = None, encoding: str | None = None
) -> InputFile:
    """Read the inputs of a file in any format that `read_examples` reads; outputs, where there are any, are only kept.

    A dialogue is answered from its last answer on, or, where it ends with a user's turn, as a whole.

    Args:
        path: the file; its ending and first records tell the format.
        column: the input's column, or several joined by `+`; found as in `read_examples` unless given.
        language: of rows that do not say it themselves.
        encoding: of a text file; detected unless given.

    Raises:
        DataError: the file cannot be read, has no rows, or no column of inputs is known.
    """
    raw = read_raw(path, encoding)
    if not raw.rows and not raw.dropped:
        raise DataError("there are no rows in it", where=str(path), fix="check that it is the right file")
    found = list(dict.fromkeys(name for row in raw.rows for name in row.fields))
    layout = choose_layout([row.fields for row in raw.rows]) if column is None else None
    if layout is None or layout.name == "rows":
        layout = input_layout(input_columns(column, found, path) if raw.rows else ())
    origin, _ = usual_origin(raw, language)
    asked, notes = _asked(raw.rows, layout, origin, path)
    unread = [InputRow(row.row, {}, row) for row in raw.dropped]
    read = [InputRow(row.number, row.fields, asked[row.number]) for row in raw.rows]
    rows = sorted([*read, *unread], key=lambda row: row.number)
    return InputFile(raw.container, found, rows, (*raw.notes, *notes))


def _asked(
    rows: Sequence[RawRow], layout: Layout, origin: RowOrigin, path: Path
) -> tuple[dict[int, Example | DroppedRow], list[str]]:
    """Row number → its input, or why it has none; and remarks."""
    asked: dict[int, Example | DroppedRow] = {}
    drafts = {}
    for row in rows:
        try:
            drafts[row.number] = layout.read(with_open_end(row.fields, layout))
        except RowError as fault:
            asked[row.number] = fault.at(str(path), row.number)
    settled, _, notes = settle_instructions(list(drafts.values()), layout, path)
    fields = {row.number: row.fields for row in rows}
    for number, draft in zip(drafts, settled, strict=True):
        try:
            asked[number] = unanswered(draft, fields[number], origin)
        except RowError as fault:
            asked[number] = fault.at(str(path), number)
    return asked, notes
