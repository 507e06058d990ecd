"""What in an input must stay as it is: what the answer copies from it, fixed words of the task, and the form of the input."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from anytasktune.schema import Example, JsonOutput, LabelOutput, LabelsOutput, Task
from anytasktune.scorers import parse_output
from anytasktune.text.json_values import layout_of, strings_in, try_json
from anytasktune.text.plain_text import occurs_in
from anytasktune.text.scripts import HAN

_FIELD_LINE = re.compile(r"^([^:：\n,.;!?，。；！？、()（）]{1,20})[:：][ \t]*(\S[^\n]*)$", re.M)
_FEWEST_FIELDS = 2
"""A single line with a colon in it is a sentence."""
_LONGEST_FIELD = 40
_WORD = re.compile(rf"[{HAN}]+|[^\W{HAN}]{{3,}}")


def fixed_words(task: Task) -> frozenset[str]:
    """All strings an answer must be chosen from: labels of every language, and what the JSON Schema lists."""
    output = task.output
    if isinstance(output, (LabelOutput, LabelsOutput)):
        lists = output.labels.values() if isinstance(output.labels, dict) else [output.labels or []]
        return frozenset(label for labels in lists for label in labels)
    return frozenset(enumerated(output.json_schema)) if isinstance(output, JsonOutput) else frozenset()


def enumerated(schema: Any) -> Iterator[str]:
    """All strings listed under `enum` or `const` anywhere in a JSON Schema, in its order."""
    if isinstance(schema, Mapping):
        listed = [*_as_list(schema.get("enum")), schema.get("const")]
        yield from (value for value in listed if isinstance(value, str))
        for key, part in schema.items():
            if key not in {"enum", "const"}:
                yield from enumerated(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from enumerated(part)


def free_strings(task: Task, example: Example) -> tuple[str, ...]:
    """The pieces of an answer that are words of their own: list items, strings inside JSON, the text; no fixed words."""
    parsed = parse_output(task, example.output, example.language)
    fixed = fixed_words(task)
    if isinstance(task.output, LabelsOutput):
        strings: Sequence[str] = parsed.items
    elif isinstance(task.output, JsonOutput):
        strings = tuple(strings_in(parsed.value))
    else:
        strings = (parsed.text,) if task.output.kind == "text" else ()
    return tuple(dict.fromkeys(string for string in strings if string.strip() and string not in fixed))


def copied_strings(task: Task, example: Example) -> tuple[str, ...]:
    """The pieces of the answer that stand in the input word for word, whether the task's rules demand it or not."""
    return tuple(string for string in free_strings(task, example) if occurs_in(string, example.input))


def shared_words(task: Task, example: Example) -> Iterator[str]:
    """Words of a free answer that are in the input too: of Chinese every pair of characters."""
    for string in free_strings(task, example):
        for word in _WORD.findall(string):
            pieces = [word] if word.isascii() or len(word) < 2 else [word[at : at + 2] for at in range(len(word) - 1)]
            yield from (piece for piece in pieces if piece in example.input)


def field_words(text: str) -> Iterator[str]:
    """Of inputs with fields (`Entity 1: Acme`): their names, and short values that stand in the text more than once."""
    lines = list(_FIELD_LINE.finditer(text))
    for match in lines if len(lines) >= _FEWEST_FIELDS else []:
        name, value = match[1].strip(), match[2].strip()
        if name:
            yield name
        if len(value) <= _LONGEST_FIELD and text.count(value) > 1:
            yield value


def json_form(text: str) -> frozenset[str] | None:
    """The key paths of an input that is a JSON object or list; None for any other text."""
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    value = try_json(text)
    return None if value is None else frozenset(layout_of(value))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
