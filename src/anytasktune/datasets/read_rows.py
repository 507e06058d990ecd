"""Data files → examples, with an account of every row.

Readable are JSON Lines and JSON lists with rows `{"input", "output"[, "language", "source"]}`, in Alpaca, ShareGPT or OpenAI
messages form; CSV and TSV with a header line; and parquet. What a row means is never guessed: a file without a known pair
of columns is refused with the option that would make it readable.
"""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from anytasktune.datasets.columns import ColumnMap, no_known_columns
from anytasktune.datasets.dialogues import Draft
from anytasktune.datasets.json_rows import read_json
from anytasktune.datasets.raw_rows import RawFile, RawRow, RowError, require_clean
from anytasktune.datasets.read_result import ReadResult, count_rows, in_file_order
from anytasktune.datasets.row_formats import Layout, choose_layout, column_layout, settle_instructions
from anytasktune.datasets.table_rows import read_delimited, read_parquet, read_workbook
from anytasktune.errors import DataError, counted
from anytasktune.records import Language
from anytasktune.schema import Example
from anytasktune.text.plain_text import shorten

_READERS: dict[str, Callable[[Path, str | None], RawFile]] = {
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".json": read_json,
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".parquet": read_parquet,
    ".xlsx": read_workbook,
}
_LANGUAGES: tuple[Language, ...] = get_args(Language)
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}([-_]\w+)*")


@dataclass(frozen=True)
class RowOrigin:
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
    raw = read_raw(path, encoding)
    if not raw.rows:
        return ReadResult([], raw.dropped, count_rows([], raw.dropped), raw.container, str(path), []).require_rows()
    origin, notes = usual_origin(raw, language)
    if columns is not None:
        origin, notes = RowOrigin(columns.language, columns.source, language), []
    return _interpret(raw, _layout(raw, columns, path), origin, path, notes).require_rows()


def usual_origin(raw: RawFile, language: Language | None) -> tuple[RowOrigin, list[str]]:
    """Read `language` and `source` where the file has them, unless they evidently mean something else."""
    language_column: str | None = "language"
    source_column: str | None = "source"
    notes: list[str] = []
    spoken = [row.fields["language"] for row in raw.rows if row.fields.get("language") not in (None, "")]
    if spoken and not any(isinstance(value, str) and _LANGUAGE_TAG.fullmatch(value.strip()) for value in spoken):
        notes.append(f"language is {shorten(str(spoken[0]))!r} and the like, no language of the rows: not used")
        language_column = None
    sources = [row.fields["source"] for row in raw.rows if row.fields.get("source") not in (None, "")]
    if sources and len(sources) == len(raw.rows) and not any(_is_plain(value) for value in sources):
        notes.append("source is no text: not used")
        source_column = None
    elif len(sources) > 1 and len(sources) == len(raw.rows) and len(set(map(str, sources))) == 1:
        notes.append(f"source is {shorten(str(sources[0]))!r} in all rows, so rows are not kept together by it: not used")
        source_column = None
    return RowOrigin(language_column, source_column, language), notes


def _interpret(raw: RawFile, layout: Layout, origin: RowOrigin, path: Path, about_origin: list[str]) -> ReadResult:
    drafts, broken = _drafts(raw.rows, layout)
    settled, instruction, notes = settle_instructions([draft for _, draft in drafts], layout, path)
    rows = [row for row, _ in drafts]
    kept, unusable = _examples(list(zip(rows, settled, strict=True)), origin)
    dropped = in_file_order([*raw.dropped, *(fault.at(str(path), number) for number, fault in [*broken, *unusable])])
    examples = list(kept.values())
    notes = [*raw.notes, *about_origin, *notes, *_turns_left_out(settled), *_ambiguous_inputs(kept)]
    notes += _unused_fields(raw, layout, origin, settled)
    name = raw.container if layout.name in {"rows", "columns"} else layout.name
    counts = count_rows(examples, dropped)
    return ReadResult(examples, dropped, counts, name, str(path), list(kept), instruction, tuple(notes))


def read_raw(path: Path, encoding: str | None) -> RawFile:
    """Read a file as rows, whatever they mean; DataError if it is missing, empty or in no format that is read."""
    require_readable(path)
    try:
        return _READERS[path.suffix.lower()](path, encoding)
    except OSError as error:
        fix = "check that you may read it"
        raise DataError(f"cannot be read: {error.strerror or error}", where=str(path), fix=fix) from None


