"""Replies as OpenAI's API words them, whole or streamed as server-sent events."""

import math
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Literal

from pydantic import BaseModel

from anytasktune.inference.token_scores import ScoredToken, texts_of
from anytasktune.records import Language
from anytasktune.schema import Route
from anytasktune.schema.route import AnsweredBy
from anytasktune.serving.engine_messages import Answered
from anytasktune.serving.served_models import ModelCatalog, ServedModel
from anytasktune.version import __version__

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
    json_schema: dict[str, Any] | None = None
    """JSON tasks: the schema that every answer fits."""
    in_use: bool = False
    """Whether it is the Task-LM that answers the task unless another is named: `TASK` and `TASK@prod`."""


class ModelList(BaseModel):
    """The reply to `GET /v1/models`."""

    object: Literal["list"] = "list"
    data: list[ModelEntry]


class TokenCounts(BaseModel):
    """Tokens of a request and its answers."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class AnsweredRoute(Route):
    """The task that the router chose, or why it chose none, and who answered."""

    answered_by: AnsweredBy
    model: str
    """Name of the model that answered; of an endpoint `MODEL@HOST:PORT`."""


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
    unsure: bool | None
    """Label tasks: whether the probability is below the threshold chosen on dev; None where there is none."""
    constrained: bool
    """Whether the answer was held to the task's output and rules."""
    corrected: bool
    """Whether it would be another without that."""
    truncated: bool
    """Whether a length limit came before its end."""
    temperature_used: float
    """0: the answer is the most probable one."""
    rendered: str
    """The prompt that the model read; empty where an endpoint answered."""
    route: AnsweredRoute | None = None
    """Where the request named the model `auto`."""


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


def model_list(models: ModelCatalog) -> ModelList:
    """All names that requests may use, one entry each."""
    return ModelList(data=[model_entry(name, model) for name, model in models.names.items()])


def model_entry(name: str, model: ServedModel) -> ModelEntry:
    """The entry of one name."""
    task = model.task.name if model.task else None
    schema, in_use = model.task.output.text_schema if model.task else None, bool(model.source and model.aliases)
    return ModelEntry(id=name, created=model.created, task=task, task_lm=model.task_lm, json_schema=schema, in_use=in_use)


@dataclass(frozen=True)
class Reply:
    """The reply to one request.

    Attributes:
        model: the name that the request used.
        repeats: how often each answer is sent: `n` where it is the most probable one, so that all are the same.
        samples: how many answers each question has: `n` where they are drawn at random.
        top: how many labels, or tokens in one place, get a log probability; None: log probabilities are not sent.
    """

    model: str
    repeats: int = 1
    samples: int = 1
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
                logprobs=self.chat_probabilities(one),
            )
            for index, one in self._choices(answers)
        ]
        usage, facts = self.usage(answers), facts_of(answers[0])
        return ChatReply(**self.head("chatcmpl"), choices=choices, usage=usage, anytasktune=facts)

    def completion(self, answers: Sequence[Answered]) -> TextReply:
        """The whole reply to prompts."""
        choices = [
            TextChoice(index=index, text=one.text, finish_reason=one.finish, logprobs=self.text_probabilities(one))
            for index, one in self._choices(answers)
        ]
        usage, facts = self.usage(answers), facts_of(answers[0])
        return TextReply(**self.head("cmpl"), choices=choices, usage=usage, anytasktune=facts)

    def usage(self, answers: Sequence[Answered]) -> TokenCounts:
        """Tokens of all prompts, each counted once, and of all answers as often as they are sent."""
        prompts = sum(one.answer.prompt_tokens for one in answers) // self.samples
        made = sum(one.tokens for one in answers) * self.repeats
        return TokenCounts(prompt_tokens=prompts, completion_tokens=made, total_tokens=prompts + made)

    def _choices(self, answers: Sequence[Answered]) -> Iterator[tuple[int, Answered]]:
        return enumerate(one for one in answers for _ in range(self.repeats))

    def head(self, kind: str) -> dict[str, str | int]:
        """Fields that the whole reply and its parts have."""
        return {
            "id": f"{kind}-{self.id}",
            "created": self.created,
            "model": self.model,
            "system_fingerprint": f"anytasktune-{__version__}",
        }

    def chat_probabilities(self, one: Answered) -> ChatProbabilities | None:
        """The tokens of a generated answer; of a label the whole as one token, with its probability among the labels."""
        if self.top is None:
            return None
        if one.answer.probabilities is None:
            return ChatProbabilities(content=[_scored(token) for token in one.scored])
        ranked = [_top(label, value) for label, value in _ranked(one)]
        own = _top(one.answer.output, one.answer.probability or 0.0)
        content = TokenProbability(**own.model_dump(), top_logprobs=ranked[: self.top])
        return ChatProbabilities(content=[content])

    def text_probabilities(self, one: Answered) -> CompletionProbabilities | None:
        """The same for a completion."""
        if self.top is None:
            return None
        if one.answer.probabilities is None:
            return _scored_text(one.scored)
        top = {label: _log(value) for label, value in _ranked(one)[: self.top]}
        own = [_log(one.answer.probability or 0.0)]
        return CompletionProbabilities(tokens=[one.answer.output], token_logprobs=own, top_logprobs=[top], text_offset=[0])


