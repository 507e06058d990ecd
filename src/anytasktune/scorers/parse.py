"""What an answer says, read in the form the task asks for."""

import re
from dataclasses import dataclass
from typing import Any

from anytasktune.records import Language
from anytasktune.schema import JsonOutput, LabelOutput, LabelsOutput, NumberOutput, Task
from anytasktune.text.json_values import load_json
from anytasktune.text.numbers import first_number, is_bare_number


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
        return Parsed(text, ok=is_bare_number(text), number=first_number(text))
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


def parse_reference_number(text: str) -> float:
    """The number a reference answer states.

    Raises:
        ValueError: there is none.
    """
    number = first_number(text)
    if number is None:
        raise ValueError(f"no number in {text!r}")
    return number


def _parsed_json(text: str) -> Parsed:
    try:
        return Parsed(text, ok=True, value=load_json(text))
    except ValueError as error:
        return Parsed(text, ok=False, json_error=str(error))
