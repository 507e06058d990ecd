"""Examples → data files that this program and others read."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from anytasktune.errors import ConfigError
from anytasktune.schema import Example
from anytasktune.settings.yaml_reading import nearest
from anytasktune.store import write_atomic

WriteFormat = Literal["jsonl", "alpaca", "sharegpt", "messages", "csv", "parquet"]
_FIELDS = ("input", "output", "language", "source")
Fields = dict[str, Any]


def write_examples(examples: Iterable[Example], path: Path, format: WriteFormat, *, instruction: str = "") -> None:
    """Write one file, whole or not at all.

    `jsonl`, `alpaca`, `sharegpt` and `messages` are written as one object per line, or as a list where `path` ends in
    `.json`. Every format carries language and source, as extra fields that other programs pass over; rows (or, in tables,
    files) without them do not have the fields.

    Args:
        examples: what to write.
        path: where to.
        format: how to lay it out.
        instruction: put into each row by `alpaca`, and as the system message by `sharegpt` and `messages`; the other
            formats have no place for it.

    Raises:
        ConfigError: no such format.
        StoreError: the disk is full, read-only, or the like.
    """
    rows = list(examples)
    if format not in get_args(WriteFormat):
        raise ConfigError(f"there is no format {format!r}", fix=nearest(format, get_args(WriteFormat)))
    if format == "csv":
        write_atomic(path, _csv(rows))
    elif format == "parquet":
        _write_parquet(rows, path)
    else:
        write_atomic(
            path, json_text([laid_out(row, format, instruction) for row in rows], as_list=path.suffix.lower() == ".json")
        )


def laid_out(example: Example, format: WriteFormat, instruction: str) -> Fields:
    """One row in a format that is written as JSON."""
    return _LAYOUTS[format](example, instruction)


def jsonl_text(examples: Iterable[Example]) -> str:
    """Examples as JSON Lines, with the fields that are set and no others."""
    return json_text([_plain_row(example, "") for example in examples], as_list=False)


def json_text(rows: Sequence[Fields], *, as_list: bool) -> str:
    """Rows as JSON Lines, or as a JSON list of one row per line."""
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    return "[\n" + ",\n".join(lines) + "\n]\n" if as_list else "".join(f"{line}\n" for line in lines)


def _optional(example: Example) -> Fields:
    return example.model_dump(include={"language", "source"}, exclude_none=True)


def _plain_row(example: Example, instruction: str) -> Fields:
    return {"input": example.input, "output": example.output} | _optional(example)


def _alpaca_row(example: Example, instruction: str) -> Fields:
    return {"instruction": instruction, "input": example.input, "output": example.output} | _optional(example)


def _sharegpt_row(example: Example, instruction: str) -> Fields:
    system = [{"from": "system", "value": instruction}] if instruction else []
    turns = [{"from": "human", "value": example.input}, {"from": "gpt", "value": example.output}]
    return {"conversations": system + turns} | _optional(example)


def _messages_row(example: Example, instruction: str) -> Fields:
    system = [{"role": "system", "content": instruction}] if instruction else []
    turns = [{"role": "user", "content": example.input}, {"role": "assistant", "content": example.output}]
    return {"messages": system + turns} | _optional(example)


_LAYOUTS: dict[str, Callable[[Example, str], Fields]] = {
    "jsonl": _plain_row,
    "alpaca": _alpaca_row,
    "sharegpt": _sharegpt_row,
    "messages": _messages_row,
}


def _columns(examples: Sequence[Example]) -> list[str]:
    """Input and output, and whichever of language and source any example has."""
    return [name for name in _FIELDS if name in _FIELDS[:2] or any(getattr(example, name) for example in examples)]


def _csv(examples: Sequence[Example]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    names = _columns(examples)
    writer.writerow(names)
    writer.writerows([getattr(example, name) or "" for name in names] for example in examples)
    return text.getvalue()


def _write_parquet(examples: Sequence[Example], path: Path) -> None:
    write_table({name: [getattr(example, name) for example in examples] for name in _columns(examples)}, path)


def write_table(columns: Mapping[str, Sequence[str | None]], path: Path) -> None:
    """Write columns of text as parquet; equal columns give equal bytes."""
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    write_atomic(path, buffer.getvalue())
