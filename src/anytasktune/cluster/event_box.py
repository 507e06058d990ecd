"""Reports of the workers of a command, and the wish to cancel it, in a process beside the command's own.

The box is a Ray actor. It ends with the command that made it; another command finds it by its name.
"""

from collections import deque
from collections.abc import Sequence

from anytasktune.records import Record

NAMESPACE = "anytasktune"
_MOST_LINES = 100_000
"""Lines kept for a command that does not take them; the oldest go first."""


class RunningUnit(Record):
    """A unit that a worker does at the moment."""

    members: list[str]
    node: str = ""
    """Empty until a worker has begun."""
    pid: int = 0
    """Of the worker's process there."""
    state: str = ""
    """The last that its worker has reported, in words; empty before that."""


class CommandStatus(Record):
    """A command that runs on the cluster, as it stands."""

    box: str
    """Name of its box."""
    command: str
    since: str
    """Local time of its machine."""
    waiting: int
    ended: int
    """Works that are done."""
    running: list[RunningUnit]


class EventBox:
    """Lines from the workers, each with the key of its unit; a status that the command writes; the wish to cancel."""

    def __init__(self) -> None:
        self._lines: deque[tuple[str, str]] = deque(maxlen=_MOST_LINES)
        self._status = ""
        self._cancelled = False

    def put(self, key: str, lines: Sequence[str]) -> None:
        """Take lines of a unit."""
        self._lines.extend((key, line) for line in lines)

    def take(self, status: str) -> tuple[list[tuple[str, str]], bool]:
        """All lines since the last call, and whether somebody wants to cancel; `status` is what others are shown."""
        taken, self._status = list(self._lines), status
        self._lines.clear()
        return taken, self._cancelled

    def status(self) -> str:
        """The last status of the command, as JSON; empty before the first."""
        return self._status

    def cancel(self) -> None:
        """Ask the command to end its units and itself."""
        self._cancelled = True
