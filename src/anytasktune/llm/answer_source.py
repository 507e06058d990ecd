"""What stands between a conversation and where its answers come from, be that an endpoint or a recording."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from anytasktune.llm.prices import Prices, Tokens
from anytasktune.llm.request_forms import Request
from anytasktune.schema.exchange import TeacherAnswer

Guard = Callable[[Sequence[Mapping[str, str]]], str | None]
"""The reason not to send a conversation; None if it may be sent."""


@dataclass
class UnansweredError(Exception):
    """There is no answer to this one request; the others may have one."""

    fault: Literal["not_answered", "over_budget"]
    detail: str


@dataclass
class Tally:
    """What was asked so far: requests that are or may be paid, answers found again, tokens, trillionths of money."""

    requests: int = 0
    found: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    cost: int = 0

    def add(self, tokens: Tokens, prices: Prices) -> None:
        """Count a request."""
        self.requests += 1
        self.prompt_tokens += tokens.prompt
        self.answer_tokens += tokens.answer
        self.cost += prices.cost(tokens)


class Answering(Protocol):
    """Gives answers as long as it is open."""

    async def answer(self, request: Request) -> TeacherAnswer:
        """The answer to a request.

        Raises:
            UnansweredError: this one has none.
            EndpointError: none will have one.
        """

    async def wind_up(self, seconds: float) -> None:
        """Send nothing more, and wait no longer than this for what is under way."""

    def ignored(self, request: Request) -> None:
        """Its answer was no JSON at all."""


class Source(Protocol):
    """Where answers come from."""

    tally: Tally

    @property
    def model(self) -> str:
        """Name of who answers."""

    @property
    def prices(self) -> Prices:
        """What a token of it costs."""

    def holds(self, requests: Sequence[Request]) -> list[bool]:
        """Which of them would be answered without being sent."""

    def session(self) -> AbstractAsyncContextManager[Answering]:
        """Open it."""
