"""What the answers of new rows are to be like, so that all kinds of answers are covered."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from anytasktune.outputs import JsonOutput, LabelOutput, LabelsOutput, NumberOutput
from anytasktune.outputs.json_schema import properties_in
from anytasktune.records import Language
from anytasktune.schema import Example, Task
from anytasktune.text.json_values import try_json

_BANDS = 5
_MOST_COUNTS = 6
_SEEDS_PER_LABEL = 5
"""With this many seeds per label on average, how often labels come up in the seeds is taken to mean something."""
_WITHOUT_DATA = (1, 2, 3)
FILLED, EMPTY = "+", "-"
"""Aims of a field of a JSON answer about which nothing else is known."""


@dataclass(frozen=True)
class Aim:
    """What the answer of one new row is to be like; fields that are not set are left to the teacher.

    Attributes:
        label: the answer, or one of the answer's items, where there is a closed list.
        items: how many items the answer has.
        low, high: between which numbers it lies.
        field: of a JSON answer, which is to have `value`, or to be `FILLED` or `EMPTY`.
    """

    label: str = ""
    items: int | None = None
    low: float | None = None
    high: float | None = None
    field: str = ""
    value: str = ""

    @property
    def aspect(self) -> str:
        """The aim without its label, in one short line; empty where there is nothing else."""
        if self.items is not None:
            return f"items={self.items}"
        if self.low is not None and self.high is not None:
            return f"from {self.low:g} to {self.high:g}"
        return f"{self.field}={self.value}" if self.field else ""


def aims(task: Task, language: Language, seeds: Sequence[Example]) -> dict[Aim, float]:
    """The aims of a task in one language with the share of rows each should get; one empty aim where there is none.

    Labels get even shares; where there are seeds enough to tell how often each comes up, the mean of an even share and that.

    Args:
        seeds: rows of this language with known answers.
    """
    output = task.output
    if isinstance(output, LabelOutput):
        return _label_aims(task.labels_in(language) or [], Counter(seed.output.strip() for seed in seeds))
    if isinstance(output, LabelsOutput):
        return _item_aims(task, language, seeds)
    if isinstance(output, NumberOutput):
        return dict.fromkeys(_bands(output), 1.0)
    if isinstance(output, JsonOutput):
        return _json_aims(task, output, language, seeds)
    return {Aim(): 1.0}


def met_by(task: Task, example: Example) -> Aim:
    """An aim that a known row fulfils."""
    parsed = task.parse(example.output, example.language)
    if task.output.single_choice:
        return Aim(label=parsed.text) if parsed.ok else Aim()
    if isinstance(task.output, LabelsOutput):
        return Aim(items=len(parsed.value))
    number = task.output.number_of(example.output)
    return Aim() if number is None else Aim(low=number, high=number)


def _label_aims(labels: Sequence[str], seen: Counter[str]) -> dict[Aim, float]:
    total = sum(seen[label] for label in labels)
    even = 1 / len(labels)
    if total < _SEEDS_PER_LABEL * len(labels):
        return {Aim(label=label): even for label in labels}
    return {Aim(label=label): (even + seen[label] / total) / 2 for label in labels}


def _item_aims(task: Task, language: Language, seeds: Sequence[Example]) -> dict[Aim, float]:
    answers = [task.parse(seed.output, language).value for seed in seeds]
    counts = _counts(task, [len(items) for items in answers])
    labels = task.labels_in(language)
    if not labels:
        return {Aim(items=count): 1.0 for count in counts}
    by_label = _label_aims(labels, Counter(item for items in answers for item in items))
    found: dict[Aim, float] = {}
    for place, (aim, weight) in enumerate(by_label.items()):
        usable = [count for count in counts if 1 <= count <= len(labels)] or [1]
        found[Aim(label=aim.label, items=usable[place % len(usable)])] = weight
    if 0 in counts:
        found[Aim(items=0)] = 1 / (len(labels) + 1)
    return found


def _counts(task: Task, seen: Sequence[int]) -> list[int]:
    """Numbers of items to aim at: those of the seeds and the fewest that are allowed."""
    rules = task.rules
    low, high = rules.min_items, rules.max_items
    if not seen:
        first = 1 if low is None else low
        found = list(range(first, (high if high is not None else first + 3) + 1)) if (low or high) else list(_WITHOUT_DATA)
    else:
        usual = [count for count, _ in Counter(seen).most_common(_MOST_COUNTS)]
        found = sorted({*usual, *([] if low is None else [low])})
    fitting = [count for count in found if (low is None or count >= low) and (high is None or count <= high)]
    return (fitting or [low or 1])[:_MOST_COUNTS]


def _bands(output: NumberOutput) -> Iterator[Aim]:
    width = output.maximum - output.minimum
    if output.decimals == 0 and width < 2 * _BANDS:
        for number in range(int(output.minimum), int(output.maximum) + 1):
            yield Aim(low=number, high=number)
        return
    edges = [round(output.minimum + width * part / _BANDS, output.decimals) for part in range(_BANDS + 1)]
    for low, high in pairwise(edges):
        yield Aim(low=low, high=high)


def _json_aims(task: Task, output: JsonOutput, language: Language, seeds: Sequence[Example]) -> dict[Aim, float]:
    answers = [value for seed in seeds if isinstance(value := try_json(seed.output), dict)]
    filled = set(_filled_or_empty(answers))
    found = list(_schema_aims(output.json_schema, language)) or list(_filled_or_empty(answers))
    if len(answers) >= _SEEDS_PER_LABEL:
        found = [aim for aim in found if aim.value not in (FILLED, EMPTY) or aim in filled]
    if not found and output.json_schema.get("type") == "array":
        found = [Aim(items=count) for count in _counts(task, [])]
    return dict.fromkeys(found or [Aim()], 1.0)


def _schema_aims(schema: Mapping[str, Any], language: Language) -> Iterator[Aim]:
    required = schema.get("required", ())
    for name, part in properties_in(schema, language).items():
        kinds = part.get("type", ())
        kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
        if "enum" in part:
            yield from (Aim(field=name, value=value) for value in part["enum"] if isinstance(value, str))
        elif kinds == ("integer",):
            yield from (Aim(field=name, value=str(number)) for number in _few_numbers(part))
        elif "null" in kinds or name not in required or ("array" in kinds and not part.get("minItems")):
            yield Aim(field=name, value=FILLED)
            yield Aim(field=name, value=EMPTY)


def _few_numbers(part: Mapping[str, Any]) -> range:
    low, high = part.get("minimum"), part.get("maximum")
    if not isinstance(low, int) or not isinstance(high, int) or high - low >= 2 * _BANDS:
        return range(0)
    return range(low, high + 1)


def _filled_or_empty(answers: Sequence[Mapping[str, Any]]) -> Iterator[Aim]:
    """Keys that some answers fill and others do not."""
    for key in dict.fromkeys(key for answer in answers for key in answer):
        filled = {answer.get(key) not in (None, [], {}, "") for answer in answers}
        if filled == {True, False}:
            yield Aim(field=key, value=FILLED)
            yield Aim(field=key, value=EMPTY)
