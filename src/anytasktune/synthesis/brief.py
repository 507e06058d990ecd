"""What a teacher is told: a task in one language, its seeds, and the prompts made of them."""

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anytasktune.chat import instruction_for
from anytasktune.llm.prompts import marks, prompt_id, render_prompt
from anytasktune.records import Language
from anytasktune.schema import Cell, Example, Task
from anytasktune.settings import SynthesisConfig
from anytasktune.synthesis.answer_form import AnswerForm
from anytasktune.synthesis.answer_targets import Aim, met_by
from anytasktune.synthesis.generation_plan import seeds_in
from anytasktune.synthesis.input_lengths import Lengths
from anytasktune.synthesis.json_form import JsonStyle
from anytasktune.synthesis.shots import Shots
from anytasktune.text.json_values import try_json
from anytasktune.text.plain_text import collapse_space
from anytasktune.text.scripts import is_in_script

PROMPTS = Path(__file__).parent / "prompts"
Messages = list[dict[str, str]]
COPIED = 0.6
"""A text of which so many 5-grams stand in what the teacher was told is nothing new."""
_FEWEST_ALIKE = 4
_IN_SCRIPT = 0.8


@dataclass(frozen=True)
class Brief:
    """A task in one language, as a teacher is told of it.

    Attributes:
        seeds: train rows of this language.
    """

    task: Task
    language: Language
    seeds: tuple[Example, ...]
    config: SynthesisConfig

    @classmethod
    def of(cls, task: Task, language: Language, seeds: Sequence[Example], config: SynthesisConfig) -> "Brief":
        """A brief with those of `seeds` that are in `language`."""
        return cls(task, language, tuple(seeds_in(task, seeds, language)), config)

    @functools.cached_property
    def instruction(self) -> str:
        return instruction_for(self.task, self.language)

    @functools.cached_property
    def lengths(self) -> Lengths:
        return Lengths.of(self.seeds, self.language)

    @functools.cached_property
    def shots(self) -> Shots:
        return Shots.of(self.seeds, self.config.seed)

    @functools.cached_property
    def form(self) -> AnswerForm:
        return AnswerForm(self.task, self.language, self.seeds)

    @functools.cached_property
    def input_keys(self) -> tuple[str, ...]:
        """Keys of the inputs, where every seed's input is a JSON object with the same keys; else none."""
        values = [_object_in(seed.input) for seed in self.seeds]
        keys = {frozenset(value) for value in values if value is not None}
        if len(values) < _FEWEST_ALIKE or None in values or len(keys) != 1:
            return ()
        return tuple(values[0] or ())

    @functools.cached_property
    def input_style(self) -> JsonStyle:
        """How inputs that are JSON are written."""
        return JsonStyle.of([seed.input for seed in self.seeds], {})

    def said_in(self, text: str) -> str:
        """What an input says without the keys that all inputs share."""
        value = _object_in(text) if self.input_keys else None
        return text if value is None else " ".join(as_json(part) for part in value.values())

    @functools.cached_property
    def in_script(self) -> bool:
        """Whether inputs have to be written in the language's own script; not where those of the seeds often are not."""
        written = [is_in_script(seed.input, self.language) for seed in self.seeds]
        return sum(written) >= _IN_SCRIPT * len(written)

    def wish(self, cell: Cell, aim: Aim) -> str:
        """What a new input is to be like, in a few short sentences."""
        low, high = self.lengths.in_words(cell.length, self.language) if cell.length else (None, None)
        values = {"label": aim.label, "among": self.task.output.kind != "label", "items": aim.items}
        values |= {"low": _plain(aim.low), "high": _plain(aim.high), "field": aim.field, "value": aim.value}
        values |= {"situation": cell.situation, "difficulty": cell.difficulty, "shortest": low, "longest": high}
        return collapse_space(render_prompt(PROMPTS, "cell", self.language, **values))

    def wish_met_by(self, example: Example) -> str:
        """A wish that a known row fulfils."""
        return self.wish(Cell(length=self.lengths.name_of(example.input)), met_by(self.task, example))

    def as_value(self, example: Example) -> Any:
        """A known row's input as a teacher would write it into JSON."""
        return _object_in(example.input) if self.input_keys else example.input

    def messages(self, name: str, material: Sequence[str], /, **values: Any) -> Messages:
        """A prompt of this room as a conversation, with marks around material that do not occur in it."""
        if material:
            values["open"], values["close"] = marks(material)
        return [{"role": "user", "content": render_prompt(PROMPTS, name, self.language, **values)}]

    def prompt_ids(self, *names: str) -> tuple[str, ...]:
        """What names the wording of these prompts."""
        return tuple(prompt_id(PROMPTS, name, self.language) for name in names)


def object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    """JSON Schema of an object with exactly these properties."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def as_json(value: Any) -> str:
    """A value as a teacher would answer it."""
    return json.dumps(value, ensure_ascii=False)


def _plain(number: float | None) -> str | None:
    return None if number is None else f"{number:g}"


def _object_in(text: str) -> dict[str, Any] | None:
    value = try_json(text)
    return value if isinstance(value, dict) else None
