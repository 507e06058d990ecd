"""Whether two answers to a task say the same, and whether one is at all like the right one.

Labels and lists from a closed list must be equal. Where an answer is in free words, two right ones hardly ever are: numbers may
be a little apart (as for samples of one answer), texts and phrases must share most of their words.
"""

from collections.abc import Iterator
from typing import Any

from anytasktune.records import Language
from anytasktune.schema import JsonOutput, LabelOutput, LabelsOutput, NumberOutput, Task
from anytasktune.scorers import parse_output
from anytasktune.scorers.metrics import item_value
from anytasktune.scorers.overlap import token_f1
from anytasktune.synthesis.anchors import fixed_words
from anytasktune.synthesis.answers import agree

SHARED = 0.6
"""F1 of common words from which two lists of phrases, or two values of one JSON key, say the same."""
_PLAUSIBLE_TEXT, _PLAUSIBLE_FACTS, _PLAUSIBLE_DISTANCE = 0.1, 0.3, 0.25


def says_the_same(task: Task, language: Language, first: str, second: str) -> bool:
    """Whether two answers to the same input, or to two inputs that mean the same, say the same."""
    agreed = agree(task, language, [first, second], 2)
    if agreed.share == 1:
        return True
    one, other = (parse_output(task, text, language) for text in (first, second))
    if is_open(task) and isinstance(task.output, LabelsOutput):
        return _alike(" ".join(one.items), " ".join(other.items))
    if isinstance(task.output, JsonOutput) and one.ok and other.ok:
        return _same_values(one.value, other.value, fixed_words(task))
    return False


def is_open(task: Task) -> bool:
    """Whether right answers to one input may differ: everything but labels and lists from a closed list."""
    output = task.output
    return not isinstance(output, LabelOutput) and not (isinstance(output, LabelsOutput) and output.labels)


def is_plausible(task: Task, expected: str, given: str) -> bool:
    """Whether an answer is so far like the right one that whoever gave it can be taken to understand the task."""
    value = item_value(task, expected, given)
    if isinstance(task.output, NumberOutput):
        return value <= _PLAUSIBLE_DISTANCE * (task.output.maximum - task.output.minimum)
    if not is_open(task):
        return value == 1
    return value >= (_PLAUSIBLE_TEXT if task.output.kind == "text" else _PLAUSIBLE_FACTS)


def _same_values(one: Any, other: Any, fixed: frozenset[str]) -> bool:
    first, second = _by_path(one), _by_path(other)
    return all(_same(first.get(path, []), second.get(path, []), fixed) for path in first | second)


def _by_path(value: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for path, leaf in _leaves(value, ""):
        found.setdefault(path, []).append(leaf)
    return found


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _leaves(child, f"{path}/{key}")
    elif isinstance(value, list):
        for child in value:
            yield from _leaves(child, path)
    elif value not in (None, ""):
        yield path, value


def _same(one: list[Any], other: list[Any], fixed: frozenset[str]) -> bool:
    if all(isinstance(leaf, str) and leaf not in fixed for leaf in [*one, *other]):
        return _alike(" ".join(one), " ".join(other))
    return sorted(map(str, one)) == sorted(map(str, other))


def _alike(one: str, other: str) -> bool:
    return token_f1(one, other) >= SHARED
