"""Rows that are dialogues: OpenAI messages, ShareGPT conversations, Alpaca rows with a history; one reading for all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from anytasktune.datasets.json_rows import type_name
from anytasktune.datasets.raw_rows import RowError

Role = Literal["system", "user", "assistant"]

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
}
_ROLE_KEYS, _TEXT_KEYS = ("role", "from"), ("content", "value")
_TRAINED_KEYS = ("weight", "loss", "loss_weight", "loss_mask", "trainable", "train")
"""Fields of a turn that say whether it is trained on; 0 and false say that it is not."""
_PREFERENCE_KEYS = ("label", "kto_tag")
"""Fields of a row with which preference data (KTO) mark an answer as a bad one, by false."""
_EMPTY_THINKING = "<think></think>"


@dataclass(frozen=True)
class Draft:
    """One row's texts before the file as a whole was looked at.

    Attributes:
        instruction: the instruction or system message; empty if there is none.
        input: the input; empty only in Alpaca rows, whose instruction may take its place.
        output: the output, as text.
        is_dialogue: the input consists of `role: text` lines.
        unanswered: turns after the last answer, which are in neither input nor output.
        unused: fields of turns that were not read.
    """

    instruction: str
    input: str
    output: str
    is_dialogue: bool = False
    unanswered: int = 0
    unused: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Turn:
    role: Role
    text: str
    trained: bool = True
    unused: frozenset[str] = frozenset()


def read_dialogue(row: Mapping[str, Any], column: str) -> Draft:
    """Read the turns in `column`: everything before the last answer that is trained on is the input.

    One user turn stands alone, more turns are `role: text` lines. Turns are `role` and `content` or `from` and `value`.

    Raises:
        RowError: a turn cannot be read, no answer is trained on, or the row marks its answer as a bad one.
    """
    if column not in row:
        raise RowError("missing_field", f"there is no {column}")
    items = row[column]
    if not isinstance(items, list):
        raise RowError("wrong_type", f"{column} is {type_name(items)}, not a list")
    if marked := next((key for key in _PREFERENCE_KEYS if row.get(key) is False), None):
        raise RowError("rejected_answer", f"{marked} is false: preference data mark this answer as a bad one")
    system = [_Turn("system", _text(row["system"], "system"))] if row.get("system") else []
    return _draft([*system, *map(_turn, items)])


def read_alpaca_dialogue(row: Mapping[str, Any]) -> Draft:
    """Read an Alpaca row with `history` (earlier rounds) or `system`, as the equal dialogue is read.

    Raises:
        RowError: a field is not what the format says.
    """
    turns = []
    if system := row.get("system"):
        turns.append(_Turn("system", _text(system, "system")))
    history = row.get("history") or []
    if not isinstance(history, list):
        raise RowError("wrong_type", f"history is {type_name(history)}, not a list of rounds")
    for exchange in history:
        if not isinstance(exchange, Sequence) or isinstance(exchange, str) or len(exchange) != 2:
            raise RowError("wrong_type", "a round of history is not a pair of a question and an answer")
        turns += [_Turn("user", _text(exchange[0], "history")), _Turn("assistant", _text(exchange[1], "history"))]
    question = [_text(row.get(name) or "", name) for name in ("instruction", "input")]
    turns.append(_Turn("user", "\n\n".join(text for text in question if text.strip())))
    return _draft([*turns, _Turn("assistant", _text(row.get("output") or "", "output"))])


def has_rounds(row: Mapping[str, Any]) -> bool:
    """Whether an Alpaca row has earlier rounds or a system message of its own."""
    return bool(row.get("history")) or bool(row.get("system"))


def _draft(turns: Sequence[_Turn]) -> Draft:
    unused = frozenset[str]().union(*(turn.unused for turn in turns))
    system = "\n".join(turn.text for turn in turns if turn.role == "system" and turn.text)
    spoken = [turn for turn in turns if turn.role != "system"]
    answers = [place for place, turn in enumerate(spoken) if turn.role == "assistant"]
    if not answers:
        raise RowError("no_answer", "no assistant turn in it")
    trained = [place for place in answers if spoken[place].trained]
    if not trained:
        raise RowError("not_trained", "every answer in it is marked as not to be trained on (weight 0, loss false …)")
    last = trained[-1]
    before = spoken[:last]
    is_dialogue = [turn.role for turn in before] not in ([], ["user"])
    separator = "\n" if is_dialogue else ""
    lines = separator.join(f"{turn.role}: {turn.text}" if is_dialogue else turn.text for turn in before)
    return Draft(system, lines, spoken[last].text, is_dialogue, len(spoken) - last - 1, unused)


def _turn(item: Any) -> _Turn:
    """Read a turn; one that only calls a tool says nothing, and is taken for an empty system message."""
    if not isinstance(item, Mapping):
        raise RowError("wrong_type", f"a turn is {type_name(item)}, not an object")
    role_key = next((key for key in _ROLE_KEYS if key in item), None)
    text_key = next((key for key in _TEXT_KEYS if key in item), None)
    if role_key is None or (text_key is None and "tool_calls" not in item):
        what = f"a turn has {', '.join(map(str, item)) or 'no fields'}; expected are role and content, or from and value"
        raise RowError("missing_field", what)
    role = item[role_key]
    if not isinstance(role, str) or role.strip().lower() not in _ROLES:
        raise RowError("unknown_role", f"{role_key} is {role!r}; known: {', '.join(_ROLES)}")
    content = item.get(text_key) if text_key else None
    known = {role_key, text_key, *_TRAINED_KEYS}
    unused = frozenset(str(key) for key, value in item.items() if key not in known and value not in (None, [], ""))
    if content is None and item.get("tool_calls"):
        return _Turn("system", "", unused=unused)
    text = "".join(_parts(content)) if isinstance(content, list) else _text("" if content is None else content, "turn")
    if "".join(text.split()).startswith(_EMPTY_THINKING):
        text = text.partition("</think>")[2].lstrip()
    return _Turn(_ROLES[role.strip().lower()], text, all(_is_trained(item.get(key)) for key in _TRAINED_KEYS), unused)


def _is_trained(mark: Any) -> bool:
    return mark is None or not isinstance(mark, (bool, int, float)) or bool(mark)


def _parts(parts: Sequence[Any]) -> Iterator[str]:
    """The texts of a message that is a list of parts, as the OpenAI format allows; `value` is LLaMA-Factory's name of it."""
    for part in parts:
        text = part.get("text", part.get("value")) if isinstance(part, Mapping) else None
        if not isinstance(text, str):
            raise RowError("wrong_type", "a message has parts that are not text")
        yield text


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise RowError("wrong_type", f"{what} is {type_name(value)}, not text")
    return value
