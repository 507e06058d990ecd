"""Rows from JSON files: one object per line, or one list of objects."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from anytasktune.datasets.raw_rows import MAX_CHARACTERS, RawFile, RawRow, RowError, require_clean
from anytasktune.errors import DataError
from anytasktune.schema import DroppedRow
from anytasktune.text.encodings import Encoding, detect_encoding
from anytasktune.text.json_values import finite_float, finite_int, refuse_constant

_SPACE = re.compile(r"[ \t\r\n]*")
_PLAIN = json.JSONDecoder(parse_int=str)  # finds where elements end; numbers of any length are judged row by row
_TYPE_NAMES = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", type(None): "null"}
Located = tuple[int, Any]


def read_json(path: Path, encoding_name: str | None = None) -> RawFile:
    """Read JSON Lines, or a JSON list of objects; which one the content says, whatever the file is called.

    Args:
        encoding_name: the encoding; detected unless given.

    Raises:
        DataError: the file is in no known encoding, or is one JSON value that is no list of rows.
    """
    encoding = detect_encoding(path, encoding_name)
    notes = (encoding.note,) if encoding.note else ()
    first = _first_character(path, encoding)
    if first == "[" and (path.suffix.lower() == ".json" or _is_whole_list(path, encoding)):
        return RawFile("json", *_sorted_out(path, _elements(path, _content(path, encoding), encoding)), notes)
    if path.suffix.lower() == ".json":
        _refuse_single_object(path, encoding)
    with _open(path, encoding) as stream:
        return RawFile("jsonl", *_sorted_out(path, _lines(stream, encoding)), notes)


def _open(path: Path, encoding: Encoding) -> TextIO:
    return path.open(encoding=encoding.codec, errors="replace" if encoding.damaged else "strict")


def _content(path: Path, encoding: Encoding) -> str:
    with _open(path, encoding) as stream:
        return stream.read()


def _first_character(path: Path, encoding: Encoding) -> str:
    with _open(path, encoding) as stream:
        while block := stream.read(4096):
            if found := block.lstrip():
                return found[0]
    return ""


def _is_whole_list(path: Path, encoding: Encoding) -> bool:
    try:
        return isinstance(_PLAIN.decode(_content(path, encoding)), list)
    except (ValueError, RecursionError):
        return False


def _refuse_single_object(path: Path, encoding: Encoding) -> None:
    text = _content(path, encoding).strip()
    if "\n" not in text:
        return
    try:
        value = _PLAIN.decode(text)
    except (ValueError, RecursionError):
        return
    lists = [key for key, item in value.items() if isinstance(item, list)] if isinstance(value, dict) else []
    fix = (
        f"save the list under {lists[0]!r} as a file of its own" if lists else "write a list of objects, or one object per line"
    )
    raise DataError("the file is one JSON object, not a list of rows", where=str(path), fix=fix)


def _sorted_out(path: Path, items: Iterable[Located]) -> tuple[list[RawRow], list[DroppedRow]]:
    rows: list[RawRow] = []
    dropped: list[DroppedRow] = []
    for number, item in items:
        if isinstance(item, dict):
            rows.append(RawRow(number, item))
            continue
        fault = item if isinstance(item, RowError) else RowError("wrong_type", f"the row is {type_name(item)}, not an object")
        dropped.append(fault.at(str(path), number))
    return rows, dropped


def _lines(stream: TextIO, encoding: Encoding) -> Iterator[Located]:
    """(line number, value or RowError) of each line that is not blank; an overlong line is passed over piece by piece."""
    number = 0
    while line := stream.readline(MAX_CHARACTERS + 1):
        number += 1
        whole = len(line) <= MAX_CHARACTERS or line.endswith("\n")
        if not whole:
            _skip_line(stream)
        if line.strip():
            yield number, _line_value(line, encoding) if whole else _too_long()


def _skip_line(stream: TextIO) -> None:
    while (piece := stream.readline(MAX_CHARACTERS)) and not piece.endswith("\n"):
        pass


def _too_long() -> RowError:
    return RowError("too_long", f"the line is longer than {MAX_CHARACTERS:,} characters")


def _line_value(line: str, encoding: Encoding) -> Any:
    line = line.rstrip()
    try:
        _require_readable(line, encoding)
        value, end = _decode(line, _SPACE.match(line).end())  # type: ignore[union-attr]
        if rest := line[end:].strip():
            raise RowError("bad_json", f"more text after the row's end, at character {line.index(rest, end) + 1}")
    except RowError as fault:
        return fault
    return value


def _require_readable(text: str, encoding: Encoding) -> None:
    if encoding.is_damaged(text):
        raise RowError("bad_encoding", f"bytes that are not {encoding.codec}")
    require_clean(text)


def _elements(path: Path, text: str, encoding: Encoding) -> Iterator[Located]:
    """(record number, value or RowError) of each element of a JSON list; DataError where the list itself is broken."""
    position, number = _past_space(text, text.index("[") + 1), 0
    if text[position : position + 1] == "]":
        return
    while True:
        number += 1
        start = position
        position = _past_space(text, _element_end(path, text, start))
        yield number, _line_value(text[start:position], encoding)
        following = text[position : position + 1]
        if following == "]":
            return
        if following != ",":
            raise _broken_list(path, text, position, "a comma or the closing ] is missing")
        position = _past_space(text, position + 1)


def _element_end(path: Path, text: str, start: int) -> int:
    try:
        return _PLAIN.raw_decode(text, start)[1]
    except json.JSONDecodeError as error:
        raise _broken_list(path, text, error.pos, error.msg) from None
    except (ValueError, RecursionError) as error:
        raise _broken_list(path, text, start, str(error)) from None


def _broken_list(path: Path, text: str, position: int, what: str) -> DataError:
    line = text.count("\n", 0, position) + 1
    fix = "mend the JSON there, or write one object per line (.jsonl): then only the broken rows are left out"
    return DataError(f"not valid JSON: {what}", where=f"{path}:{line}", fix=fix)


def _past_space(text: str, position: int) -> int:
    return _SPACE.match(text, position).end()  # type: ignore[union-attr]


def _decode(text: str, start: int) -> tuple[Any, int]:
    try:
        return _STRICT.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise RowError("bad_json", f"{error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise RowError("bad_json", "nested too deeply") from None
    except ValueError as error:
        raise RowError("bad_json", str(error)) from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise RowError("duplicate_key", f"the key {repeated!r} stands in it more than once")
    return fields


_STRICT = json.JSONDecoder(
    object_pairs_hook=_unique_keys, parse_constant=refuse_constant, parse_float=finite_float, parse_int=finite_int
)


def type_name(value: Any) -> str:
    """Name the type of a JSON value in words."""
    return _TYPE_NAMES.get(type(value), "an object" if isinstance(value, dict) else type(value).__name__)
