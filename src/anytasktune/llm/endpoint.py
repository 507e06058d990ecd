"""One OpenAI-compatible endpoint: its address, its key, how patiently it is asked, and how a request to it can fail."""

import ipaddress
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from anytasktune.errors import AnyTaskTuneError

BASE_URL, API_KEY = "OPENAI_BASE_URL", "OPENAI_API_KEY"
_ADVICE = {
    401: f"check {API_KEY}",
    402: "the account is out of credit: top it up, then run the same command again",
    403: f"check {API_KEY}, and whether it may use this model",
    404: f"check {BASE_URL} (it usually ends in /v1) and the model's name",
}


Kind = Literal["unreachable", "silent", "dropped", "busy", "broken", "refused", "denied"]


class EndpointError(AnyTaskTuneError):
    """The teacher's endpoint cannot be reached, or refuses.

    Attributes:
        status: the HTTP status; 0 where there was no answer.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "", status: int = 0) -> None:
        super().__init__(what, where=where, fix=fix)
        self.status = status


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


@dataclass
class UnansweredError(Exception):
    """There is no answer to this one request; the others may have one."""

    fault: Literal["not_answered", "over_budget"]
    detail: str


@dataclass(frozen=True)
class Endpoint:
    """Where a teacher is asked, and how patiently.

    Attributes:
        base_url: up to and without `/chat/completions`.
        key: the API key; empty where none is needed. Neither shown nor written anywhere.
        timeout: seconds without an answer after which a request counts as failed.
        attempts: how often one request is sent at most.
        first_wait: seconds to wait after the first failure; they double from one to the next.
    """

    base_url: str
    key: str = field(default="", repr=False)
    timeout: float = 300.0
    attempts: int = 5
    first_wait: float = 1.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, timeout: float = 300.0, attempts: int = 5) -> "Endpoint":
        """The endpoint that `OPENAI_BASE_URL` and `OPENAI_API_KEY` name; EndpointError without an address."""
        url = environment.get(BASE_URL, "").strip().rstrip("/")
        what = _fault_in(url)
        if what:
            raise EndpointError(what, fix=f"set it, e.g. {BASE_URL}=http://localhost:8000/v1; a key goes into {API_KEY}")
        parts = urllib.parse.urlsplit(url)
        if parts.username or parts.password:
            raise EndpointError(f"{BASE_URL} holds a user name or password", fix=f"put the key into {API_KEY}")
        key = environment.get(API_KEY, "").strip()
        if not (key.isascii() and key.isprintable()):
            raise EndpointError(f"{API_KEY} holds characters that no key has", fix="copy the key again")
        return cls(url, key, timeout, attempts)

    @property
    def proxy(self) -> str | None:
        """The proxy that the environment names for it; none for an address on this machine."""
        parts = urllib.parse.urlsplit(self.base_url)
        host = parts.hostname or ""
        if _is_this_machine(host) or urllib.request.proxy_bypass(host):
            return None
        return urllib.request.getproxies().get(parts.scheme)

    def error(self, what: str, status: int = 0, fix: str = "") -> EndpointError:
        """An error about this endpoint, with advice that fits the status where there is no other."""
        return EndpointError(self.without_key(what), where=self.base_url, fix=fix or _ADVICE.get(status, ""), status=status)

    def without_key(self, text: str) -> str:
        """A text from outside that may be shown: servers like to quote the key they do not know."""
        return text.replace(self.key, "***") if self.key else text


def _fault_in(url: str) -> str:
    if not url:
        return f"{BASE_URL} is not set"
    try:
        parts = urllib.parse.urlsplit(url)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    return "" if sound else f"{BASE_URL} is no http(s) address"


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
