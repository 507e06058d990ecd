"""Data files → examples, with an account of every row.

Readable are JSON Lines and JSON lists with rows `{"input", "output"[, "language", "source"]}`, in Alpaca, ShareGPT or OpenAI
messages form; CSV and TSV with a header line; and parquet. What a row means is never guessed: a file without a known pair
of columns is refused with the option that would make it readable.
"""

import difflib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from anytasktune.datasets.columns import ColumnMap, no_known_columns
from anytasktune.datasets.json_rows import read_json
from anytasktune.datasets.layouts import Draft, Layout, choose_layout, column_layout, settle_instructions
from anytasktune.datasets.raw_rows import RawFile, RawRow, RowError, require_clean
from anytasktune.datasets.read_result import ReadResult, count_rows, in_file_order
from anytasktune.datasets.table_rows import read_delimited, read_parquet
from anytasktune.errors import DataError
from anytasktune.records import Language
from anytasktune.schema import Example

_READERS: dict[str, Callable[[Path, str | None], RawFile]] = {
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".json": read_json,
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".parquet": read_parquet,
}
_LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True)
class _Origin:
    """Where a row's language and source are read from, and the language of rows that have none."""

    language_column: str | None = "language"
    source_column: str | None = "source"
    default_language: Language | None = None


def read_examples(
    path: Path, *, columns: ColumnMap | None = None, language: Language | None = None, encoding: str | None = None
) -> ReadResult:
    """Read the examples of one file.

    Args:
        path: the file; its ending and first records tell the format.
        columns: which columns to read, where they are not called `input` and `output`.
        language: the language of rows that do not say it themselves.
        encoding: the encoding of a text file; detected unless given.

    Returns:
        The examples, each different from all others, and every other row with its place and the reason.

    Raises:
        DataError: the file cannot be read, has no known columns, or no row of it can be used.
    """
    raw = _read_raw(path, encoding)
    if not raw.rows:
        return ReadResult([], raw.dropped, count_rows([], raw.dropped), raw.container, str(path), []).require_rows()
    origin = _Origin(columns.language, columns.source, language) if columns else _Origin(default_language=language)
    return _interpret(raw, _layout(raw, columns, path), origin, path).require_rows()


def _interpret(raw: RawFile, layout: Layout, origin: _Origin, path: Path) -> ReadResult:
    drafts, broken = _drafts(raw.rows, layout)
    settled, instruction, notes = settle_instructions([draft for _, draft in drafts], layout, path)
    rows = [row for row, _ in drafts]
    kept, unusable = _examples(list(zip(rows, settled, strict=True)), origin)
    dropped = in_file_order([*raw.dropped, *(fault.at(str(path), number) for number, fault in [*broken, *unusable])])
    examples = list(kept.values())
    notes = [*raw.notes, *notes, *_turns_left_out(settled), *_ambiguous_inputs(examples), *_unused_fields(raw, layout, origin)]
    name = raw.container if layout.name in {"rows", "columns"} else layout.name
    counts = count_rows(examples, dropped)
    return ReadResult(examples, dropped, counts, name, str(path), list(kept), instruction, tuple(notes))


def _read_raw(path: Path, encoding: str | None) -> RawFile:
    if not path.exists():
        raise DataError("there is no such file", where=str(path), fix=_nearest_file(path))
    if path.is_dir():
        raise DataError("this is a folder", where=str(path), fix="give one of its files, or a folder with a task.json in it")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        fix = f"give one of these: {', '.join(_READERS)} (a spreadsheet: save it as CSV UTF-8)"
        raise DataError(f"files ending in {path.suffix or 'nothing'!r} cannot be read", where=str(path), fix=fix)
    try:
        if path.stat().st_size == 0:
            raise DataError("the file is empty", where=str(path), fix="check that it was copied whole")
        return reader(path, encoding)
    except OSError as error:
        fix = "check that you may read it"
        raise DataError(f"cannot be read: {error.strerror or error}", where=str(path), fix=fix) from None