def require_readable(path: Path) -> None:
    """Raise DataError if a file is missing, empty, or of an ending that is not read."""
    if not path.exists():
        raise DataError("there is no such file", where=str(path), fix=_nearest_file(path))
    if path.is_dir():
        raise DataError("this is a folder", where=str(path), fix="give one of its files, or a folder with a task.json in it")
    if path.suffix.lower() not in _READERS:
        fix = f"give one of these: {', '.join(_READERS)} (an older spreadsheet: save it as .xlsx or CSV UTF-8)"
        raise DataError(f"files ending in {path.suffix or 'nothing'!r} cannot be read", where=str(path), fix=fix)
    if path.stat().st_size == 0:
        raise DataError("the file is empty", where=str(path), fix="check that it was copied whole")


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


def _examples(
    drafts: Sequence[tuple[RawRow, Draft]], origin: RowOrigin
) -> tuple[dict[int, Example], list[tuple[int, RowError]]]:
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


def _example(draft: Draft, fields: Mapping[str, Any], origin: RowOrigin) -> Example:
    example = unanswered(draft, fields, origin)
    if not draft.output.strip():
        raise RowError("empty_output", "the output is empty")
    require_clean(draft.output)
    return example.model_copy(update={"output": draft.output})


def unanswered(draft: Draft, fields: Mapping[str, Any], origin: RowOrigin) -> Example:
    """The input of a row with its language and source, without an output; RowError if it cannot be used."""
    if not draft.input.strip():
        raise RowError("empty_input", "the input is empty")
    source = _plain_field(fields, origin.source_column)
    for text in (draft.input, source or ""):
        require_clean(text)
    language = _language(_plain_field(fields, origin.language_column)) or origin.default_language
    return Example(input=draft.input, output="", language=language, source=source)


def _plain_field(fields: Mapping[str, Any], name: str | None) -> str | None:
    """A field of a row as text; None where the row has none or an empty one."""
    value = fields.get(name) if name is not None else None
    if value is None or value == "":
        return None
    if not _is_plain(value):
        raise RowError("wrong_type", f"{name} is neither text nor a whole number")
    return str(value)


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _code(text: str) -> str:
    """The language of a tag such as zh-CN."""
    return text.strip().lower().replace("_", "-").partition("-")[0]


def _language(text: str | None) -> Language | None:
    if text is None:
        return None
    if _code(text) not in _LANGUAGES:
        raise RowError("unknown_language", f"language is {text!r}, not {' or '.join(_LANGUAGES)}")
    return _LANGUAGES[_LANGUAGES.index(_code(text))]


def _turns_left_out(drafts: Iterable[Draft]) -> list[str]:
    count = sum(draft.unanswered > 0 for draft in drafts)
    goes = counted(count, "dialogue goes", "dialogues go")
    return [f"{goes} on after the last answer: those turns were left out"] if count else []


def _ambiguous_inputs(kept: Mapping[int, Example]) -> list[str]:
    """Name the rows whose input stands in other rows with another output."""
    rows: dict[str, list[int]] = {}
    for number, example in kept.items():
        rows.setdefault(example.input, []).append(number)
    several = [numbers for text, numbers in rows.items() if len({kept[number].output for number in numbers}) > 1]
    if not several:
        return []
    shown = "; ".join(f"rows {', '.join(map(str, numbers[:4]))}" for numbers in several[:3])
    more = " …" if len(several) > 3 else ""
    return [f"{counted(len(several), 'input')} with different outputs in several rows: {shown}{more}"]


def _unused_fields(raw: RawFile, layout: Layout, origin: RowOrigin, drafts: Sequence[Draft]) -> list[str]:
    used = {*layout.columns, origin.language_column, origin.source_column, "language", "source"}
    of_rows = Counter(name for row in raw.rows for name in row.fields if name not in used)
    of_turns = Counter(name for draft in drafts for name in draft.unused)
    return [
        f"{what} not used: {', '.join(name + ' (' + counted(count, 'row') + ')' for name, count in sorted(found.items()))}"
        for what, found in (("fields", of_rows), ("fields of turns", of_turns))
        if found
    ]
