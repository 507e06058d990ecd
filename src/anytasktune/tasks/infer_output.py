"""The output kind that given answers have, and the rules that all of them keep."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from anytasktune.outputs import JsonOutput, LabelOutput, LabelsOutput, NumberOutput, Output, Rules, TextOutput, split_items
from anytasktune.records import Language
from anytasktune.schema import Example
from anytasktune.text.json_values import strings_in, try_json
from anytasktune.text.language import likelier_language
from anytasktune.text.numbers import decimals_of, first_number, is_bare_number
from anytasktune.text.scripts import is_in_script, tokens

SEPARATORS = ("; ", "；", "\n", "、", ", ", "，", " | ")
"""Candidates for the separator of a list; the first that fits is taken."""
MOST_LABELS = 200
LONGEST_LABEL = 60
"""Characters."""
_LONGEST_ITEM = 12
"""Words of an item of a list; a sentence has more."""
_REPEATED = 3
"""Rows per different answer from which answers count as a closed list."""
_ENOUGH_ROWS = 20
"""From so many rows on, what no row does is taken to be forbidden."""
_MOST_VALUES = 8
_LENGTH_STEP = 50
_SENTENCE_END = re.compile(r"[.!?。！？]$")


def infer_output(rows: Sequence[Example]) -> tuple[Output, Rules]:
    """Output and rules that fit all rows."""
    answers = [row.output.strip() for row in rows]
    values = [value for answer in answers if (value := json_value(answer)) is not None]
    if len(values) == len(answers):
        return _json(rows, values)
    if all(is_bare_number(answer) for answer in answers) and len(set(answers)) > 1:
        numbers = [number for answer in answers if (number := first_number(answer)) is not None]
        decimals = min(max(decimals_of(answer) for answer in answers), 6)
        return NumberOutput(kind="number", minimum=min(numbers), maximum=max(numbers), decimals=decimals), Rules()
    if is_closed(answers):
        return LabelOutput(kind="label", labels=_all_labels(rows, answers)), Rules()
    found = Counter(separator for answer in answers if (separator := separator_of(answer)))
    separator, times = found.most_common(1)[0] if found else ("", 0)
    single = sum(separator not in answer and _is_phrase(answer) for answer in answers)
    if times and times + single == len(answers) and times * 2 >= len(answers):
        return _items(rows, [split_items(answer, separator) for answer in answers], separator)
    lines = [len(answer.splitlines()) for answer in answers]
    longest = math.ceil(max(map(len, answers)) * 1.2 / _LENGTH_STEP) * _LENGTH_STEP
    counts = {"min_items": min(lines), "max_items": max(lines)} if min(lines) > 1 else {}
    return TextOutput(kind="text"), Rules(max_length=longest, **counts)


def json_value(text: str) -> dict[str, Any] | list[Any] | None:
    """The JSON object or array an answer is; None if it is none."""
    value = try_json(text)
    return value if isinstance(value, (dict, list)) else None


def separator_of(text: str) -> str | None:
    """The separator between the items of an answer that is a list of phrases; None if it is no such list."""
    for separator in SEPARATORS:
        items = split_items(text, separator)
        if separator in text.strip() and len(items) > 1 and all(_is_phrase(item) for item in items):
            return separator
    return None


def is_sentence(text: str) -> bool:
    """Whether a text ends as a sentence does."""
    return _SENTENCE_END.search(text) is not None


def is_closed(answers: Sequence[str]) -> bool:
    """Whether these are answers of a fixed list: few, short, and each given again and again."""
    times = Counter(answers)
    few = 2 <= len(times) <= MOST_LABELS and len(answers) >= _REPEATED * len(times)
    return few and all(len(answer) <= LONGEST_LABEL and "\n" not in answer for answer in times)


def _is_phrase(item: str) -> bool:
    return len(tokens(item)) <= _LONGEST_ITEM * (2 if is_in_script(item, "zh") else 1) and not is_sentence(item)


def _items(rows: Sequence[Example], lists: Sequence[Sequence[str]], separator: str) -> tuple[Output, Rules]:
    every = [item for items in lists for item in items]
    spoken = [row for row, items in zip(rows, lists, strict=True) for _ in items]
    sizes = [len(items) for items in lists]
    labels = _all_labels(spoken, every) if is_closed(every) else None
    copied = not labels and all(item in row.input for row, items in zip(rows, lists, strict=True) for item in items)
    rules = Rules(min_items=min(sizes), max_items=max(sizes), copies_from_input=copied)
    return LabelsOutput(kind="labels", labels=labels, separator=separator), rules


def _json(rows: Sequence[Example], values: Sequence[Any]) -> tuple[Output, Rules]:
    strings = [(row.input, text) for row, value in zip(rows, values, strict=True) for text in strings_in(value)]
    copied = bool(strings) and all(text in source for source, text in strings)
    if all(isinstance(value, list) for value in values):
        items = [item for value in values for item in value]
        schema = {"type": "array"} | ({"items": json_schema(items)} if items else {})
        sizes = [len(value) for value in values]
        rules = Rules(min_items=min(sizes), max_items=max(1, *sizes), copies_from_input=copied)
        return JsonOutput(kind="json", json_schema=schema), rules
    schema = json_schema(values) if all(isinstance(value, dict) for value in values) else {}
    return JsonOutput(kind="json", json_schema=schema), Rules(copies_from_input=copied)


def json_schema(values: Sequence[Any]) -> dict[str, Any]:
    """A schema that all values fit: types, keys, those no value lacks, and a few repeated values as the only ones."""
    kinds = sorted({_type_of(value) for value in values})
    if "integer" in kinds and "number" in kinds:
        kinds.remove("integer")
    schema: dict[str, Any] = {"type": kinds[0] if len(kinds) == 1 else kinds}
    if kinds == ["object"]:
        keys = list(dict.fromkeys(key for value in values for key in value))
        properties = {key: json_schema([value[key] for value in values if key in value]) for key in keys}
        required = [key for key in keys if all(key in value for value in values)]
        closed = {"additionalProperties": False} if len(values) >= _ENOUGH_ROWS else {}
        return schema | {"properties": properties, "required": required} | closed
    if "array" in kinds and (items := [item for value in values if isinstance(value, list) for item in value]):
        schema["items"] = json_schema(items)
    texts = [value for value in values if isinstance(value, str)]
    if kinds == ["string"] and len(texts) >= _ENOUGH_ROWS and is_closed(texts) and len(set(texts)) <= _MOST_VALUES:
        return {"enum": sorted(set(texts))}
    return schema


def _type_of(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    return {str: "string", int: "integer", float: "number", list: "array", dict: "object"}[type(value)]


def _all_labels(rows: Sequence[Example], answers: Sequence[str]) -> dict[Language, list[str]]:
    """The different answers, the most frequent first, as one list: equal meanings in two languages are not guessed."""
    first = Counter(row.language or likelier_language(row.input) for row in rows).most_common(1)[0][0]
    return {first: [answer for answer, _ in Counter(answers).most_common()]}
