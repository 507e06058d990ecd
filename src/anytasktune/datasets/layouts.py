"""What the fields of a row mean: plain rows, Alpaca, ShareGPT, OpenAI messages, or columns named by the user."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from anytasktune.datasets.columns import ColumnMap
from anytasktune.datasets.json_rows import type_name
from anytasktune.datasets.raw_rows import RowError
from anytasktune.errors import DataError

LayoutName = Literal["rows", "alpaca", "sharegpt", "messages", "columns"]
Fields = Mapping[str, Any]
Role = Literal["system", "user", "assistant"]

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
}
_SAMPLE = 50


@dataclass(frozen=True)
class Draft:
    """One row's texts before the file as a whole was looked at.

    Attributes:
        instruction: what stood where the instruction or the system message stands; empty if nothing did.
        input: the input; empty only in Alpaca rows, whose instruction may take its place.
        output: the output, as text.
        is_dialogue: the input consists of `role: text` lines.
        unanswered: turns after the last answer, which are in neither input nor output.
    """

    instruction: str
    input: str
    output: str
    is_dialogue: bool = False
    unanswered: int = 0


@dataclass(frozen=True)
class Layout:
    """A way to lay out rows: its name, its own fields, and how to read one row (which raises RowError)."""

    name: LayoutName
    columns: frozenset[str]
    read: Callable[[Fields], Draft]


def choose_layout(rows: Sequence[Fields]) -> Layout | None:
    """The layout most of the first rows have; None if they have none of them."""
    votes = Counter(layout for fields in rows[:_SAMPLE] if (layout := _layout_of(fields)))
    return votes.most_common(1)[0][0] if votes else None


def column_layout(columns: ColumnMap, found: Sequence[str]) -> Layout:
    """The layout the user described."""
    inputs = columns.input_columns(found)

    def read(fields: Fields) -> Draft:
        texts = [_text(fields, name, "input") for name in inputs]
        return Draft("", "\n\n".join(text for text in texts if text.strip()), _output(fields, columns.output))

    named = (*inputs, columns.output, columns.language, columns.source)
    return Layout("columns", frozenset(name for name in named if name is not None), read)


def settle_instructions(drafts: Sequence[Draft], layout: Layout, path: Path) -> tuple[list[Draft], str, list[str]]:
    """Take out the instruction, which a task has once and not in every row.

    Returns:
        The rows, the instruction all of them had (empty if none), and what was done, in words.

    Raises:
        DataError: Alpaca rows whose instructions differ although there are inputs, too.
    """
    instructions = list(dict.fromkeys(draft.instruction for draft in drafts if draft.instruction.strip()))
    if layout.name == "alpaca":
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


def _read_messages(fields: Fields) -> Draft:
    return _read_turns(fields, "messages", "role", "content")


def _read_sharegpt(fields: Fields) -> Draft:
    return _read_turns(fields, "conversations", "from", "value")


def _read_turns(fields: Fields, column: str, role_key: str, text_key: str) -> Draft:
    """Everything before the last answer is the input; one user turn stands alone, more of them as `role: text` lines."""
    items = _required(fields, column)
    if not isinstance(items, list):
        raise RowError("wrong_type", f"{column} is {type_name(items)}, not a list")
    turns = [_turn(item, role_key, text_key) for item in items]
    system = "\n".join(text for role, text in turns if role == "system")
    turns = [turn for turn in turns if turn[0] != "system"]
    answers = [place for place, (role, _) in enumerate(turns) if role == "assistant"]
    if not answers:
        raise RowError("no_answer", "no assistant turn in it")
    last = answers[-1]
    before = turns[:last]
    is_dialogue = [role for role, _ in before] not in ([], ["user"])
    lines = "\n".join(f"{role}: {text}" for role, text in before) if is_dialogue else "".join(text for _, text in before)
    return Draft(system, lines, turns[last][1], is_dialogue, len(turns) - last - 1)


def _turn(item: Any, role_key: str, text_key: str) -> tuple[Role, str]:
    if not isinstance(item, Mapping):
        raise RowError("wrong_type", f"a turn is {type_name(item)}, not an object")
    role = item.get(role_key)
    if not isinstance(role, str) or role not in _ROLES:
        raise RowError("unknown_role", f"{role_key} is {role!r}; known: {', '.join(_ROLES)}")
    content = item.get(text_key)
    if isinstance(content, list):
        content = _joined_parts(content)
    return _ROLES[role], _text({text_key: content}, text_key, "turn")


def _joined_parts(parts: list[Any]) -> str:
    """The text of a message that is a list of parts, as the OpenAI format allows."""
    if not all(isinstance(part, Mapping) and isinstance(part.get("text"), str) for part in parts):
        raise RowError("wrong_type", "a message has parts that are not text")
    return "".join(part["text"] for part in parts)


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
_ALPACA = Layout("alpaca", frozenset({"instruction", "input", "output"}), _read_alpaca)
_SHAREGPT = Layout("sharegpt", frozenset({"conversations"}), _read_sharegpt)
_MESSAGES = Layout("messages", frozenset({"messages"}), _read_messages)
