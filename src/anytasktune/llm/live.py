"""Answers from an endpoint: found in the book, or asked for, paid for and kept."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from anytasktune.llm.answer_source import Answering, Tally, UnansweredError
from anytasktune.llm.completions import read_completion
from anytasktune.llm.endpoint import Endpoint
from anytasktune.llm.ledger import AnswerBook, Caps, Ticket
from anytasktune.llm.pace import Pace
from anytasktune.llm.prices import Prices, Tokens, most_prompt_tokens
from anytasktune.llm.request_errors import RequestError
from anytasktune.llm.request_forms import Form, Forms, Request
from anytasktune.schema.exchange import TeacherAnswer

if TYPE_CHECKING:
    from anytasktune.llm.wire import Wire

OnWait = Callable[[str, float], None]
_LONGEST_WAIT = 60.0
_MOST_TURNED_AWAY = 50
"""How often a request may be told that there are too many."""
_MOST_SILENT = 10
"""Requests in a row without any answer after which nothing is expected any more."""
_FOR_ALL = frozenset({401, 402, 429})
"""No key, no credit, no quota: the next request will not be answered either."""
_TO_DISK_EVERY = 1.0
_FIRST_ATTEMPTS = {"unreachable": 3, "silent": 2}
"""Before there was any answer a wrong address is likelier than bad luck."""
_HOPELESS = 8
"""Requests refused, none answered, after which it is not the requests."""
_LATER = "try again later; what was answered already is kept and not asked again"


@dataclass(frozen=True)
class Terms:
    """How a teacher is paid, and how many requests there are at once.

    Attributes:
        prices: of a token.
        caps: never passed.
        concurrency: requests under way at most.
    """

    prices: Prices = field(default_factory=Prices)
    caps: Caps = field(default_factory=Caps)
    concurrency: int = 32


@dataclass
class LiveAnswers:
    """A model behind an endpoint, and the book of its answers.

    Attributes:
        waiting: why the last request that failed waits, in words; empty while none does.
    """

    endpoint: Endpoint
    model: str
    file: Path
    terms: Terms = field(default_factory=Terms)
    on_wait: OnWait | None = None
    tally: Tally = field(default_factory=Tally)
    waiting: str = ""
    forms: Forms = field(default_factory=Forms)
    answered: int = 0
    refused: int = 0
    _failed_in_a_row: int = 0

    def __post_init__(self) -> None:
        self.pace = Pace(self.terms.concurrency)

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Answering]:
        """Connections and the book, open for a while."""
        from anytasktune.llm.wire import Wire  # noqa: PLC0415

        self.pace.begin()
        with AnswerBook(self.file) as book:
            book.spent(self.terms.prices)
            async with Wire(self.endpoint) as wire:
                saving = asyncio.create_task(_to_disk(book))
                try:
                    yield _Session(self, book, wire)
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
        with AnswerBook(self.file) as book:
            return book.holds(self.key(request) for request in requests)

    @property
    def prices(self) -> Prices:
        """What a token costs."""
        return self.terms.prices

    def gone_well(self) -> None:
        """There was an answer."""
        self.answered += 1
        self._failed_in_a_row = 0
        self.waiting = ""

    def gone_wrong(self, failure: RequestError, attempts: int) -> Exception:
        """What a request that failed for good means: for itself, or for all."""
        what = f"{failure.what}, {attempts} times" if attempts > 1 else failure.what
        if failure.kind == "denied" and (not self.answered or failure.status in _FOR_ALL):
            return self.endpoint.error(what, failure.status)
        if failure.kind == "refused":
            self.refused += 1
            hopeless = not self.answered and not self.tally.found and self.refused >= _HOPELESS
            return self.endpoint.error(what, failure.status) if hopeless else UnansweredError("not_answered", what)
        self._failed_in_a_row += 1
        known = self.answered or (self.tally.found and failure.kind != "unreachable")
        if not known or self._failed_in_a_row >= _MOST_SILENT:
            return self.endpoint.error(what, failure.status, _LATER)
        return UnansweredError("not_answered", what)

    def attempts(self, failure: RequestError) -> int:
        """How often a request that fails like this is sent."""
        known = self.answered or self.tally.found
        return self.endpoint.attempts if known else min(self.endpoint.attempts, _FIRST_ATTEMPTS.get(failure.kind, 99))


class _Session:
    """Answers while the connections are open."""

    def __init__(self, live: LiveAnswers, book: AnswerBook, wire: "Wire") -> None:
        self._live, self._book, self._wire = live, book, wire
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
        if (known := self._book.get(key)) is not None:
            self._live.tally.found += 1
            return known
        self._asked[key] = asyncio.get_running_loop().create_future()
        try:
            return await self._ask(key, request)
        finally:
            self._asked.pop(key).cancel()

    async def wind_up(self, seconds: float) -> None:
        """Send nothing more; answers that come within so many seconds are kept."""
        self._ending = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._open:
                    self._settled.clear()
                    await self._settled.wait()

    def ignored(self, request: Request) -> None:
        """Its answer was no JSON although it was to keep to a schema: from now on the schema is also given in words."""
        self._live.forms.ignored(request)

    async def _ask(self, key: str, request: Request) -> TeacherAnswer:
        live = self._live
        form = live.forms.first(request)
        await live.pace.enter()
        try:
            while True:
                try:
                    answer = await self._patiently(key, request, form)
                    break
                except _RefusedError as refused:
                    less = form.without(refused.failure.what)
                    if less is None:
                        raise live.gone_wrong(refused.failure, 1) from None
                    form = less
        finally:
            live.pace.leave()
        live.forms.worked(request, form)
        return answer

    async def _patiently(self, key: str, request: Request, form: Form) -> TeacherAnswer:
        """Send a request until it is answered, refused, or has failed too often."""
        live = self._live
        body = live.forms.body(request, live.model, form)
        worst = Tokens(most_prompt_tokens(body), request.max_tokens)
        failed, turned_away = 0, 0
        while True:
            sent = time.monotonic()
            try:
                return await self._once(key, body, worst)
            except RequestError as failure:
                if failure.kind == "refused":
                    raise _RefusedError(failure) from None
                alone = live.pace.allowed <= 1
                if failure.crowded:
                    live.pace.crowded(sent, min(failure.wait, _LONGEST_WAIT))
                if failure.kind == "busy" and not alone and turned_away < _MOST_TURNED_AWAY:
                    turned_away += 1  # there were too many of ours; that is no fault of this one
                else:
                    failed += 1
                if not failure.passing or failed >= live.attempts(failure):
                    raise live.gone_wrong(failure, failed) from None
                await self._wait(failure, failed + turned_away)

    async def _wait(self, failure: RequestError, times: int) -> None:
        live = self._live
        grown = live.endpoint.first_wait * 2 ** min(times - 1, 10) * random.uniform(0.5, 1.0)  # noqa: S311
        seconds = min(failure.wait or grown, _LONGEST_WAIT)
        live.waiting = failure.what
        if live.on_wait is not None:
            live.on_wait(failure.what, seconds)
        await asyncio.sleep(seconds)
        await live.pace.step_back()

    async def _once(self, key: str, body: bytes, worst: Tokens) -> TeacherAnswer:
        live = self._live
        if (pause := live.pace.pause_until - time.monotonic()) > 0:
            await asyncio.sleep(pause)
        ticket = await self._reserved(key, worst)
        kept = False
        try:
            answer = read_completion(await self._wire.send(body), live.model, worst)
            used = Tokens(answer.prompt_tokens, answer.answer_tokens)
            answer = self._book.keep(ticket, answer)
            kept = True
        except RequestError as failure:
            if failure.unpaid:
                self._book.release(ticket)
                kept = True
            raise
        finally:
            self._open -= 1
            self._settled.set()
            if not kept:
                self._book.lose(ticket)
                live.tally.add(worst, live.terms.prices)
        live.tally.add(used, live.terms.prices)
        live.pace.went_well()
        live.gone_well()
        return answer

    async def _reserved(self, key: str, worst: Tokens) -> Ticket:
        """A request that is written down; waits for requests under way, which may turn out to cost less than they could."""
        live, terms = self._live, self._live.terms
        while True:
            if self._ending:
                raise UnansweredError("not_answered", "the run ended before it was asked")
            self._settled.clear()
            ticket = self._book.reserve(key, live.model, worst, terms.prices, terms.caps)
            if ticket is not None:
                self._open += 1
                return ticket
            if not self._open:
                raise UnansweredError("over_budget", _over(terms))
            await self._settled.wait()


class _RefusedError(Exception):
    def __init__(self, failure: RequestError) -> None:
        super().__init__(failure.what)
        self.failure = failure


def _over(terms: Terms) -> str:
    caps = terms.caps
    named = [f"max_tokens {caps.tokens:,}"] if caps.tokens is not None else []
    named += [f"max_cost {caps.cost / 10**12:g} {terms.prices.currency}"] if caps.cost is not None else []
    return f"the answer could cost more than is left of {' or '.join(named)}"


async def _to_disk(book: AnswerBook) -> None:
    while True:
        await asyncio.sleep(_TO_DISK_EVERY)
        await asyncio.to_thread(book.settle_down)
