"""The brief of a task in one language: what a teacher is told about the task and its rows, and the prompts made of that."""

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from anytasktune.chat import instruction_for
from anytasktune.inference.few_shot import VariedShots
from anytasktune.llm.prompts import marks, prompt_id, render_prompt
from anytasktune.outputs import AnswerTarget
from anytasktune.outputs.json_style import JsonStyle
from anytasktune.records import Language
from anytasktune.schema import Cell, Example, Task
from anytasktune.settings import SynthesisConfig
from anytasktune.text.json_values import try_json
from anytasktune.text.plain_text import collapse_space
from anytasktune.text.scripts import is_in_script

PROMPTS = Path(__file__).parent / "prompts"
Messages = list[dict[str, str]]
Length = Literal["short", "medium", "long"]
_FEWEST_ALIKE = 4
_IN_SCRIPT = 0.8
_CHARACTERS_OF_A_WORD = 6
_QUANTILES = (0.05, 0.35, 0.65, 0.95)
_WITHOUT_DATA = {"en": (60, 160, 320, 600), "zh": (20, 60, 120, 240)}
_SHORTEST_EXCERPT = 80
_FEWEST_DATA = 4


@dataclass(frozen=True)
class InputLengths:
    """Characters an input has: edges between short, medium and long, from the shortest to the longest."""

    edges: tuple[int, int, int, int]
    names: ClassVar[tuple[Length, Length, Length]] = ("short", "medium", "long")

    @classmethod
    def of(cls, rows: Sequence[Example], language: Language) -> "InputLengths":
        """Quantiles of the inputs of the rows; fixed edges where there are too few rows."""
        sizes = sorted(len(row.input) for row in rows)
        if len(sizes) < _FEWEST_DATA:
            return cls(_WITHOUT_DATA[language])
        first, second, third, last = (sizes[round(share * (len(sizes) - 1))] for share in _QUANTILES)
        return cls((first, second, third, last))

    @property
    def of_excerpts(self) -> tuple[int, int]:
        """Fewest and most characters of an excerpt of a document that is used as an input."""
        return self.edges[0], max(self.edges[-1], _SHORTEST_EXCERPT)

    def name_of(self, text: str) -> Length:
        """Whether an input is short, medium or long."""
        return self.names[(len(text) > self.edges[1]) + (len(text) > self.edges[2])]

    def range_of(self, length: str) -> tuple[int, int]:
        """Characters of an input of this length; of any input where no length is named."""
        if length not in self.names:
            return self.edges[0], self.edges[-1]
        place = self.names.index(length)
        return self.edges[place], self.edges[place + 1]

    def in_words(self, length: str, language: Language) -> tuple[int, int]:
        """The range in words for English, in characters for Chinese, rounded; the upper end is larger."""
        low, high = self.range_of(length)
        unit = _CHARACTERS_OF_A_WORD if language == "en" else 1
        first, last = _rounded(low / unit), _rounded(high / unit)
        return first, max(last, first + max(2, first // 4))


def _rounded(number: float) -> int:
    step = 1 if number < 10 else 5 if number < 100 else 10
    return max(1, round(number / step) * step)


@dataclass(frozen=True)
class Brief:
    """A task in one language.

    Attributes:
        rows: train rows in this language; the teacher may see them.
    """

    task: Task
    language: Language
    rows: tuple[Example, ...]
    config: SynthesisConfig

    @classmethod
    def of(cls, task: Task, language: Language, rows: Sequence[Example], config: SynthesisConfig) -> "Brief":
        """A brief with those of `rows` that are in `language`."""
        return cls(task, language, tuple(row for row in rows if task.language_of(row.language) == language), config)

    @functools.cached_property
    def instruction(self) -> str:
        return instruction_for(self.task, self.language)

    @functools.cached_property
    def lengths(self) -> InputLengths:
        return InputLengths.of(self.rows, self.language)

    @functools.cached_property
    def shots(self) -> VariedShots:
        return VariedShots.of(self.rows, self.config.seed)

    @functools.cached_property
    def labels(self) -> tuple[str, ...]:
        """The closed list of this language; empty where there is none."""
        return tuple(self.task.labels_in(self.language) or ())

    @functools.cached_property
    def answer_schema(self) -> dict[str, Any]:
        """JSON Schema of the answer alone."""
        return self.task.output.answer_schema(self.language, self.task.rules, [row.output for row in self.rows])

    @functools.cached_property
    def answer_style(self) -> Any:
        """The way the rows write answers."""
        return self.task.output.style_of([row.output for row in self.rows], self.language)

    def answer_value(self, output: str) -> Any:
        """A row's output as the value a teacher would answer; None where it has not the form of an answer."""
        return self.task.output.to_json(output, self.language)

    @functools.cached_property
    def input_keys(self) -> tuple[str, ...]:
        """Keys of the inputs, where every row's input is a JSON object with the same keys; else none."""
        values = [_object_in(row.input) for row in self.rows]
        keys = {frozenset(value) for value in values if value is not None}
        if len(values) < _FEWEST_ALIKE or None in values or len(keys) != 1:
            return ()
        return tuple(values[0] or ())

    @functools.cached_property
    def input_style(self) -> JsonStyle:
        """Style of inputs that are JSON."""
        return JsonStyle.of([row.input for row in self.rows], {})

    def content_of(self, text: str) -> str:
        """An input without the keys that all inputs share."""
        value = _object_in(text) if self.input_keys else None
        return text if value is None else " ".join(as_json(part) for part in value.values())

    @functools.cached_property
    def in_script(self) -> bool:
        """Whether inputs must be written in the language's own script; false where many of the rows are not."""
        written = [is_in_script(row.input, self.language) for row in self.rows]
        return sum(written) >= _IN_SCRIPT * len(written)

    def wish(self, cell: Cell, target: AnswerTarget) -> str:
        """A few short sentences that describe the input wanted."""
        low, high = self.lengths.in_words(cell.length, self.language) if cell.length else (None, None)
        band = [None if edge is None else f"{edge:g}" for edge in (target.low, target.high)]
        values = {"label": target.label, "among": not self.task.output.single_choice, "items": target.items}
        values |= {"low": band[0], "high": band[1], "field": target.field, "value": target.value}
        values |= {"situation": cell.situation, "difficulty": cell.difficulty, "shortest": low, "longest": high}
        return collapse_space(render_prompt(PROMPTS, "cell", self.language, **values))

    def wish_met_by(self, row: Example) -> str:
        """A wish that a known row fulfils."""
        return self.wish(
            Cell(length=self.lengths.name_of(row.input)), self.task.output.target_met_by(row.output, self.language)
        )

    def as_value(self, row: Example) -> Any:
        """A known row's input as a teacher would write it into JSON."""
        return _object_in(row.input) if self.input_keys else row.input

    def messages(self, name: str, material: Sequence[str], /, **values: Any) -> Messages:
        """A prompt of this room as a conversation, with marks around material that do not occur in it."""
        if material:
            values["open"], values["close"] = marks(material)
        return [{"role": "user", "content": render_prompt(PROMPTS, name, self.language, **values)}]

    def prompt_ids(self, *names: str) -> tuple[str, ...]:
        """Ids of the wording of these prompts."""
        return tuple(prompt_id(PROMPTS, name, self.language) for name in names)


def object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    """JSON Schema of an object with exactly these properties."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def as_json(value: Any) -> str:
    """A value as a teacher would answer it."""
    return json.dumps(value, ensure_ascii=False)


def _object_in(text: str) -> dict[str, Any] | None:
    value = try_json(text)
    return value if isinstance(value, dict) else None
