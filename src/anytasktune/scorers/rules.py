"""Which rules of its task an answer breaks, and how to say so to a person.

The rules by name:

    empty              nothing was answered
    unknown_label      not one of the task's labels
    separator          items are not separated as the task says
    bad_json           not JSON
    repeated_key       a JSON object has the same key twice
    schema             JSON that does not fit the task's JSON Schema
    bad_number         not a bare number
    out_of_range       a number outside the task's range
    decimals           more digits after the point than the task allows
    min_items, max_items, max_length, language, pattern, copies_from_input
                       the rule of that name in the task's `rules`
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from anytasktune.errors import Problem
from anytasktune.records import Language
from anytasktune.schema import JsonOutput, LabelOutput, LabelsOutput, NumberOutput, Task
from anytasktune.scorers.json_schema import schema_fault
from anytasktune.scorers.parse import Parsed, parse_output, separator_pattern, split_items
from anytasktune.text.json_values import repeated_keys, strings_in
from anytasktune.text.numbers import decimals_of
from anytasktune.text.plain_text import occurs_in, shorten
from anytasktune.text.scripts import is_in_script

_USUAL_SEPARATORS = re.compile(r"[;；,，、|｜\n]")


@dataclass(frozen=True)
class Breach:
    """One broken rule: its name, the fault in a sentence, and what to do about it."""

    rule: str
    what: str
    fix: str = ""


def broken_rules(task: Task, input_text: str, output_text: str, language: Language | None = None) -> list[str]:
    """Names of the rules that `output_text` breaks as an answer of `task` to `input_text`, each once.

    Args:
        language: of the example that is answered, where labels differ by language; None: the task's first.

    Raises:
        ConfigError: the task's JSON Schema is no schema.
    """
    return list(dict.fromkeys(breach.rule for breach in _breaches(task, input_text, output_text, language)))


def explain_rules(task: Task, input_text: str, output_text: str, language: Language | None = None) -> list[Problem]:
    """The same faults as sentences for the person whose row it is; `where` is left to the caller.

    Raises:
        ConfigError: the task's JSON Schema is no schema.
    """
    return [Problem(breach.what, fix=breach.fix) for breach in _breaches(task, input_text, output_text, language)]


def _breaches(task: Task, input_text: str, output_text: str, language: Language | None) -> Iterator[Breach]:
    parsed = parse_output(task, output_text, language)
    if not parsed.text and not isinstance(task.output, LabelsOutput):
        yield Breach("empty", "the answer is empty", "write the answer, or remove the row")
        return
    yield from _form(task, parsed, task.labels_in(language))
    yield from _size(task, parsed)
    yield from _wording(task, parsed, input_text)


def _form(task: Task, parsed: Parsed, labels: list[str] | None) -> Iterator[Breach]:
    output = task.output
    if isinstance(output, LabelOutput) and not parsed.ok:
        yield _unknown_label(parsed.text, labels or [])
    elif isinstance(output, LabelsOutput):
        yield from _list_form(output, parsed, labels)
    elif isinstance(output, JsonOutput):
        yield from _json_form(output, parsed)
    elif isinstance(output, NumberOutput):
        yield from _number_form(output, parsed)


def _unknown_label(text: str, labels: list[str]) -> Breach:
    near = get_close_matches(text, labels, n=1)
    fix = f"did you mean {near[0]!r}?" if near else f"use one of: {shorten(', '.join(labels), 200)}"
    return Breach("unknown_label", f"{shorten(text)!r} is not one of the task's {len(labels)} labels", fix)


def _list_form(output: LabelsOutput, parsed: Parsed, labels: list[str] | None) -> Iterator[Breach]:
    fix = f"put {output.separator!r} between two items and nowhere else"
    if _has_empty_item(parsed.text, output.separator):
        yield Breach("separator", f"{output.separator!r} stands where no item follows or precedes it", fix)
    if labels is None:
        if "\n" in parsed.text and "\n" not in output.separator:
            yield Breach("separator", "the items stand on several lines", fix)
        return
    for item in parsed.items:
        if item in labels:
            continue
        pieces = [piece.strip() for piece in _USUAL_SEPARATORS.split(item)]
        if len(pieces) > 1 and set(pieces) <= set(labels):
            yield Breach("separator", f"{shorten(item)!r} holds {len(pieces)} labels not separated as the task says", fix)
        else:
            yield _unknown_label(item, labels)


def _has_empty_item(text: str, separator: str) -> bool:
    core = separator.strip()
    if not text or not core:
        return False
    return len(re.split(separator_pattern(core), text)) != len(split_items(text, separator))


def _json_form(output: JsonOutput, parsed: Parsed) -> Iterator[Breach]:
    if not parsed.ok:
        yield Breach("bad_json", f"the answer is not JSON: {parsed.json_error}", "write one JSON value and nothing around it")
        return
    for key in repeated_keys(parsed.text):
        yield Breach("repeated_key", f"the key {shorten(key)!r} stands twice in one object", "keep one of them")
    fault = schema_fault(output.json_schema, parsed.value)
    if fault:
        yield Breach("schema", fault, "change the answer or output.json_schema of the task")


def _number_form(output: NumberOutput, parsed: Parsed) -> Iterator[Breach]:
    if not parsed.ok or parsed.number is None:
        yield Breach("bad_number", f"{shorten(parsed.text)!r} is not a bare number", "write digits only, such as 3 or 2.5")
        return
    if not output.minimum <= parsed.number <= output.maximum:
        allowed = f"{output.minimum:g} to {output.maximum:g}"
        yield Breach("out_of_range", f"{parsed.text} is outside {allowed}", "correct the number or the range of the task")
    if decimals_of(parsed.text) > output.decimals:
        what = f"{parsed.text} has more than {output.decimals} digits after the point"
        yield Breach("decimals", what, "round it, or raise output.decimals of the task")


def _size(task: Task, parsed: Parsed) -> Iterator[Breach]:
    rules, items = task.rules, _item_count(task, parsed)
    if items is not None and rules.min_items is not None and items < rules.min_items:
        yield Breach("min_items", f"{items} items, at least {rules.min_items} are wanted")
    if items is not None and rules.max_items is not None and items > rules.max_items:
        yield Breach("max_items", f"{items} items, at most {rules.max_items} are allowed")
    if rules.max_length is not None and len(parsed.text) > rules.max_length:
        yield Breach("max_length", f"{len(parsed.text)} characters, at most {rules.max_length} are allowed")


def _item_count(task: Task, parsed: Parsed) -> int | None:
    """Items of a list of labels, of a JSON array, or lines of a text; None for what has no items."""
    if isinstance(task.output, LabelsOutput):
        return len(parsed.items)
    if isinstance(task.output, JsonOutput):
        return len(parsed.value) if isinstance(parsed.value, list) else None
    if task.output.kind == "text":
        return sum(1 for line in parsed.text.splitlines() if line.strip())
    return None


def _wording(task: Task, parsed: Parsed, input_text: str) -> Iterator[Breach]:
    rules, strings = task.rules, _strings(task, parsed)
    if rules.language is not None and not is_in_script(" ".join(strings), rules.language):
        language = {"en": "English", "zh": "Chinese"}[rules.language]
        yield Breach("language", f"the answer is not written in {language}")
    if rules.pattern is not None and not re.fullmatch(rules.pattern, parsed.text):
        yield Breach("pattern", f"the answer does not match the pattern {rules.pattern}")
    if rules.copies_from_input:
        for string in strings:
            if not occurs_in(string, input_text):
                what = f"{shorten(string)!r} does not stand in the input word for word"
                yield Breach("copies_from_input", what, "copy it exactly as the input has it")


def _strings(task: Task, parsed: Parsed) -> tuple[str, ...]:
    """The pieces of text an answer is made of: items, strings inside JSON (keys are not), or the whole answer."""
    if isinstance(task.output, LabelsOutput):
        return parsed.items
    if isinstance(task.output, JsonOutput):
        return tuple(strings_in(parsed.value)) if parsed.ok else ()
    return (parsed.text,)
