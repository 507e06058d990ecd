"""A teacher model that is asked for JSON: falls back, repairs once, pays once."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from anytasktune.ids import content_id
from anytasktune.llm.endpoint import REFUSED, Endpoint, EndpointError
from anytasktune.llm.prompts import OWN, render_prompt
from anytasktune.schema import Language
from anytasktune.schema.proposing import TeacherAnswer

Value = TypeVar("Value")
Messages = list[dict[str, str]]


class AnswerStore(Protocol):
    """Where answers are kept from one run to the next."""

    def get(self, key: str) -> TeacherAnswer | None:
        """The answer kept under `key`, if there is one."""

    def put(self, key: str, answer: TeacherAnswer) -> None:
        """Keep an answer."""


class MisfitError(ValueError):
    """An answer that is not of the form that was asked for; the text is shown to the model."""


@dataclass(frozen=True)
class Reply(Generic[Value]):
    """What came of a question.

    Attributes:
        value: what was read from the answer; None if nothing could be.
        fault: why, if nothing could be.
        repaired: the first answer could not be used, the second could.
    """

    value: Value | None
    fault: str = ""
    repaired: bool = False


@dataclass
class Spent:
    """What a teacher was asked in one run: requests sent, answers found again, tokens of the requests that were sent."""

    requests: int = 0
    found: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0


@dataclass
class Teacher:
    """A model behind an endpoint.

    Attributes:
        endpoint: where it is asked.
        model: its name there.
        answers: where its answers are kept.
        on_wait: is told why, and for how many seconds, before a request is sent again.
        spent: what was asked so far.
    """

    endpoint: Endpoint
    model: str
    answers: AnswerStore
    on_wait: Callable[[str, float], None] | None = None
    spent: Spent = field(default_factory=Spent)
    _form: int = 0
    """How much of what some servers refuse is left out: 0 nothing, 1 the schema, 2 also the temperature."""

    def ask(
        self,
        messages: Sequence[Mapping[str, str]],
        schema: Mapping[str, Any],
        read: Callable[[Any], Value],
        language: Language = "en",
    ) -> Reply[Value]:
        """Ask for JSON of this schema.

        Args:
            read: makes a value of the decoded JSON, or raises MisfitError; what it says is shown to the model, which may answer
                once more.
            language: of what we add to the conversation.

        Raises:
            EndpointError: there is no answer to be had.
        """
        said: Messages = [dict(message) for message in messages]
        fault = ""
        for repaired in (False, True):
            answer = self._answer(said, schema, language)
            try:
                return Reply(read(decode(answer.content)), repaired=repaired)
            except MisfitError as misfit:
                fault = f"it was cut off: {misfit}" if answer.cut else str(misfit)
            repair = render_prompt(OWN, "repair", language, fault=fault)
            said += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": repair}]
        return Reply(None, fault)

    def _answer(self, messages: Messages, schema: Mapping[str, Any], language: Language) -> TeacherAnswer:
        key = content_id([self.endpoint.base_url, self.model, messages, schema])
        if (known := self.answers.get(key)) is not None:
            self.spent.found += 1
            return known
        answer = self._read(self._request(messages, schema, language))
        self.spent.requests += 1
        self.spent.prompt_tokens += answer.prompt_tokens
        self.spent.answer_tokens += answer.answer_tokens
        self.answers.put(key, answer)
        return answer

    def _request(self, messages: Messages, schema: Mapping[str, Any], language: Language) -> Any:
        while True:
            body = self._body(messages, schema, language)
            try:
                return self.endpoint.post("/chat/completions", body, self.on_wait)
            except EndpointError as error:
                if error.status not in REFUSED or self._form == 2:
                    raise
                self._form += 1

    def _body(self, messages: Messages, schema: Mapping[str, Any], language: Language) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model, "messages": messages}
        if self._form < 2:
            body["temperature"] = 0
        if self._form == 0:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
            return body
        words = render_prompt(OWN, "json_only", language, schema=json.dumps(schema, ensure_ascii=False))
        first, *rest = messages
        body["messages"] = [first | {"content": f"{first['content']}\n\n{words}"}, *rest]
        return body

    def _read(self, response: Any) -> TeacherAnswer:
        try:
            choice, usage = response["choices"][0], response.get("usage") or {}
            return TeacherAnswer(
                model=self.model,
                content=choice["message"]["content"] or "",
                cut=choice.get("finish_reason") == "length",
                prompt_tokens=usage.get("prompt_tokens") or 0,
                answer_tokens=usage.get("completion_tokens") or 0,
            )
        except (KeyError, IndexError, TypeError, AttributeError, ValueError):
            fix = "check that the address is that of an OpenAI-compatible endpoint"
            raise EndpointError("answers, but not as a chat completion", where=self.endpoint.base_url, fix=fix) from None


def decode(text: str) -> Any:
    """The JSON object in an answer, passing over what stands around it (thoughts, a code fence, politeness).

    Raises:
        MisfitError: there is none, or it is not whole.
    """
    _, _, said = text.rpartition("</think>")
    start = said.find("{")
    if start < 0:
        raise MisfitError("there is no JSON object in it")
    try:
        value, _ = json.JSONDecoder(parse_constant=_refuse).raw_decode(said, start)
    except json.JSONDecodeError as error:
        raise MisfitError(f"it is no JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise MisfitError("it is nested too deeply") from None
    return value


def _refuse(name: str) -> Any:
    raise MisfitError(f"{name} is no JSON number")
