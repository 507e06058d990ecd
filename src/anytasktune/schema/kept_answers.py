"""Answers of a practitioner and of teacher models, and the usage of a teacher."""

from collections.abc import Iterable
from typing import Any, Literal, Self

from anytasktune.errors import counted
from anytasktune.records import Artifact, Language, Record


class InterviewLine(Record):
    """One line of `interview.jsonl`: the outcome of a question.

    The file is only ever added to. A `withdrawn` line takes back the last answer that still holds, in its language.
    """

    question: str
    language: Language
    status: Literal["given", "skipped", "withdrawn"] = "given"
    answer: str = ""


class TeacherAnswer(Artifact):
    """A teacher's answer to one request, kept so that the request is not sent again."""

    model: str
    content: str
    finish: Literal["stop", "length", "content_filter"] = "stop"
    """Why it ended: by itself, at the longest answer asked for, or stopped by a filter of the server."""
    prompt_tokens: int = 0
    answer_tokens: int = 0


class RecordedAnswer(Artifact):
    """One line of a recording: a request and its answer."""

    model: str
    messages: list[dict[str, str]]
    answer_schema: dict[str, Any]
    """JSON Schema of the answer."""
    temperature: float
    sample: int
    """Number of the sample, where several answers to the same messages are generated."""
    max_tokens: int
    answer: TeacherAnswer
    sha256: str = ""
    """Of the line without this field; empty in recordings of older versions."""


class TeacherUsage(Record):
    """Requests, tokens and money a teacher took."""

    requests: int = 0
    """Sent and paid for, repeated ones included."""
    reused: int = 0
    """Answers of earlier runs that were reused and not paid again."""
    prompt_tokens: int = 0
    answer_tokens: int = 0
    cost: float | None = None
    """In `currency`; None where no prices are known."""
    currency: str = ""
    seconds: float = 0.0

    @classmethod
    def total(cls, usages: Iterable[Self]) -> Self:
        """The sum of several."""
        every = list(usages)
        costs = [usage.cost for usage in every if usage.cost is not None]
        return cls(
            requests=sum(usage.requests for usage in every),
            reused=sum(usage.reused for usage in every),
            prompt_tokens=sum(usage.prompt_tokens for usage in every),
            answer_tokens=sum(usage.answer_tokens for usage in every),
            cost=sum(costs) if costs else None,
            currency=next((usage.currency for usage in every if usage.currency), ""),
            seconds=sum(usage.seconds for usage in every),
        )

    def __str__(self) -> str:
        """`240 requests, 180,211 + 60,102 tokens, 0.1200 USD`."""
        facts = [counted(self.requests, "request"), f"{self.prompt_tokens:,} + {self.answer_tokens:,} tokens"]
        facts += [f"{self.cost:.4f} {self.currency}"] if self.cost is not None else []
        facts += [f"{counted(self.reused, 'answer')} reused"] if self.reused else []
        return ", ".join(facts)
