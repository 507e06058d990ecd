"""Retries: how many requests are under way at once, how often one is sent again, and when a server is given up."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from anytasktune.llm.costs import Tally
from anytasktune.llm.endpoint import Endpoint, RequestError, UnansweredError

OnWait = Callable[[str, float], None]
Answer = TypeVar("Answer")
_START = 4
_LONGEST_WAIT = 60.0
_MOST_TURNED_AWAY = 50
"""Most times a request may be turned away because there are too many."""
_MOST_SILENT = 10
"""Requests in a row without any answer after which none is expected any more."""
_FOR_ALL = frozenset({401, 402, 407, 429})
"""No key, no credit, no proxy, no quota: the next request will not be answered either."""
_FIRST_ATTEMPTS = {"unreachable": 3, "silent": 2, "foreign": 1}
"""Before there was any answer a wrong address is likelier than bad luck."""
_HOPELESS = 8
"""Requests refused, none answered, after which it is not the requests."""
_LATER = "try again later; what was answered already is kept and not asked again"


@dataclass
class Pace:
    """Requests at once: more while all goes well, half as many when it gets crowded.

    Additive increase, multiplicative decrease (Chiu and Jain 1989), with a quick start until the first crowding. It
    outlives the connections.

    Attributes:
        most: requests at once at most.
        allowed: requests at once at present.
        under_way: requests sent and not answered, waits between attempts included.
        pause_until: moment (`time.monotonic`) until which the server wants to be left alone.
    """

    most: int
    allowed: float = 0.0
    under_way: int = 0
    pause_until: float = 0.0
    _eased: float = 0.0
    _crowded_yet: bool = False
    _waiting: deque[asyncio.Future[None]] = field(default_factory=deque, repr=False)

    def __post_init__(self) -> None:
        self.allowed = self.allowed or float(min(_START, self.most))

    def begin(self) -> None:
        """Forget who waited: a new event loop starts."""
        self.under_way = 0
        self._waiting.clear()

    async def enter(self) -> None:
        """Wait for a place."""
        if self.under_way < int(self.allowed):
            self.under_way += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        await place

    def leave(self) -> None:
        """Give the place to who waits longest."""
        self.under_way -= 1
        self._call()

    async def step_back(self) -> None:
        """Give the place up if there are too many now, and wait for another."""
        if self.under_way > int(self.allowed):
            self.leave()
            await self.enter()

    def went_well(self) -> None:
        """A request was answered."""
        if 2 * self.under_way >= self.allowed:  # more at once are of use only where they are asked for
            self.allowed = min(float(self.most), self.allowed + (1.0 / self.allowed if self._crowded_yet else 1.0))
            self._call()

    def crowded(self, sent: float, wait: float) -> None:
        """A request was too much.

        Args:
            sent: when it was sent, `time.monotonic`; those sent before the last easing say nothing new.
            wait: seconds the server wants to be left alone.
        """
        now = time.monotonic()
        self.pause_until = max(self.pause_until, now + wait)
        if sent >= self._eased:
            self.allowed = max(1.0, self.allowed / 2)
            self._eased, self._crowded_yet = now, True

    def _call(self) -> None:
        while self._waiting and self.under_way < int(self.allowed):
            place = self._waiting.popleft()
            if not place.done():
                self.under_way += 1
                place.set_result(None)


@dataclass
class Retries:
    """Sends a request until it is answered, refused, or has failed too often; gives a server up that answers nothing.

    Attributes:
        tally: of the teacher; answers found in the ledger show that the server is known.
        on_wait: receives the reason, and the seconds, before a request is sent again.
        later: advice where a server was given up that may answer another time.
        waiting: why the last request that failed waits, in words; empty while none does.
        answered: requests answered so far.
        refused: requests refused so far.
    """

    endpoint: Endpoint
    pace: Pace
    tally: Tally
    on_wait: OnWait | None = None
    later: str = _LATER
    waiting: str = ""
    answered: int = 0
    refused: int = 0
    _failed_in_a_row: int = 0

    async def send(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer of the first attempt that succeeds.

        Raises:
            RequestError: the server refuses what this request asks for; it may accept a simpler one.
            UnansweredError: this request has no answer.
            EndpointError: no request will have one.
        """
        failed, turned_away = 0, 0
        while True:
            if (pause := self.pace.pause_until - time.monotonic()) > 0:
                await asyncio.sleep(pause)
            sent = time.monotonic()
            try:
                answer = await attempt()
            except RequestError as failure:
                if failure.kind == "refused":
                    raise
                alone = self.pace.allowed <= 1
                if failure.crowded:
                    self.pace.crowded(sent, min(failure.wait, _LONGEST_WAIT))
                if failure.kind == "busy" and not alone and turned_away < _MOST_TURNED_AWAY:
                    turned_away += 1  # there were too many of ours; that is no fault of this one
                else:
                    failed += 1
                known = self.answered or self.tally.found
                most = self.endpoint.attempts if known else _FIRST_ATTEMPTS.get(failure.kind, self.endpoint.attempts)
                if not failure.passing or failed >= min(most, self.endpoint.attempts):
                    raise self.error_of(failure, failed) from None
                await self._wait(failure, failed + turned_away)
            else:
                self.pace.went_well()
                self.answered += 1
                self._failed_in_a_row = 0
                self.waiting = ""
                return answer

    async def _wait(self, failure: RequestError, times: int) -> None:
        grown = self.endpoint.first_wait * 2 ** min(times - 1, 10) * random.uniform(0.5, 1.0)  # noqa: S311
        seconds = min(failure.wait or grown, _LONGEST_WAIT)
        self.waiting = failure.what
        if self.on_wait is not None:
            self.on_wait(failure.what, seconds)
        await asyncio.sleep(seconds)
        await self.pace.step_back()

    def error_of(self, failure: RequestError, attempts: int = 1) -> Exception:
        """The error of a request that failed for good: UnansweredError for itself, EndpointError for all."""
        what = f"{failure.what}, {attempts} times" if attempts > 1 else failure.what
        if failure.kind == "denied" and (not self.answered or failure.status in _FOR_ALL):
            return self.endpoint.error(what, failure.status, failure.fix)
        if failure.kind == "refused":
            self.refused += 1
            hopeless = not self.answered and not self.tally.found and self.refused >= _HOPELESS
            return self.endpoint.error(what, failure.status, failure.fix) if hopeless else UnansweredError("not_answered", what)
        self._failed_in_a_row += 1
        known = self.answered or (self.tally.found and failure.kind != "unreachable")
        if not known or self._failed_in_a_row >= _MOST_SILENT:
            later = "" if failure.kind == "foreign" and not known else self.later
            return self.endpoint.error(what, failure.status, failure.fix or later)
        return UnansweredError("not_answered", what)