def facts_of(one: Answered) -> AnswerFacts:
    """Facts on an answer."""
    model, example, sampling = one.question.model, one.question.example, one.question.sampling
    task, route = model.task, one.question.route
    threshold = model.source.manifest.thresholds.get(task.name) if model.source and task else None
    return AnswerFacts(
        task=task.name if task else None,
        task_lm=model.task_lm,
        language=example.language if example else None,
        probability=one.answer.probability,
        probabilities=one.answer.probabilities,
        unsure=threshold.is_unsure(one.answer.probability) if threshold else None,
        constrained=one.constrained,
        corrected=one.answer.corrected,
        truncated=one.answer.truncated,
        temperature_used=sampling.temperature if sampling else 0,
        rendered=one.question.rendered,
        route=route and AnsweredRoute(**route.model_dump(), answered_by=model.answered_by, model=model.name),
    )


def _scored(one: ScoredToken) -> TokenProbability:
    return TokenProbability(
        token=_shown(one.text),
        logprob=one.log_probability,
        bytes=list(one.text),
        top_logprobs=[TopProbability(token=_shown(text), logprob=value, bytes=list(text)) for text, value in one.others],
    )


def _scored_text(scored: Sequence[ScoredToken]) -> CompletionProbabilities:
    """The same for a completion: there a token is listed among the most probable ones although it is none of them."""
    top: list[dict[str, float]] = []
    for one in scored:
        listed = [*one.others, (one.text, one.log_probability)] if one.others else []
        top.append({_shown(text): value for text, value in reversed(listed)})
    return CompletionProbabilities(
        tokens=[_shown(one.text) for one in scored],
        token_logprobs=[one.log_probability for one in scored],
        top_logprobs=[dict(sorted(each.items(), key=lambda item: -item[1])) for each in top],
        text_offset=[*accumulate(map(len, texts_of(scored)), initial=0)][: len(scored)],
    )


def _shown(text: bytes) -> str:
    """The text of a token; where it is a part of a character only, a sign that stands for it."""
    return text.decode("utf-8", "replace")


def _ranked(one: Answered) -> list[tuple[str, float]]:
    """Labels that have a probability, the most probable first."""
    every = one.answer.probabilities or {}
    return sorted(((label, value) for label, value in every.items() if value > 0), key=lambda item: -item[1])


def _log(probability: float) -> float:
    return math.log(max(probability, _SMALLEST))


def _top(label: str, probability: float) -> TopProbability:
    return TopProbability(token=label, logprob=_log(probability), bytes=list(label.encode()))
