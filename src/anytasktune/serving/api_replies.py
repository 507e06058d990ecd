"""Replies as OpenAI's API words them, whole or streamed as server-sent events."""

import math
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

from anytasktune.records import Language
from anytasktune.serving.answer_engine import Answered
from anytasktune.serving.served_models import ServedModel, ServedModels
from anytasktune.version import __version__

DONE_EVENT = "data: [DONE]\n\n"
_SMALLEST = 1e-12
"""Probabilities are rounded to six digits; log probabilities of 0 are not sent."""


class ModelEntry(BaseModel):
    """A model that requests can name."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "anytasktune"
    task: str | None = None
    """The task that it answers; None for the base model."""
    task_lm: str | None = None
    """Id of the Task-LM behind the name."""


class ModelList(BaseModel):
    """The reply to `GET /v1/models`."""

    object: Literal["list"] = "list"
    data: list[ModelEntry]


class TokenCounts(BaseModel):
    """Tokens of a request and its answers."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class AnswerFacts(BaseModel):
    """Facts on an answer that OpenAI's API has no place for."""

    task: str | None
    task_lm: str | None
    language: Language | None
    """The language the input was handled in."""
    probability: float | None
    """Label tasks: of the answer among the labels."""
    probabilities: dict[str, float] | None
    """Label tasks: of every label."""
    constrained: bool
    """Whether the answer was held to the task's output and rules."""
    corrected: bool
    """Whether it would be another without that."""
    truncated: bool
    """Whether a length limit came before its end."""
    rendered: str
    """The prompt that the model read."""


class TopProbability(BaseModel):
    """A possible answer, or a part of one, with its log probability."""

    token: str
    logprob: float
    bytes: list[int]


class TokenProbability(TopProbability):
    """The answer, or a part of it, with its log probability and that of others."""

    top_logprobs: list[TopProbability]


class ChatProbabilities(BaseModel):
    """Log probabilities of a chat answer."""

    content: list[TokenProbability]


class CompletionProbabilities(BaseModel):
    """Log probabilities of a completion."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]


class AnswerMessage(BaseModel):
    """The turn of the model."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class ChatChoice(BaseModel):
    """One answer of a chat."""

    index: int
    message: AnswerMessage
    finish_reason: str
    logprobs: ChatProbabilities | None = None


class TextChoice(BaseModel):
    """One answer to a prompt."""

    index: int
    text: str
    finish_reason: str | None
    logprobs: CompletionProbabilities | None = None


class ChatReply(BaseModel):
    """The reply to `POST /v1/chat/completions`."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChatChoice]
    usage: TokenCounts
    anytasktune: AnswerFacts


class TextReply(BaseModel):
    """The reply to `POST /v1/completions`, or a part of it."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    system_fingerprint: str
    choices: list[TextChoice]
    usage: TokenCounts | None = None
    anytasktune: AnswerFacts | None = None


class Delta(BaseModel):
    """A part of the turn of the model."""

    role: Literal["assistant"] | None = None
    content: str | None = None


class ChunkChoice(BaseModel):
    """A part of one answer."""

    index: int
    delta: Delta
    finish_reason: str | None = None
    logprobs: ChatProbabilities | None = None


