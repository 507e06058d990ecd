"""What an answer says, read in the form the task asks for."""

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from anytasktune.records import Language
from anytasktune.schema import JsonOutput, LabelOutput, LabelsOutput, NumberOutput, Task

MAX_JSON_DEPTH = 64
"""JSON nested deeper than this is no answer to any task; following it could exhaust the stack."""

_HALF_WIDTH = str.maketrans("０１２３４５６７８９．，－−＋", "0123456789.,--+")
_NUMBER = re.compile(r"(?:(?<![\w.])[-+])?(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|(?<!\w)\.[0-9]+")
_PLAIN_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?")


@dataclass(frozen=True)
class Parsed:
    """An answer, read.

    Attributes:
        text: the answer without white space around it.
        ok: whether it has the form of the task's output kind (a known label; JSON; a bare number; not empty).
        label: the label, where it is exactly one of the task's.
        items: the items of a `labels` answer in their order, repetitions kept; empty for other kinds.
        number: the first number in the answer; None where there is none or none is asked for.
        value: the decoded JSON; None where it does not parse (look at `ok`: JSON `null` is None too).
        json_error: why it does not parse as JSON; empty where it does or where no JSON is asked for.
    """

    text: str
    ok: bool
    label: str | None = None
    items: tuple[str, ...] = ()
    number: float | None = None
    value: Any = None
    json_error: str = ""


def parse_output(task: Task, text: str, language: Language | None = None) -> Parsed:
    """Read the answer `text` as `task` asks for it. Never raises: an answer without the form has `ok` False.

    Args:
        language: of the example that is answered, where labels differ by language; None: the task's first.
    """
    text = text.strip()
    output, labels = task.output, task.labels_in(language)
    if isinstance(output, LabelOutput):
        known = text in (labels or ())
        return Parsed(text, ok=known, label=text if known else None)
    if isinstance(output, LabelsOutput):
        items = split_items(text, output.separator)
        return Parsed(text, ok=labels is None or set(items) <= set(labels), items=items)
    if isinstance(output, JsonOutput):
        return _parsed_json(text)
    if isinstance(output, NumberOutput):
        return Parsed(text, ok=bool(_PLAIN_NUMBER.fullmatch(text.translate(_HALF_WIDTH))), number=first_number(text))
    return Parsed(text, ok=bool(text))


def in_first_language(task: Task, reference: str, text: str) -> str:
    """`text`, an answer to a row whose right answer is `reference`, as the label of the task's first language.

    So the same label counts as the same in all languages. An answer that is no label of the row's language is empty.
    Where labels do not differ by language it is `text` itself.
    """
    labels = getattr(task.output, "labels", None)
    own = next((names for names in labels.values() if reference in names), None) if isinstance(labels, dict) else None
    if labels is None or own is None:
        return text
    return str(labels[task.languages[0]][own.index(text)]) if text in own else ""


def split_items(text: str, separator: str) -> tuple[str, ...]:
    """The items of a list written in one line, without the space around them; empty items are left out.

    Full-width and half-width forms of the separator ("；" and ";") and any space around it are taken as the same. A
    separator of white space alone ("\\n") is taken literally.
    """
    core = separator.strip()
    parts = re.split(separator_pattern(core), text) if core else text.split(separator)
    return tuple(item for part in parts if (item := part.strip()))


def separator_pattern(core: str) -> str:
    """Regular expression for `core` in full-width or half-width characters."""
    return "".join(f"[{re.escape(char + _other_width(char))}]" for char in core)


def _other_width(char: str) -> str:
    code = ord(char)
    if 0x21 <= code <= 0x7E:
        return chr(code + 0xFEE0)
    return chr(code - 0xFEE0) if 0xFF01 <= code <= 0xFF5E else char


def first_number(text: str) -> float | None:
    """The first number in `text`, or None.

    Full-width digits count ("３．５分" is 3.5), commas between groups of three digits are passed over ("1,200" is
    1200), and a hyphen after a word or digit is no minus ("score-4" is 4).
    """
    found = _NUMBER.search(text.translate(_HALF_WIDTH))
    return float(found.group().replace(",", "")) if found else None


def parse_reference_number(text: str) -> float:
    """The number a reference answer states.

    Raises:
        ValueError: there is none.
    """
    number = first_number(text)
    if number is None:
        raise ValueError(f"no number in {text!r}")
    return number


def decimals_of(text: str) -> int:
    """Digits after the point of a bare number."""
    return len(text.translate(_HALF_WIDTH).partition(".")[2])


def _parsed_json(text: str) -> Parsed:
    try:
        return Parsed(text, ok=True, value=load_json(text))
    except ValueError as error:
        return Parsed(text, ok=False, json_error=str(error))


def load_json(text: str) -> Any:
    """Decode standard JSON.

    Raises:
        ValueError: not JSON, `NaN` or an infinite number in it, or nested deeper than `MAX_JSON_DEPTH`.
    """
    if not text.strip():
        raise ValueError("it is empty")
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if _depth(value) > MAX_JSON_DEPTH:
        raise ValueError(f"it is nested more than {MAX_JSON_DEPTH} levels deep")
    return value


def repeated_keys(text: str) -> tuple[str, ...]:
    """Keys that stand twice in one object of the JSON `text` (a decoder keeps only the last); empty if it is no JSON."""
    repeated: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        keys = [key for key, _ in pairs]
        repeated.extend(sorted({key for key in keys if keys.count(key) > 1}))

    try:
        json.loads(text, object_pairs_hook=note)
    except (ValueError, RecursionError):
        return ()
    return tuple(dict.fromkeys(repeated))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{digits} is too large a number")
    return number


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, (dict, list))]:
        depth += 1
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
    return depth
