"""From a task's output to the JSON a teacher is asked for, and back to the text a row holds."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anytasktune.llm.asking import MisfitError
from anytasktune.outputs import UnfitAnswerError
from anytasktune.records import Language
from anytasktune.schema import Example, Task
from anytasktune.synthesis.misfits import say

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
    def answer_schema(self) -> dict[str, Any]:
        """JSON Schema of the answer alone."""
        return self.task.output.answer_schema(self.language, self.task.rules, [seed.output for seed in self.seeds])

    @functools.cached_property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of what a teacher is to answer; definitions stay where references look for them."""
        definitions = {key: self.answer_schema[key] for key in _DEFINITIONS if key in self.answer_schema}
        part = {key: value for key, value in self.answer_schema.items() if key not in _DEFINITIONS}
        whole = {"type": "object", "properties": {ANSWER: part}, "required": [ANSWER], "additionalProperties": False}
        return whole | definitions

    @functools.cached_property
    def _style(self) -> Any:
        return self.task.output.style_of([seed.output for seed in self.seeds], self.language)

    def text(self, said: Any) -> str:
        """A teacher's whole answer as a row's output.

        Raises:
            MisfitError: it has not the form of an answer of this task.
        """
        try:
            return self.task.output.from_json(self._value_in(said), self.language, self._style)
        except UnfitAnswerError as unfit:
            raise MisfitError(unfit.sentences[self.language]) from None

    def _value_in(self, said: Any) -> Any:
        """What stands under `answer`; a teacher that leaves the wrapping out, or names it otherwise, is understood."""
        if not isinstance(said, Mapping):
            raise MisfitError(say("no_answer", self.language))
        if ANSWER in said:
            return said[ANSWER]
        if self.task.output.is_whole_answer(said, self.language):
            return said
        if len(said) == 1:
            return next(iter(said.values()))
        raise MisfitError(say("no_answer", self.language))

    def value(self, output: str) -> Any:
        """A row's output as the value a teacher would answer; None where it has not the form of an answer."""
        return self.task.output.to_json(output, self.language)
