"""Which kind of output given answers have, and which rules all of them keep."""

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from anytasktune.outputs import Rules, split_items
from anytasktune.records import Language
from anytasktune.schema import Example
from anytasktune.tasks.pool_drafts import Form
from anytasktune.text.json_values import strings_in, try_json
from anytasktune.text.language import likelier_language
from anytasktune.text.numbers import decimals_of, first_number, is_bare_number
from anytasktune.text.scripts import is_in_script, tokens

SEPARATORS = ("; ", "；", "\n", "、", ", ", "，", " | ")
"""What may stand between two items; the first that fits is taken."""
MOST_LABELS = 200
_LONGEST_LABEL = 60
_LONGEST_ITEM = 12
"""Words of an item of a list; a sentence has more."""
_REPEATED = 3
"""Rows per different answer from which answers count as a closed list."""
_ENOUGH_ROWS = 20
"""From so many rows on, what no row does is taken to be forbidden."""
_MOST_VALUES = 8
_LENGTH_STEP = 50
_SENTENCE_END = re.compile(r"[.!?。！？]$")


def decoded(text: str) -> Any:
    """The JSON object or array an answer is; None if it is none."""
    value = try_json(text)
    return value if isinstance(value, (dict, list)) else None


def separator_of(text: str) -> str | None:
    """What stands between the items of an answer that is a list of phrases; None if it is no such list."""
    for separator in SEPARATORS:
        items = split_items(text, separator)
        if separator in text.strip() and len(items) > 1 and all(_is_phrase(item) for item in items):
            return separator
    return None


def is_sentence(text: str) -> bool:
    """Whether a text ends as a sentence does."""
    return _SENTENCE_END.search(text) is not None


def _is_phrase(item: str) -> bool:
    return len(tokens(item)) <= _LONGEST_ITEM * (2 if is_in_script(item, "zh") else 1) and not is_sentence(item)


def is_closed(answers: Sequence[str]) -> bool:
    """Whether these are answers of a fixed list: few, short, and each given again and again."""
    times = Counter(answers)
    few = 2 <= len(times) <= MOST_LABELS and len(answers) >= _REPEATED * len(times)
    return few and all(len(answer) <= _LONGEST_LABEL and "\n" not in answer for answer in times)


def form_of(rows: Sequence[Example]) -> Form:
    """Kind of output and rules that all rows keep."""
    answers = [row.output.strip() for row in rows]
    if all(isinstance(decoded(answer), (dict, list)) for answer in answers):
        return _json_form(rows, [decoded(answer) for answer in answers])
    if all(is_bare_number(answer) for answer in answers) and len(set(answers)) > 1:
        return _number_form(answers)
    if is_closed(answers):
        return Form(kind="label", labels=_all_labels(rows, answers))
    if separator := _usual_separator(answers):
        return _items_form(rows, answers, separator)
    return Form(kind="text", rules=_text_rules(answers))


def _usual_separator(answers: Sequence[str]) -> str | None:
    found = Counter(separator for answer in answers if (separator := separator_of(answer)))
    separator, times = found.most_common(1)[0] if found else ("", 0)
    single = sum(separator not in answer and _is_phrase(answer) for answer in answers)
    return separator if times and times + single == len(answers) and times * 2 >= len(answers) else None


def _items_form(rows: Sequence[Example], answers: Sequence[str], separator: str) -> Form:
    lists = [split_items(answer, separator) for answer in answers]
    every = [item for items in lists for item in items]
    spoken = [row for row, items in zip(rows, lists, strict=True) for _ in items]
    sizes = [len(items) for items in lists]
    labels = _all_labels(spoken, every) if is_closed(every) else {}
    copied = not labels and all(item in row.input for row, items in zip(rows, lists, strict=True) for item in items)
    rules = Rules(min_items=min(sizes), max_items=max(sizes), copies_from_input=copied)
    return Form(kind="labels", labels=labels, separator=separator, rules=rules)


def _number_form(answers: Sequence[str]) -> Form:
    numbers = [number for answer in answers if (number := first_number(answer)) is not None]
    decimals = max(decimals_of(answer) for answer in answers)
    return Form(kind="number", minimum=min(numbers), maximum=max(numbers), decimals=min(decimals, 6))


def _text_rules(answers: Sequence[str]) -> Rules:
    longest = math.ceil(max(map(len, answers)) * 1.2 / _LENGTH_STEP) * _LENGTH_STEP
    lines = [len(answer.splitlines()) for answer in answers]
    if min(lines) < 2:
        return Rules(max_length=longest)
    return Rules(max_length=longest, min_items=min(lines), max_items=max(lines))


def _json_form(rows: Sequence[Example], values: Sequence[Any]) -> Form:
    if all(isinstance(value, list) for value in values):
        items = [item for value in values for item in value]
        schema = {"type": "array"} | ({"items": json_schema(items)} if items else {})
        sizes = [len(value) for value in values]
        rules = Rules(min_items=min(sizes), max_items=max(1, *sizes), copies_from_input=_copied(rows, values))
        return Form(kind="json", json_schema=schema, rules=rules)
    objects = [value for value in values if isinstance(value, dict)]
    schema = json_schema(objects) if len(objects) == len(values) else {}
    return Form(kind="json", json_schema=schema, rules=Rules(copies_from_input=_copied(rows, values)))


def _copied(rows: Sequence[Example], values: Sequence[Any]) -> bool:
    found = [(row.input, text) for row, value in zip(rows, values, strict=True) for text in strings_in(value)]
    return bool(found) and all(text in source for source, text in found)


def json_schema(values: Sequence[Any]) -> dict[str, Any]:
    """A schema that all values fit: types, keys, those no value lacks, and a few repeated values as the only ones."""
    kinds = sorted({_type_of(value) for value in values})
    if "integer" in kinds and "number" in kinds:
        kinds.remove("integer")
    schema: dict[str, Any] = {"type": kinds[0] if len(kinds) == 1 else kinds}
    if kinds == ["object"]:
        return schema | _object_schema(values)
    if "array" in kinds and (items := [item for value in values if isinstance(value, list) for item in value]):
        schema["items"] = json_schema(items)
    texts = [value for value in values if isinstance(value, str)]
    if kinds == ["string"] and len(texts) >= _ENOUGH_ROWS and is_closed(texts) and len(set(texts)) <= _MOST_VALUES:
        return {"enum": sorted(set(texts))}
    return schema


def _object_schema(objects: Sequence[dict[str, Any]]) -> dict[str, Any]:
    keys = list(dict.fromkeys(key for value in objects for key in value))
    properties = {key: json_schema([value[key] for value in objects if key in value]) for key in keys}
    required = [key for key in keys if all(key in value for value in objects)]
    closed = {"additionalProperties": False} if len(objects) >= _ENOUGH_ROWS else {}
    return {"properties": properties, "required": required} | closed


def _type_of(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "boolean"
    return next(
        name
        for kind, name in ((str, "string"), (int, "integer"), (float, "number"), (list, "array"), (dict, "object"))
        if isinstance(value, kind)
    )


def _all_labels(rows: Sequence[Example], answers: Sequence[str]) -> dict[Language, list[str]]:
    """The different answers, the most frequent first. What means the same in two languages is not guessed: it is one list."""
    first = Counter(row.language or likelier_language(row.input) for row in rows).most_common(1)[0][0]
    return {first: [answer for answer, _ in Counter(answers).most_common()]}


def short(value: str) -> str:
    """An answer or input as a part of a remark."""
    return json.dumps(value if len(value) <= _LONGEST_LABEL else value[: _LONGEST_LABEL - 1] + "…", ensure_ascii=False)
