"""Preview of an import: the columns of a file, and what would become of each of its rows; nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from anytasktune.datasets import ColumnMap, read_examples
from anytasktune.datasets.columns import suggest_columns
from anytasktune.datasets.raw_rows import RawRow
from anytasktune.datasets.read_rows import read_raw
from anytasktune.errors import AnyTaskTuneError, Problem
from anytasktune.pipeline.importing import ImportOptions
from anytasktune.pipeline.own_rows import checked
from anytasktune.schema import DroppedRow, Example, RowCounts, Task

__all__ = ["ColumnMap", "ImportPreview", "named_columns", "preview_import"]

_SHOWN = 10
_CELL = 300


@dataclass(frozen=True)
class ImportPreview:
    """Outcome of an import that was not done yet.

    Attributes:
        columns: of the file.
        raw: the first rows as they stand in the file: their number, and the beginning of each cell.
        mapping: the columns that are read; None where the file's layout says it.
        counts: rows read, kept and dropped; None where it cannot be read so.
        rows: the first rows that would be kept, with their number in the file.
        dropped: all rows that would not be kept.
        notes: remarks of the reader.
        problems: why it cannot be read so; empty where it can.
    """

    columns: Sequence[str]
    raw: Sequence[tuple[int, tuple[str, ...]]]
    mapping: ColumnMap | None = None
    counts: RowCounts | None = None
    rows: Sequence[tuple[int, Example]] = ()
    dropped: Sequence[DroppedRow] = ()
    notes: Sequence[str] = ()
    problems: tuple[Problem, ...] = ()


def named_columns(input_column: str, output_column: str, language_column: str, source_column: str) -> ColumnMap | None:
    """The columns that a person chose; None where one of input and output is left to the file."""
    if not input_column or not output_column:
        return None
    return ColumnMap(input_column, output_column, language_column or None, source_column or None)


def preview_import(task: Task, path: Path, options: ImportOptions, shown_as: str = "") -> ImportPreview:
    """Read a file as an import with these options would.

    Where no columns are given and the file is in no known layout, the columns that are likely meant are tried; whoever imports
    it says so with the columns of the preview.

    Args:
        shown_as: name of the file in messages.

    Raises:
        AnyTaskTuneError: the file cannot be read whatever its columns mean.
    """
    shown_as = shown_as or path.name
    try:
        raw = read_raw(path, options.encoding)
    except AnyTaskTuneError as error:
        raise type(error)(_named(error.problems, path, shown_as)) from None
    columns = list(dict.fromkeys(name for row in raw.rows for name in row.fields))
    found = ImportPreview(columns, [_cut(row, columns) for row in raw.rows[:_SHOWN]])
    mapping = ColumnMap.parse(options.columns) if isinstance(options.columns, str) else options.columns
    for tried in [mapping] if mapping else [None, suggest_columns(columns)]:
        found = replace(found, mapping=tried)
        try:
            result = checked(task, read_examples(path, columns=tried, language=options.language, encoding=options.encoding))
        except AnyTaskTuneError as error:
            found = replace(found, problems=found.problems or _named(error.problems, path, shown_as))
            continue
        return replace(
            found,
            counts=result.counts,
            rows=list(zip(result.rows, result.examples, strict=True))[:_SHOWN],
            dropped=[row.model_copy(update={"file": shown_as}) for row in result.dropped],
            notes=[note.replace(str(path), shown_as) for note in result.notes],
            problems=(),
        )
    return found


def _cut(row: RawRow, columns: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    cells = ("" if row.fields.get(name) is None else str(row.fields[name]) for name in columns)
    return row.number, tuple(cell if len(cell) <= _CELL else f"{cell[:_CELL]}…" for cell in cells)


def _named(problems: Sequence[Problem], path: Path, shown_as: str) -> tuple[Problem, ...]:
    return tuple(replace(problem, where=problem.where.replace(str(path), shown_as)) for problem in problems)
