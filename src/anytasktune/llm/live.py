"""Answers from an endpoint: found in the ledger, or requested, paid for and kept."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from anytasktune.llm.completions import read_completion
from anytasktune.llm.costs import PICO, Prices, Tally, Tokens, most_prompt_tokens
from anytasktune.llm.endpoint import Endpoint, RequestError, UnansweredError
from anytasktune.llm.ledger import Caps, Ledger, Reservation, Spent
from anytasktune.llm.negotiation import Negotiation, Request
from anytasktune.llm.retries import OnWait, Pace, Retries
from anytasktune.schema.kept_answers import TeacherAnswer

if TYPE_CHECKING:
    from anytasktune.llm.wire import Wire

_TO_DISK_EVERY = 1.0


@dataclass(frozen=True)
class Terms:
    """Prices, caps and concurrency of a teacher.

    Attributes:
        prices: of a token.
        caps: never passed.
        concurrency: requests under way at most.
    """

    prices: Prices = field(default_factory=Prices)
    caps: Caps = field(default_factory=Caps)
    concurrency: int = 32


class LiveAnswers:
    """A model behind an endpoint, and the ledger of its answers."""

    def __init__(self, endpoint: Endpoint, model: str, file: Path, terms: Terms, on_wait: OnWait | None = None) -> None:
        self.endpoint, self.model, self.file, self.terms = endpoint, model, file, terms
        self.on_damage: Callable[[str], None] = lambda _: None
        self._is_checked = False
        self.tally = Tally()
        self.answered: list[str] = []
        self.negotiation = Negotiation()
        self.retries = Retries(endpoint, Pace(terms.concurrency), self.tally, on_wait)

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator["Session"]:
        """Connections and the ledger, open for a while."""
        from anytasktune.llm.wire import Wire  # noqa: PLC0415

        self.retries.pace.begin()
        with Ledger(self.file) as ledger:
            if not self._is_checked and (damage := ledger.mend()):
                self.on_damage(damage)
            self._is_checked = True
            ledger.spent(self.terms.prices)
            async with Wire(self.endpoint) as wire:
                saving = asyncio.create_task(_to_disk(ledger))
                try:
                    yield Session(self, ledger, wire)
                finally:
                    saving.cancel()
                    await asyncio.gather(saving, return_exceptions=True)

    def key(self, request: Request) -> str:
        """The name of its answer."""
        return request.key(self.endpoint.base_url, self.model)

    def holds(self, requests: Sequence[Request]) -> list[bool]:
        """Which of them have an answer that is kept."""
        if not self.file.exists():
            return [False] * len(requests)
        with Ledger(self.file) as ledger:
            return ledger.holds(self.key(request) for request in requests)

    def paid_for(self, keys: Collection[str]) -> Spent:
        """Cost of these answers, whichever process sent the requests."""
        if not self.file.exists():
            return Spent()
        with Ledger(self.file) as ledger:
            return ledger.paid_for(keys, self.prices)

    @property
    def prices(self) -> Prices:
        """Prices of its tokens."""
        return self.terms.prices


async def _to_disk(ledger: Ledger) -> None:
    while True:
        await asyncio.sleep(_TO_DISK_EVERY)
        await asyncio.to_thread(ledger.checkpoint)


class Session:
    """Answers while the connections are open."""

    def __init__(self, live: LiveAnswers, ledger: Ledger, wire: "Wire") -> None:
        self._live, self._ledger, self._wire = live, ledger, wire
        self._asked: dict[str, asyncio.Future[TeacherAnswer]] = {}
        self._open = 0
        self._ending = False
        self._settled = asyncio.Event()

    async def answer(self, request: Request) -> TeacherAnswer:
        """The answer that is kept, or a new one; the same request under way twice is sent once.

        Raises:
            UnansweredError: this one has no answer.
            EndpointError: none will have one.
        """
        key = self._live.key(request)
        while (others := self._asked.get(key)) is not None:
            await asyncio.wait([others])
        if (known := self._ledger.get(key)) is not None:
            self._live.tally.found += 1
            self._live.answered.append(key)
            return known
        self._asked[key] = asyncio.get_running_loop().create_future()
        try:
            answer = await self._ask(key, request)
            self._live.answered.append(key)
            return answer
        finally:
            self._asked.pop(key).cancel()

    async def drain(self, seconds: float) -> None:
        """Send nothing more; answers that come within so many seconds are kept."""
        self._ending = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._open:
                    self._settled.clear()
                    await self._settled.wait()

    def schema_ignored(self, request: Request) -> None:
        """Its answer was no JSON although it was to keep to a schema: from now on the schema is also given in words."""
        self._live.negotiation.schema_ignored(request)

    async def _ask(self, key: str, request: Request) -> TeacherAnswer:
        live = self._live
        form = live.negotiation.first(request)
        await live.retries.pace.enter()
        try:
            while True:
                body = live.negotiation.body(request, live.model, form)
                worst = Tokens(most_prompt_tokens(body), request.max_tokens)
                try:
                    answer = await live.retries.send(functools.partial(self._once, key, body, worst))
                    break
                except RequestError as refused:
                    simpler = form.simpler(refused.what) if refused.negotiable else None
                    if simpler is None:
                        raise live.retries.error_of(refused) from None
                    form = simpler
        finally:
            live.retries.pace.leave()
        live.negotiation.accept(request, form)
        return answer

    async def _once(self, key: str, body: bytes, worst: Tokens) -> TeacherAnswer:
        """One attempt, written down before it is sent."""
        live = self._live
        reservation = await self._reserve(key, worst)
        settled = False
        try:
            answer = read_completion(await self._wire.send(body), live.model, worst, live.endpoint)
            used = Tokens(answer.prompt_tokens, answer.answer_tokens)
            answer = self._ledger.keep(reservation, answer)
            settled = True
        except RequestError as failure:
            if failure.unpaid:
                self._ledger.release(reservation)
                settled = True
            raise
        finally:
            self._open -= 1
            self._settled.set()
            if not settled:
                self._ledger.lose(reservation)
                live.tally.add(worst, live.terms.prices)
        live.tally.add(used, live.terms.prices)
        return answer

    async def _reserve(self, key: str, worst: Tokens) -> Reservation:
        """A request that is written down; waits for requests under way, which may turn out to cost less than they could."""
        live, terms = self._live, self._live.terms
        while True:
            if self._ending:
                raise UnansweredError("not_answered", "the run ended before it was asked")
            self._settled.clear()
            reservation = self._ledger.reserve(key, live.model, worst, terms.prices, terms.caps)
            if reservation is not None:
                self._open += 1
                return reservation
            if not self._open:
                caps = [f"max_tokens {terms.caps.tokens:,}"] if terms.caps.tokens is not None else []
                caps += [f"max_cost {terms.caps.cost / PICO:g} {terms.prices.currency}"] if terms.caps.cost is not None else []
                raise UnansweredError("over_budget", f"the answer could cost more than is left of {' or '.join(caps)}")
            await self._settled.wait()
