"""Does a row's output have the form its task asks for? Looked at when rows are imported; the task's rules come later."""

import difflib
import math
from collections.abc import Sequence
from dataclasses import replace

from anytasktune.datasets.raw_rows import RowError
from anytasktune.datasets.read_result import ReadResult
from anytasktune.schema import Example, JsonOutput, LabelOutput, LabelsOutput, NumberOutput, Task, TextOutput
from anytasktune.scorers.json_schema import schema_fault
from anytasktune.scorers.parse import Parsed, parse_output
from anytasktune.text.json_values import repeated_keys
from anytasktune.text.numbers import decimals_of
from anytasktune.text.plain_text import shorten

_LABELS_SHOWN = 8


def check_row(task: Task, example: Example) -> RowError | None:
    """What is wrong with the form of `example.output`; None if it fits `task.output`. White space around it is no fault.

    Reasons: `unknown_label` (with the nearest right one), `bad_json`, `duplicate_key`, `schema_violation`, `not_a_number`,
    `out_of_range`, `too_many_decimals`, `empty_output`.

    Raises:
        ConfigError: the task's JSON Schema is no schema.
    """
    parsed = parse_output(task, example.output, example.language)
    output, labels = task.output, task.labels_in(example.language)
    if not parsed.text:
        return RowError("empty_output", "the output is empty")
    if isinstance(output, LabelOutput):
        return None if parsed.ok else _unknown_label(parsed.text, labels or [])
    if isinstance(output, LabelsOutput):
        return _labels_fault(labels, parsed)
    if isinstance(output, JsonOutput):
        return _json_fault(output, parsed)
    return _number_fault(output, parsed) if isinstance(output, NumberOutput) else None


def check_examples(task: Task, result: ReadResult) -> ReadResult:
    """`result` without the rows whose output does not fit the task, each dropped with its reason.

    White space around an output is taken away, except where the output is free text.

    Raises:
        DataError: no row is left.
        ConfigError: the task's JSON Schema is no schema.
    """
    tidy = _without_outer_space(task, result)
    checked = ((position, check_row(task, example)) for position, example in enumerate(tidy.examples))
    return tidy.without({position: fault for position, fault in checked if fault}).require_rows()


def _without_outer_space(task: Task, result: ReadResult) -> ReadResult:
    if isinstance(task.output, TextOutput):
        return result
    loose = sum(example.output != example.output.strip() for example in result.examples)
    if not loose:
        return result
    examples = [example.model_copy(update={"output": example.output.strip()}) for example in result.examples]
    note = f"{loose} outputs had white space around them, which was removed"
    return replace(result, examples=examples, notes=(*result.notes, note))


def _unknown_label(text: str, labels: Sequence[str]) -> RowError:
    folded = {label.casefold(): label for label in labels}
    close = difflib.get_close_matches(text.casefold(), folded, n=1, cutoff=0.5)
    if close:
        advice = f"did you mean {folded[close[0]]!r}?"
    else:
        advice = f"known: {', '.join(labels[:_LABELS_SHOWN])}{', …' if len(labels) > _LABELS_SHOWN else ''}"
    return RowError("unknown_label", f"{shorten(text)!r} is not one of the labels; {advice}")


def _labels_fault(labels: list[str] | None, parsed: Parsed) -> RowError | None:
    if not parsed.items:
        return RowError("empty_output", f"there is nothing between the separators in {shorten(parsed.text)!r}")
    unknown = next((item for item in parsed.items if labels is not None and item not in labels), None)
    return None if unknown is None else _unknown_label(unknown, labels or [])


def _json_fault(output: JsonOutput, parsed: Parsed) -> RowError | None:
    if not parsed.ok:
        return RowError("bad_json", parsed.json_error)
    if repeated := repeated_keys(parsed.text):
        return RowError("duplicate_key", f"the key {repeated[0]!r} stands in one object more than once")
    fault = schema_fault(output.json_schema, parsed.value)
    return RowError("schema_violation", fault) if fault else None


def _number_fault(output: NumberOutput, parsed: Parsed) -> RowError | None:
    if not parsed.ok or parsed.number is None or not math.isfinite(parsed.number):
        return RowError("not_a_number", f"{shorten(parsed.text)!r} is not a bare number")
    if not output.minimum <= parsed.number <= output.maximum:
        return RowError("out_of_range", f"{parsed.text} is not from {output.minimum:g} to {output.maximum:g}")
    if decimals_of(parsed.text) > output.decimals:
        return RowError("too_many_decimals", f"{parsed.text} has more than {output.decimals} digits after the point")
    return None
