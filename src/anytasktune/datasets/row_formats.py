"""Layouts of a row's fields: plain rows, Alpaca, ShareGPT, OpenAI messages, or columns named by the user."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from anytasktune.datasets.columns import ColumnMap
from anytasktune.datasets.dialogues import Draft, has_rounds, read_alpaca_dialogue, read_dialogue
from anytasktune.datasets.json_rows import type_name
from anytasktune.datasets.raw_rows import RowError
from anytasktune.errors import DataError

LayoutName = Literal["rows", "alpaca", "sharegpt", "messages", "columns"]
Fields = Mapping[str, Any]

_SAMPLE = 50


@dataclass(frozen=True)
class Layout:
    """A way to lay out rows: its name, its own fields, and how to read one row (which raises RowError).

    Attributes:
        has_instructions: the drafts' instructions are those of the task, not system messages.
    """

    name: LayoutName
    columns: frozenset[str]
    read: Callable[[Fields], Draft]
    has_instructions: bool = False


def choose_layout(rows: Sequence[Fields]) -> Layout | None:
    """The layout most of the first rows have; None if they have none of them."""
    votes = Counter(layout for fields in rows[:_SAMPLE] if (layout := _layout_of(fields)))
    if not votes:
        return None
    layout = votes.most_common(1)[0][0]
    return _ALPACA_DIALOGUES if layout is _ALPACA and any(map(has_rounds, rows)) else layout


def column_layout(columns: ColumnMap, found: Sequence[str]) -> Layout:
    """The layout the user described."""
    inputs = columns.input_columns(found)

    def read(fields: Fields) -> Draft:
        return Draft("", _joined(fields, inputs), _output(fields, columns.output))

    named = (*inputs, columns.output, columns.language, columns.source)
    return Layout("columns", frozenset(name for name in named if name is not None), read)


def input_layout(inputs: Sequence[str]) -> Layout:
    """The layout of rows that have an input in these columns, and no output that is read."""
    return Layout("columns", frozenset(inputs), lambda fields: Draft("", _joined(fields, inputs), ""))


def with_open_end(fields: Fields, layout: Layout) -> Fields:
    """A row whose dialogue ends with what is to be answered, with an answer to read it by; any other row as it is."""
    column = {"messages": "messages", "sharegpt": "conversations"}.get(layout.name, "")
    turns = fields.get(column)
    if not isinstance(turns, list) or not turns or not isinstance(turns[-1], Mapping):
        return fields
    role = turns[-1].get("role", turns[-1].get("from"))
    is_asked = isinstance(role, str) and role.strip().lower() in {"user", "human"}
    return {**fields, column: [*turns, {"role": "assistant", "content": "?"}]} if is_asked else fields


def settle_instructions(drafts: Sequence[Draft], layout: Layout, path: Path) -> tuple[list[Draft], str, list[str]]:
    """Take out the instruction, which a task has once and not in every row.

    Returns:
        The rows, the instruction all of them had (empty if none), and what was done, in words.

    Raises:
        DataError: Alpaca rows whose instructions differ although there are inputs, too.
    """
    instructions = list(dict.fromkeys(draft.instruction for draft in drafts if draft.instruction.strip()))
    if layout.has_instructions:
        return _settle_alpaca(drafts, instructions, path)
    if len(instructions) > 1:
        note = f"{len(instructions)} different system messages: kept, at the head of each input"
        return [_with_system(draft) for draft in drafts], "", [note]
    if not instructions:
        return list(drafts), "", []
    return list(drafts), instructions[0], [_same_for_all("system message", instructions[0])]


def _settle_alpaca(drafts: Sequence[Draft], instructions: list[str], path: Path) -> tuple[list[Draft], str, list[str]]:
    if not any(draft.input.strip() for draft in drafts):
        note = "no row has an input: the instructions are taken as inputs"
        return [replace(draft, input=draft.instruction) for draft in drafts], "", [note]
    if len(instructions) > 1:
        what = f"{len(instructions)} different instructions, and inputs, too: a task has one instruction for all its rows"
        fix = "join them with --columns input=instruction+input,output=output, or split the file into one per instruction"
        raise DataError(what, where=str(path), fix=fix)
    if not instructions:
        return list(drafts), "", []
    return list(drafts), instructions[0], [_same_for_all("instruction", instructions[0])]


def _same_for_all(what: str, text: str) -> str:
    shown = text if len(text) <= 80 else text[:79] + "…"
    return f"the {what} is the same in all rows and was left out: {json.dumps(shown, ensure_ascii=False)}"


def _with_system(draft: Draft) -> Draft:
    dialogue = draft.input if draft.is_dialogue else f"user: {draft.input}"
    head = f"system: {draft.instruction}\n" if draft.instruction.strip() else ""
    return replace(draft, input=head + dialogue, is_dialogue=True)


def _layout_of(fields: Fields) -> Layout | None:
    if isinstance(fields.get("messages"), list):
        return _MESSAGES
    if isinstance(fields.get("conversations"), list):
        return _SHAREGPT
    if "instruction" in fields and "output" in fields:
        return _ALPACA
    return _ROWS if "input" in fields and "output" in fields else None


def _read_row(fields: Fields) -> Draft:
    return Draft("", _text(fields, "input", "input"), _output(fields, "output"))


def _read_alpaca(fields: Fields) -> Draft:
    given = _text(fields, "input", "input") if "input" in fields else ""
    return Draft(_text(fields, "instruction", "instruction"), given, _output(fields, "output"))


def _joined(fields: Fields, columns: Sequence[str]) -> str:
    texts = [_text(fields, name, "input") for name in columns]
    return "\n\n".join(text for text in texts if text.strip())


def _required(fields: Fields, name: str) -> Any:
    if name not in fields:
        raise RowError("missing_field", f"there is no {name}")
    return fields[name]


def _text(fields: Fields, name: str, what: str) -> str:
    value = _required(fields, name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RowError("wrong_type", f"{what} is {type_name(value)}, not text")
    return value


def _output(fields: Fields, name: str) -> str:
    """The output as text; what is not text is written as JSON."""
    value = _required(fields, name)
    if value is None or isinstance(value, str):
        return value or ""
    if not isinstance(value, (bool, int, float, list, dict)):
        raise RowError("wrong_type", f"output is {type_name(value)}, neither text nor JSON")
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise RowError("wrong_type", f"output cannot be written as JSON: {error}") from None


_ROWS = Layout("rows", frozenset({"input", "output"}), _read_row)
_ALPACA_FIELDS = frozenset({"instruction", "input", "output", "history", "system"})
_ALPACA = Layout("alpaca", _ALPACA_FIELDS, _read_alpaca, has_instructions=True)
_ALPACA_DIALOGUES = Layout("alpaca", _ALPACA_FIELDS, read_alpaca_dialogue)
_SHAREGPT = Layout("sharegpt", frozenset({"conversations", "system"}), lambda row: read_dialogue(row, "conversations"))
_MESSAGES = Layout("messages", frozenset({"messages", "system"}), lambda row: read_dialogue(row, "messages"))