def _nearest_file(path: Path) -> str:
    names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean {close[0]}?" if close else "check the path"


def _layout(raw: RawFile, columns: ColumnMap | None, path: Path) -> Layout:
    found = list(dict.fromkeys(name for row in raw.rows for name in row.fields))
    if columns is not None:
        columns.require_in(found, path)
        return column_layout(columns, found)
    layout = choose_layout([row.fields for row in raw.rows])
    if layout is None:
        raise no_known_columns(path, found)
    return layout


def _drafts(rows: Sequence[RawRow], layout: Layout) -> tuple[list[tuple[RawRow, Draft]], list[tuple[int, RowError]]]:
    """The rows the layout can read, with their texts, and the numbers of the others, with the reason."""
    drafts: list[tuple[RawRow, Draft]] = []
    faults: list[tuple[int, RowError]] = []
    for row in rows:
        try:
            drafts.append((row, layout.read(row.fields)))
        except RowError as fault:
            faults.append((row.number, fault))
    return drafts, faults


def _examples(drafts: Sequence[tuple[RawRow, Draft]], origin: _Origin) -> tuple[dict[int, Example], list[tuple[int, RowError]]]:
    """Row number → example, and the numbers of the other rows, with the reason."""
    examples: dict[int, Example] = {}
    faults: list[tuple[int, RowError]] = []
    first_seen: dict[tuple[str, str, Language | None], int] = {}
    for row, draft in drafts:
        try:
            example = _example(draft, row.fields, origin)
        except RowError as fault:
            faults.append((row.number, fault))
            continue
        original = first_seen.setdefault((example.input, example.output, example.language), row.number)
        if original == row.number:
            examples[row.number] = example
        else:
            faults.append((row.number, RowError("duplicate", f"the same as row {original}")))
    return examples, faults


def _example(draft: Draft, fields: Mapping[str, Any], origin: _Origin) -> Example:
    if not draft.input.strip():
        raise RowError("empty_input", "the input is empty")
    if not draft.output.strip():
        raise RowError("empty_output", "the output is empty")
    source = _plain_field(fields, origin.source_column)
    for text in (draft.input, draft.output, source or ""):
        require_clean(text)
    language = _language(_plain_field(fields, origin.language_column)) or origin.default_language
    return Example(input=draft.input, output=draft.output, language=language, source=source)


def _plain_field(fields: Mapping[str, Any], name: str | None) -> str | None:
    """A field of a row as text; None where the row has none or an empty one."""
    value = fields.get(name) if name is not None else None
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise RowError("wrong_type", f"{name} is neither text nor a whole number")
    return str(value)


def _language(text: str | None) -> Language | None:
    if text is None:
        return None
    code = text.strip().lower().replace("_", "-").partition("-")[0]
    if code not in _LANGUAGES:
        advice = "if the column means another thing, name the ones to read with --columns"
        raise RowError("unknown_language", f"language is {text!r}, not {' or '.join(_LANGUAGES)}; {advice}")
    return _LANGUAGES[_LANGUAGES.index(code)]


def _turns_left_out(drafts: Iterable[Draft]) -> list[str]:
    count = sum(draft.unanswered > 0 for draft in drafts)
    return [f"{count} dialogues go on after the last answer: those turns were left out"] if count else []


def _ambiguous_inputs(examples: Iterable[Example]) -> list[str]:
    outputs = Counter(text for text, _ in {(example.input, example.output) for example in examples})
    count = sum(times > 1 for times in outputs.values())
    return [f"{count} inputs stand in several rows with different outputs"] if count else []


def _unused_fields(raw: RawFile, layout: Layout, origin: _Origin) -> list[str]:
    used = {*layout.columns, origin.language_column, origin.source_column}
    unused = Counter(name for row in raw.rows for name in row.fields if name not in used)
    return (
        [f"fields not used: {', '.join(f'{name} ({count} rows)' for name, count in sorted(unused.items()))}"] if unused else []
    )