class ChatChunk(BaseModel):
    """A part of a streamed chat reply."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChunkChoice]
    usage: TokenCounts | None = None
    anytasktune: AnswerFacts | None = None


def model_list(models: ServedModels) -> ModelList:
    """All names that requests may use, one entry each."""
    return ModelList(data=[model_entry(name, model) for name, model in models.names.items()])


def model_entry(name: str, model: ServedModel) -> ModelEntry:
    """The entry of one name."""
    task = model.task.name if model.task else None
    return ModelEntry(id=name, created=model.created, task=task, task_lm=model.task_lm)


@dataclass(frozen=True)
class Reply:
    """The reply to one request.

    Attributes:
        model: the name that the request used.
        repeats: how often each answer is sent (`n`): they are the most probable ones, so all are the same.
        top: how many labels get a log probability; None: log probabilities are not sent.
    """

    model: str
    repeats: int = 1
    top: int | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    created: int = field(default_factory=lambda: int(time.time()))

    def chat(self, answers: Sequence[Answered]) -> ChatReply:
        """The whole reply to a chat."""
        choices = [
            ChatChoice(
                index=index,
                message=AnswerMessage(content=one.text),
                finish_reason=one.finish,
                logprobs=self._chat_probabilities(one),
            )
            for index, one in self._choices(answers)
        ]
        usage, facts = self.usage(answers), facts_of(answers[0])
        return ChatReply(**self._head("chatcmpl"), choices=choices, usage=usage, anytasktune=facts)

    def completion(self, answers: Sequence[Answered]) -> TextReply:
        """The whole reply to prompts."""
        choices = [
            TextChoice(index=index, text=one.text, finish_reason=one.finish, logprobs=self._text_probabilities(one))
            for index, one in self._choices(answers)
        ]
        usage, facts = self.usage(answers), facts_of(answers[0])
        return TextReply(**self._head("cmpl"), choices=choices, usage=usage, anytasktune=facts)

    def chat_events(self, answer: Answered) -> Iterator[str]:
        """A finished chat answer as events."""
        for index, one in self._choices([answer]):
            yield self._chunk(ChunkChoice(index=index, delta=Delta(role="assistant", content="")))
            delta, probabilities = Delta(content=one.text), self._chat_probabilities(one)
            yield self._chunk(ChunkChoice(index=index, delta=delta, logprobs=probabilities))
            yield self._chunk(ChunkChoice(index=index, delta=Delta(), finish_reason=one.finish), facts_of(one))

    def completion_events(self, place: int, answer: Answered) -> Iterator[str]:
        """The finished answer to the prompt at `place` as events."""
        for index, one in self._choices([answer]):
            choice = TextChoice(
                index=place * self.repeats + index,
                text=one.text,
                finish_reason=one.finish,
                logprobs=self._text_probabilities(one),
            )
            yield event(TextReply(**self._head("cmpl"), choices=[choice], anytasktune=facts_of(one)))

    def usage_event(self, answers: Sequence[Answered], *, chat: bool) -> str:
        """The event with the numbers of tokens."""
        usage = self.usage(answers)
        if chat:
            return event(ChatChunk(**self._head("chatcmpl"), choices=[], usage=usage))
        return event(TextReply(**self._head("cmpl"), choices=[], usage=usage))

    def usage(self, answers: Sequence[Answered]) -> TokenCounts:
        """Tokens of all prompts, and of all answers as often as they are sent."""
        prompts = sum(one.answer.prompt_tokens for one in answers)
        made = sum(one.tokens for one in answers) * self.repeats
        return TokenCounts(prompt_tokens=prompts, completion_tokens=made, total_tokens=prompts + made)

    def _choices(self, answers: Sequence[Answered]) -> Iterator[tuple[int, Answered]]:
        return enumerate(one for one in answers for _ in range(self.repeats))

    def _head(self, kind: str) -> dict[str, str | int]:
        return {
            "id": f"{kind}-{self.id}",
            "created": self.created,
            "model": self.model,
            "system_fingerprint": f"anytasktune-{__version__}",
        }

    def _chunk(self, choice: ChunkChoice, facts: AnswerFacts | None = None) -> str:
        return event(ChatChunk(**self._head("chatcmpl"), choices=[choice], anytasktune=facts))

    def _chat_probabilities(self, one: Answered) -> ChatProbabilities | None:
        """The label as one token, with its probability among the labels."""
        if self.top is None or one.answer.probabilities is None:
            return None
        ranked = [_top(label, value) for label, value in _ranked(one)]
        own = _top(one.answer.output, one.answer.probability or 0.0)
        content = TokenProbability(**own.model_dump(), top_logprobs=ranked[: self.top])
        return ChatProbabilities(content=[content])

    def _text_probabilities(self, one: Answered) -> CompletionProbabilities | None:
        if self.top is None or one.answer.probabilities is None:
            return None
        top = {label: _log(value) for label, value in _ranked(one)[: self.top]}
        own = [_log(one.answer.probability or 0.0)]
        return CompletionProbabilities(tokens=[one.answer.output], token_logprobs=own, top_logprobs=[top], text_offset=[0])


def event(record: BaseModel) -> str:
    """A server-sent event."""
    return f"data: {record.model_dump_json(exclude_none=True)}\n\n"


def facts_of(one: Answered) -> AnswerFacts:
    """Facts on an answer."""
    model, example = one.question.model, one.question.example
    task = model.task
    return AnswerFacts(
        task=task.name if task else None,
        task_lm=model.task_lm,
        language=example.language if example else None,
        probability=one.answer.probability,
        probabilities=one.answer.probabilities,
        constrained=one.constrained,
        corrected=one.answer.corrected,
        truncated=one.answer.truncated,
        rendered=one.question.rendered,
    )


def _ranked(one: Answered) -> list[tuple[str, float]]:
    """Labels that have a probability, the most probable first."""
    every = one.answer.probabilities or {}
    return sorted(((label, value) for label, value in every.items() if value > 0), key=lambda item: -item[1])


def _log(probability: float) -> float:
    return math.log(max(probability, _SMALLEST))


def _top(label: str, probability: float) -> TopProbability:
    return TopProbability(token=label, logprob=_log(probability), bytes=list(label.encode()))
