"""One OpenAI-compatible endpoint: requests that are repeated when that can help, and a key that is never shown."""

import http.client
import ipaddress
import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import IO, Any

from anytasktune.errors import AnyTaskTuneError

BASE_URL, API_KEY = "OPENAI_BASE_URL", "OPENAI_API_KEY"
REFUSED = frozenset({400, 422})
"""The server does not like what the request asks for."""
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_LONGEST_WAIT = 30.0
_LARGEST_ANSWER = 16 * 2**20
_SHOWN = 300
_ADVICE = {
    401: f"check {API_KEY}",
    403: f"check {API_KEY}, and whether it may use this model",
    404: f"check {BASE_URL} (it usually ends in /v1) and the model's name",
}


class EndpointError(AnyTaskTuneError):
    """The teacher's endpoint cannot be reached, or refuses.

    Attributes:
        status: the HTTP status; 0 where there was no answer.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "", status: int = 0) -> None:
        super().__init__(what, where=where, fix=fix)
        self.status = status


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the key to another server."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


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
    def from_environment(cls, environment: Mapping[str, str], *, timeout: float = 300.0) -> "Endpoint":
        """The endpoint that `OPENAI_BASE_URL` and `OPENAI_API_KEY` name; EndpointError without an address."""
        url = environment.get(BASE_URL, "").strip().rstrip("/")
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            what = f"{BASE_URL} is not set" if not url else f"{BASE_URL} is no http(s) address"
            raise EndpointError(what, fix=f"set it, e.g. {BASE_URL}=http://localhost:8000/v1; a key goes into {API_KEY}")
        if parts.username or parts.password:
            raise EndpointError(f"{BASE_URL} holds a user name or password", fix=f"put the key into {API_KEY}")
        return cls(url, environment.get(API_KEY, "").strip(), timeout)

    def post(self, path: str, body: Mapping[str, Any], on_wait: Callable[[str, float], None] | None = None) -> Any:
        """The decoded JSON that `base_url + path` answers.

        Args:
            on_wait: is told why, and for how many seconds, before a request is sent again.

        Raises:
            EndpointError: the server refuses, or failed `attempts` times.
        """
        for attempt in range(1, self.attempts + 1):
            try:
                return self._once(path, body)
            except _PassingError as failure:
                if attempt == self.attempts:
                    fix = "try again later; what was answered already is kept and not asked again"
                    raise self._error(f"{failure.what}, {attempt} times", failure.status, fix) from None
                seconds = failure.wait or self.first_wait * 2 ** (attempt - 1) * random.uniform(0.5, 1.0)  # noqa: S311
                seconds = min(seconds, _LONGEST_WAIT)
                if on_wait is not None:
                    on_wait(failure.what, seconds)
                time.sleep(seconds)
        raise self._error("was not asked", 0, "set attempts to 1 or more")

    def _once(self, path: str, body: Mapping[str, Any]) -> Any:
        data = json.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        request = urllib.request.Request(self.base_url + path, data, headers, method="POST")  # noqa: S310  (http, https only)
        try:
            with self._opener().open(request, timeout=self.timeout) as response:
                text = response.read(_LARGEST_ANSWER)
            return json.loads(text)
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from None
        except TimeoutError:
            raise _PassingError(f"no answer within {self.timeout:g} s") from None
        except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
            raise _PassingError(f"cannot be reached: {getattr(error, 'reason', '') or error or type(error).__name__}") from None
        except ValueError:
            raise _PassingError("answered with something that is no JSON") from None

    def _opener(self) -> urllib.request.OpenerDirector:
        here = _is_this_machine(urllib.parse.urlsplit(self.base_url).hostname or "")
        return urllib.request.build_opener(_NoRedirect, *([urllib.request.ProxyHandler({})] if here else []))

    def _refusal(self, error: urllib.error.HTTPError) -> Exception:
        said = self._without_key(_message_in(error.read(_LARGEST_ANSWER)))
        what = f"answers {error.code} {error.reason}" + (f": {said}" if said else "")
        if error.code in _PASSING:
            return _PassingError(what, error.code, _seconds(error.headers.get("Retry-After")))
        return self._error(what, error.code, _ADVICE.get(error.code, ""))

    def _error(self, what: str, status: int, fix: str) -> EndpointError:
        return EndpointError(self._without_key(what), where=self.base_url, fix=fix, status=status)

    def _without_key(self, text: str) -> str:
        """Servers like to quote the key they do not know."""
        return text.replace(self.key, "***") if self.key else text


class _PassingError(Exception):
    """A failure that may be over the next time."""

    def __init__(self, what: str, status: int = 0, wait: float = 0.0) -> None:
        super().__init__(what)
        self.what, self.status, self.wait = what, status, wait


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _message_in(body: bytes) -> str:
    """What an error body says, in the form most servers use, else its beginning."""
    text = body.decode("utf-8", "replace").strip()
    try:
        error = json.loads(text).get("error")
        said = error.get("message") if isinstance(error, dict) else error
    except (ValueError, AttributeError):
        said = text
    return " ".join(str(said or text).split())[:_SHOWN]


def _seconds(header: str | None) -> float:
    try:
        return max(0.0, float(header or 0))
    except ValueError:  # a date
        return 0.0
