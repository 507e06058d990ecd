"""How one request can fail."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["unreachable", "silent", "dropped", "busy", "broken", "refused", "denied"]


@dataclass
class RequestError(Exception):
    """A request without an answer.

    Attributes:
        kind: `unreachable` (no connection), `silent` (no answer in time), `dropped` (the connection ended early), `busy` (too
            many requests), `broken` (a fault of the server, or something that is no answer), `refused` (the server does not
            like what this request asks for), `denied` (it would refuse any request).
        what: the same in words.
        status: the HTTP status; 0 where there was none.
        wait: seconds the server wants to be left alone.
        unpaid: it is certain that the model did no work for it.
    """

    kind: Kind
    what: str
    status: int = 0
    wait: float = 0.0
    unpaid: bool = True

    @property
    def passing(self) -> bool:
        """The same request may be answered the next time."""
        return self.kind not in {"refused", "denied"}

    @property
    def crowded(self) -> bool:
        """Fewer requests at once may help."""
        return self.kind in {"busy", "silent"}
