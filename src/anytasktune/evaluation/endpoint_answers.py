"""Rows of a task as questions to a general model behind an endpoint, and its replies as predictions.

It is told what every system is told, and that the answer is the one key of a JSON object. Where the server keeps to a JSON
Schema, answers are held to the output's form like those of local models; else what it says is scored like any other answer.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from anytasktune.chat import instruction_for
from anytasktune.inference.few_shot import NO_SHOTS, Shots
from anytasktune.llm.asking import Question, Reply
from anytasktune.llm.prompts import OWN, prompt_id, render_prompt
from anytasktune.outputs import UnfitAnswerError
from anytasktune.outputs.answer_in_json import ANSWER, answer_in, schema_with_answer
from anytasktune.records import Language
from anytasktune.schema import Example, Prediction, Task
from anytasktune.settings import System

_FORM = "answer_form"


@dataclass(frozen=True)
class EndpointAsker:
    """The questions of one task to a model behind an endpoint.

    Attributes:
        known: the answers of training rows, by language: they show how answers are written.
        shots: examples shown before each input.
    """

    task: Task
    known: dict[Language, list[str]]
    shots: Shots = NO_SHOTS

    @classmethod
    def of(cls, task: Task, train: Sequence[Example], shots: Shots = NO_SHOTS) -> "EndpointAsker":
        """An asker that knows how the answers of these training rows are written."""
        known = {language: [row.output for row in rows] for language, rows in task.by_language(train).items()}
        return cls(task, known, shots)

    @property
    def identity(self) -> list[object]:
        """Equal for askers that ask the same."""
        prompts = [prompt_id(OWN, _FORM, language) for language in self.task.languages]
        return [self.task.definition, prompts, self.shots.identity]

    def question(self, example: Example) -> Question[str]:
        """The question for one row; its output is not read."""
        language, output = self.task.language_of(example.language), self.task.output
        known = self.known.get(language, [])
        style = output.style_of(known, language)

        def read(said: Any) -> str:
            try:
                value = answer_in(said, output, language)
            except LookupError:
                return _as_text(said)
            try:
                return output.from_json(value, language, style)
            except UnfitAnswerError:
                return _as_text(value)

        schema = schema_with_answer(output.answer_schema(language, self.task.rules, known))
        return Question(self._messages(example, language), schema, read, language, read_text=str)

    def _messages(self, example: Example, language: Language) -> list[dict[str, str]]:
        form = render_prompt(OWN, _FORM, language, form=self.task.output.placeholder(language))
        messages = [{"role": "system", "content": f"{instruction_for(self.task, language)}\n\n{form}"}]
        for shot in self.shots.before(self.task, example):
            value = self.task.output.to_json(shot.output, self.task.language_of(shot.language))
            answer = {ANSWER: shot.output if value is None else value}
            messages += [{"role": "user", "content": shot.input}, {"role": "assistant", "content": _as_text(answer)}]
        return [*messages, {"role": "user", "content": example.input}]


def prediction_of(reply: Reply[str] | None, example: Example, system: System, otherwise: str) -> Prediction:
    """A reply as the answer to a row; a row without one has an error, and so no score.

    Args:
        otherwise: the error where there is no reply at all.
    """
    if reply is None or reply.value is None:
        error = otherwise if reply is None else reply.detail or reply.fault
        return Prediction(example_id=example.id, system=system, output="", error=error)
    return Prediction(example_id=example.id, system=system, output=reply.value.strip(), truncated=reply.truncated)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
