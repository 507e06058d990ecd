"""From a task's output to the JSON a teacher is asked for, and back to the text a row holds."""

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anytasktune.llm.asking import MisfitError
from anytasktune.records import Language
from anytasktune.schema import Example, JsonOutput, LabelOutput, LabelsOutput, NumberOutput, Task
from anytasktune.scorers.json_schema import schema_fault
from anytasktune.scorers.parse import parse_output, split_items
from anytasktune.synthesis.json_form import JsonStyle, schema_in
from anytasktune.synthesis.misfits import say
from anytasktune.text.json_values import try_json
from anytasktune.text.numbers import decimals_of, first_number
from anytasktune.text.plain_text import collapse_space, normalise

ANSWER = "answer"
"""The only key of what a teacher answers."""
_DEFINITIONS = ("$defs", "definitions")


@dataclass(frozen=True)
class AnswerForm:
    """How answers of a task are asked for and written in one language.

    Attributes:
        seeds: rows of this language, whose way of writing is followed.
    """

    task: Task
    language: Language
    seeds: tuple[Example, ...] = ()

    @functools.cached_property
    def labels(self) -> tuple[str, ...]:
        """The closed list of this language; empty where there is none."""
        return tuple(self.task.labels_in(self.language) or ())

    @functools.cached_property
    def json_schema(self) -> dict[str, Any]:
        """Of a JSON answer, as far as it holds in this language."""
        output = self.task.output
        return schema_in(output.json_schema, self.language) if isinstance(output, JsonOutput) else {}

    @functools.cached_property
    def _style(self) -> JsonStyle:
        return JsonStyle.of([seed.output for seed in self.seeds], self.json_schema)

    @functools.cached_property
    def _separator(self) -> str:
        output = self.task.output
        if not isinstance(output, LabelsOutput):
            return ""
        core = output.separator.strip()
        written: Counter[str] = Counter({output.separator: 1})
        for separator in dict.fromkeys([output.separator, core, f"{core} "] if core else []):
            texts = [seed.output.strip() for seed in self.seeds]
            written[separator] += sum(
                len(items := split_items(text, output.separator)) > 1 and separator.join(items) == text for text in texts
            )
        return written.most_common(1)[0][0]

    @functools.cached_property
    def _decimals(self) -> int | None:
        """Digits after the point that every seed has; None where they differ."""
        seen = {decimals_of(seed.output.strip()) for seed in self.seeds}
        return seen.pop() if len(seen) == 1 else None

    @functools.cached_property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of what a teacher is to answer."""
        part, definitions = self._part(), {}
        if isinstance(self.task.output, JsonOutput):
            definitions = {key: part[key] for key in _DEFINITIONS if key in part}
            part = {key: value for key, value in part.items() if key not in _DEFINITIONS}
        whole = {"type": "object", "properties": {ANSWER: part}, "required": [ANSWER], "additionalProperties": False}
        return whole | definitions

    def _part(self) -> dict[str, Any]:
        output = self.task.output
        if isinstance(output, LabelOutput):
            return {"type": "string", "enum": list(self.labels)}
        if isinstance(output, LabelsOutput):
            item: dict[str, Any] = {"type": "string"} | ({"enum": list(self.labels)} if self.labels else {})
            rules = {"minItems": self.task.rules.min_items, "maxItems": self.task.rules.max_items}
            return {"type": "array", "items": item} | {key: value for key, value in rules.items() if value is not None}
        if isinstance(output, NumberOutput):
            kind = "number" if output.decimals else "integer"
            return {"type": kind, "minimum": output.minimum, "maximum": output.maximum}
        if isinstance(output, JsonOutput):
            return self.json_schema or {"type": self._kind_of_seeds()}
        return {"type": "string"}

    def _kind_of_seeds(self) -> str:
        return "array" if any(seed.output.lstrip().startswith("[") for seed in self.seeds) else "object"

    def text(self, said: Any) -> str:
        """A teacher's whole answer as a row's output.

        Raises:
            MisfitError: it has not the form of an answer of this task.
        """
        value = self._value_in(said)
        output = self.task.output
        if isinstance(output, LabelOutput):
            return self._label(value)
        if isinstance(output, LabelsOutput):
            return self._items(value, output)
        if isinstance(output, NumberOutput):
            return self._number(value, output)
        if isinstance(output, JsonOutput):
            return self._json(value)
        if not isinstance(value, str) or not value.strip():
            raise MisfitError(say("no_text", self.language))
        return value.strip()

    def _value_in(self, said: Any) -> Any:
        """What stands under `answer`; a teacher that leaves the wrapping out, or names it otherwise, is understood."""
        if not isinstance(said, Mapping):
            raise MisfitError(say("no_answer", self.language))
        if ANSWER in said:
            return said[ANSWER]
        if isinstance(self.task.output, JsonOutput) and not self._is_foreign(said):
            return said
        if len(said) == 1:
            return next(iter(said.values()))
        raise MisfitError(say("no_answer", self.language))

    def _is_foreign(self, value: Mapping[str, Any]) -> bool:
        return bool(schema_fault(self.json_schema, value)) or not value

    def _label(self, value: Any) -> str:
        wanted = normalise(str(value))
        found = next((label for label in self.labels if normalise(label) == wanted), None)
        if found is None:
            raise MisfitError(say("unknown_label", self.language, said=str(value)[:60], labels=", ".join(self.labels)))
        return found

    def _items(self, value: Any, output: LabelsOutput) -> str:
        given = split_items(value, output.separator) if isinstance(value, str) else value
        if not isinstance(given, Sequence) or not all(isinstance(item, str) for item in given):
            raise MisfitError(say("no_list", self.language))
        items = dict.fromkeys(collapse_space(item) for item in given if item.strip())
        whole = list(dict.fromkeys(map(self._label, items))) if self.labels else list(items)
        core = output.separator.strip() or output.separator
        if any(core in item for item in whole):
            raise MisfitError(say("separator_inside", self.language, separator=core))
        return self._separator.join(whole)

    def _number(self, value: Any, output: NumberOutput) -> str:
        number = first_number(value) if isinstance(value, str) else value
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not abs(number) < 1e15:
            raise MisfitError(say("no_number", self.language))
        rounded = round(float(number), output.decimals)
        return f"{rounded:g}" if self._decimals is None else f"{rounded:.{self._decimals}f}"

    def _json(self, value: Any) -> str:
        if isinstance(value, str):
            value = try_json(value, otherwise=value)
        fault = schema_fault(self.json_schema, value)
        if fault:
            raise MisfitError(say("schema", self.language, said=fault))
        return self._style.dumps(value)

    def value(self, output: str) -> Any:
        """A row's output as the value a teacher would answer; None where it has not the form of an answer."""
        parsed = parse_output(self.task, output, self.language)
        if not parsed.ok:
            return None
        if isinstance(self.task.output, LabelsOutput):
            return list(parsed.items)
        if isinstance(self.task.output, NumberOutput):
            number = parsed.number or 0.0
            return int(number) if number.is_integer() and not self.task.output.decimals else number
        return parsed.value if isinstance(self.task.output, JsonOutput) else parsed.text
