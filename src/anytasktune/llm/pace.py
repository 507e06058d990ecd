"""How many requests are under way at once: more while all goes well, half as many when it gets crowded.

Additive increase, multiplicative decrease (Chiu and Jain 1989), with a quick start until the first crowding.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

_START = 4


@dataclass
class Pace:
    """What was learnt about how much a server bears; it outlives the connections.

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
