"""One OpenAI-compatible endpoint: its address, its key, how patiently it is asked, and how a request to it can fail."""

import functools
import ipaddress
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from anytasktune.errors import AnyTaskTuneError
from anytasktune.llm.redaction import Redactor

BASE_URL, API_KEY = "OPENAI_BASE_URL", "OPENAI_API_KEY"
_PATH = "/chat/completions"
_ADVICE = {
    401: f"check {API_KEY}",
    402: "the account is out of credit: top it up, then run the same command again",
    403: f"check {API_KEY}, and whether it may use this model",
    404: f"check {BASE_URL} (it usually ends in /v1) and the model's name",
    407: "check the user name and password in the address of the proxy (https_proxy, http_proxy)",
}
_PUBLIC = frozenset({"api-version", "version", "model", "deployment", "region", "stream"})
"""Names of query parameters whose values are no secrets."""
Place = Literal["this machine", "a private network", "elsewhere"]
Kind = Literal["unreachable", "silent", "dropped", "busy", "broken", "foreign", "refused", "denied"]


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
            many requests), `broken` (a fault of the server), `foreign` (no chat completion: of a server that never gave one,
            another kind of server), `refused` (the server does not like what this request asks for), `denied` (it would refuse
            any request).
        what: the same in words, without secrets.
        status: the HTTP status; 0 where there was none.
        wait: seconds the server wants to be left alone.
        unpaid: it is certain that the model did no work for it.
        fix: what to do; empty where the status says it.
        negotiable: of `refused`: a simpler form of the request may be accepted.
    """

    kind: Kind
    what: str
    status: int = 0
    wait: float = 0.0
    unpaid: bool = True
    fix: str = ""
    negotiable: bool = True

    @property
    def passing(self) -> bool:
        """Whether the same request may be answered the next time."""
        return self.kind not in {"refused", "denied"}

    @property
    def crowded(self) -> bool:
        """Whether fewer requests at once may help."""
        return self.kind in {"busy", "silent"}


@dataclass
class UnansweredError(Exception):
    """There is no answer to this one request; the others may have one."""

    fault: Literal["not_answered", "over_budget"]
    detail: str


@dataclass(frozen=True)
class Endpoint:
    """Address of a teacher, and how patiently it is asked.

    Attributes:
        base_url: up to and without `/chat/completions` and query; it may be shown.
        key: the API key; empty where none is needed. Neither shown nor written anywhere.
        timeout: seconds without an answer after which a request counts as failed.
        attempts: how often one request is sent at most.
        first_wait: seconds to wait after the first failure; they double from one to the next.
        query: of the address (`api-version=2024-10-21`); it may hold a key.
        key_variable: the environment variable of the key.
        named: where the address was written, for messages.
    """

    base_url: str
    key: str = field(default="", repr=False)
    timeout: float = 300.0
    attempts: int = 5
    first_wait: float = 1.0
    query: str = field(default="", repr=False)
    key_variable: str = API_KEY
    named: str = BASE_URL

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, timeout: float = 300.0, attempts: int = 5) -> "Endpoint":
        """The endpoint that `OPENAI_BASE_URL` and `OPENAI_API_KEY` name; EndpointError without an address."""
        url = environment.get(BASE_URL, "").strip()
        if not url:
            fix = f"set it, e.g. {BASE_URL}=http://localhost:8000/v1; a key goes into {API_KEY}"
            raise EndpointError(f"{BASE_URL} is not set", fix=fix)
        return cls.at(url, environment.get(API_KEY, ""), timeout=timeout, attempts=attempts)

    @classmethod
    def at(
        cls,
        url: str,
        key: str,
        *,
        named: str = BASE_URL,
        key_variable: str = API_KEY,
        timeout: float = 300.0,
        attempts: int = 5,
    ) -> "Endpoint":
        """The endpoint at an address.

        Args:
            named: where the address was written, for messages.

        Raises:
            EndpointError: address or key cannot be ones.
        """
        try:
            parts = urllib.parse.urlsplit(url)
            sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            sound = False
        if not sound:
            fix = f"set it, e.g. {named}=http://localhost:8000/v1; a key goes into {key_variable}"
            raise EndpointError(f"{named} is no http(s) address", fix=fix)
        if parts.username or parts.password:
            raise EndpointError(f"{named} holds a user name or password", fix=f"put the key into {key_variable}")
        key = key.strip()
        if not (key.isascii() and key.isprintable()):
            raise EndpointError(f"{key_variable} holds characters that no key has", fix="copy the key again")
        path = parts.path.rstrip("/").removesuffix(_PATH).rstrip("/")
        base_url = f"{parts.scheme}://{parts.netloc}{path}"
        return cls(base_url, key, timeout, attempts, query=parts.query, key_variable=key_variable, named=named)

    @property
    def url(self) -> str:
        """The address requests go to; not to be shown."""
        return f"{self.base_url}{_PATH}" + (f"?{self.query}" if self.query else "")

    @property
    def headers(self) -> dict[str, str]:
        """The headers that show who asks: OpenAI's, and that of Azure where the address looks like it."""
        azure = self.host.endswith(".azure.com") or "api-version=" in self.query
        return ({"Authorization": f"Bearer {self.key}"} | ({"api-key": self.key} if azure else {})) if self.key else {}

    @property
    def host(self) -> str:
        """Name or number of the machine it is on, without port."""
        return (urllib.parse.urlsplit(self.base_url).hostname or "").rstrip(".")

    @property
    def netloc(self) -> str:
        """`HOST:PORT`, as in its address."""
        return urllib.parse.urlsplit(self.base_url).netloc

    @property
    def place(self) -> Place:
        """Where requests go, as far as the address says."""
        try:
            number = ipaddress.ip_address(self.host)
        except ValueError:
            return "this machine" if self.host == "localhost" else "elsewhere"
        number = getattr(number, "ipv4_mapped", None) or number
        if number.is_loopback:
            return "this machine"
        return "a private network" if number.is_private else "elsewhere"

    @property
    def proxy(self) -> str | None:
        """The proxy that the environment names for it; none for an address on this machine."""
        parts = urllib.parse.urlsplit(self.base_url)
        if self.place == "this machine" or urllib.request.proxy_bypass(parts.hostname or ""):
            return None
        return urllib.request.getproxies().get(parts.scheme)

    @functools.cached_property
    def redact(self) -> Redactor:
        """Replaces the key, secrets of the address and those of the proxy, in any text that is shown or kept."""
        proxy = urllib.parse.urlsplit(self.proxy or "")
        user, password = (urllib.parse.unquote(part or "") for part in (proxy.username, proxy.password))
        query = urllib.parse.parse_qsl(self.query)
        of_proxy = [password, f"{user}:{password}", proxy.password or ""] if password else [user]
        return Redactor.of([self.key, *of_proxy, *(value for name, value in query if name.lower() not in _PUBLIC)])

    def error(self, what: str, status: int = 0, fix: str = "") -> EndpointError:
        """An error about this endpoint, with advice that fits the status where there is no other."""
        advice = (self.redact(fix) or _ADVICE.get(status, "")).replace(API_KEY, self.key_variable).replace(BASE_URL, self.named)
        return EndpointError(self.redact(what), where=self.redact(self.base_url), fix=advice, status=status)
