"""Does a row's output have the form its task asks for? Looked at when rows are imported; the task's rules come later."""

from dataclasses import replace

from anytasktune.datasets.raw_rows import RowError
from anytasktune.datasets.read_result import ReadResult
from anytasktune.schema import Example, Task


def check_row(task: Task, example: Example) -> RowError | None:
    """Find the fault in the form of `example.output`; None if it fits `task.output`. White space around it is no fault.

    The reasons are the names of `outputs.Violation`. An empty answer is one even where a list may have no items, and items
    that can be told apart however they are separated are none.

    Raises:
        ConfigError: the task's JSON Schema is no schema.
    """
    language = task.language_of(example.language)
    parsed = task.output.parse(example.output, language)
    if not parsed.text or (task.output.may_be_empty and task.output.count_items(parsed) == 0):
        return RowError("empty_output", "the output is empty")
    for violation in task.output.form_violations(parsed, language):
        if violation.rule != "separator" or not parsed.ok:
            return RowError(violation.rule, f"{violation.what}; {violation.fix}" if violation.fix else violation.what)
    return None


def check_examples(task: Task, result: ReadResult) -> ReadResult:
    """`result` without the rows whose output does not fit the task, each dropped with its reason.

    White space around an output is taken away, except where the output is free text.

    Raises:
        DataError: no row is left.
        ConfigError: the task's JSON Schema is no schema.
    """
    tidy = _without_outer_space(task, _with_lists_joined(task, result))
    checked = ((position, check_row(task, example)) for position, example in enumerate(tidy.examples))
    return tidy.without({position: fault for position, fault in checked if fault}).require_rows()


def _with_lists_joined(task: Task, result: ReadResult) -> ReadResult:
    """Write outputs that are JSON lists as the task separates its items."""
    outputs = [task.output.from_list(example.output) for example in result.examples]
    changed = sum(output != example.output for output, example in zip(outputs, result.examples, strict=True))
    if not changed:
        return result
    pairs = zip(result.examples, outputs, strict=True)
    examples = [example.model_copy(update={"output": output}) for example, output in pairs]
    return replace(result, examples=examples, notes=(*result.notes, f"{changed} outputs are lists, whose items were joined"))


def _without_outer_space(task: Task, result: ReadResult) -> ReadResult:
    if task.output.free_text:
        return result
    loose = sum(example.output != example.output.strip() for example in result.examples)
    if not loose:
        return result
    examples = [example.model_copy(update={"output": example.output.strip()}) for example in result.examples]
    note = f"{loose} outputs had white space around them, which was removed"
    return replace(result, examples=examples, notes=(*result.notes, note))
