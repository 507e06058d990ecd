"""Streamed replies: parts of answers as server-sent events."""

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import BaseModel

from anytasktune.serving.api_replies import AnswerFacts, ChatProbabilities, Reply, TextChoice, TextReply, TokenCounts, facts_of
from anytasktune.serving.engine_messages import Answered, Piece

DONE_EVENT = "data: [DONE]\n\n"


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


class ReplyStream:
    """One reply in parts. Each answer is sent as often as the request wants answers to its question (`n`).

    Attributes:
        chat: whether it replies to a chat, else to prompts.
    """

    def __init__(self, reply: Reply, *, chat: bool) -> None:
        self.reply = reply
        self.chat = chat
        self._sent: dict[int, str] = {}

    def events(self, place: int, outcome: Piece | Answered) -> Iterator[str]:
        """Events for a part of the answer to the question at `place`, or for the answer, of which parts may have been sent."""
        before = self._sent.get(place)
        if isinstance(outcome, Piece):
            text = outcome.text
            self._sent[place] = (before or "") + text
        else:
            text = outcome.text.removeprefix(before or "")
        for repeat in range(self.reply.repeats):
            index = place * self.reply.repeats + repeat
            if self.chat:
                yield from self._chat_events(index, text, outcome, is_first=before is None)
            else:
                yield self._text_event(index, text, outcome)

    def usage_event(self, answers: Sequence[Answered]) -> str:
        """The event with the numbers of tokens."""
        usage = self.reply.usage(answers)
        if self.chat:
            return event(ChatChunk(**self.reply.head("chatcmpl"), choices=[], usage=usage))
        return event(TextReply(**self.reply.head("cmpl"), choices=[], usage=usage))

    def _chat_events(self, index: int, text: str, outcome: Piece | Answered, *, is_first: bool) -> Iterator[str]:
        if is_first:
            yield self._chunk(ChunkChoice(index=index, delta=Delta(role="assistant", content="")))
        probabilities = self.reply.chat_probabilities(outcome) if isinstance(outcome, Answered) else None
        if text or probabilities:
            yield self._chunk(ChunkChoice(index=index, delta=Delta(content=text), logprobs=probabilities))
        if isinstance(outcome, Answered):
            yield self._chunk(ChunkChoice(index=index, delta=Delta(), finish_reason=outcome.finish), facts_of(outcome))

    def _chunk(self, choice: ChunkChoice, facts: AnswerFacts | None = None) -> str:
        return event(ChatChunk(**self.reply.head("chatcmpl"), choices=[choice], anytasktune=facts))

    def _text_event(self, index: int, text: str, outcome: Piece | Answered) -> str:
        choice, facts = TextChoice(index=index, text=text, finish_reason=None), None
        if isinstance(outcome, Answered):
            facts, probabilities = facts_of(outcome), self.reply.text_probabilities(outcome)
            choice = TextChoice(index=index, text=text, finish_reason=outcome.finish, logprobs=probabilities)
        return event(TextReply(**self.reply.head("cmpl"), choices=[choice], anytasktune=facts))


def event(record: BaseModel) -> str:
    """A server-sent event."""
    return f"data: {record.model_dump_json(exclude_none=True)}\n\n"
