"""One request over HTTP, and what can come of it; nothing is repeated here."""

import asyncio
import email.utils
import json
import ssl
import time
from typing import Any

import aiohttp

from anytasktune.llm.endpoint import Endpoint, RequestError
from anytasktune.text.plain_text import collapse_space

LARGEST_ANSWER = 16 * 2**20
"""Bytes of a response; what is longer is no answer."""
_LONGEST_CONNECT = 20.0
_SHOWN = 300
_BUSY = frozenset({429, 503, 529})
_BROKEN = frozenset({408, 409, 425, 500, 502, 504, 520, 522, 524})
_GATEWAY = frozenset({408, 502, 504, 520, 522, 524})
"""Somebody in between gave up; the model behind may have worked, and be paid."""
_REFUSED = frozenset({400, 413, 422})
_OF_THE_FORM = ("response_format", "json_schema")
"""Some servers call it an error of their own when they do not know a field; asked the same again they would fail the same."""
_NO_CREDIT = "insufficient_quota"


class Wire:
    """Connections to one endpoint, kept open between requests; an async context."""

    def __init__(self, endpoint: Endpoint, path: str = "/chat/completions") -> None:
        self._endpoint = endpoint
        self._url = endpoint.base_url + path
        self._proxy = endpoint.proxy
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Wire":
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if self._endpoint.key:
            headers["Authorization"] = f"Bearer {self._endpoint.key}"
        timeout = self._endpoint.timeout
        limits = aiohttp.ClientTimeout(total=timeout, connect=min(timeout, _LONGEST_CONNECT))
        connector = aiohttp.TCPConnector(limit=0)  # how many there are is decided elsewhere
        self._session = aiohttp.ClientSession(
            connector=connector, headers=headers, timeout=limits, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, body: bytes) -> Any:
        """The decoded JSON that is answered to a JSON body.

        Raises:
            RequestError: there is no such answer.
        """
        try:
            status, reason, headers, text = await self._exchange(body)
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError, aiohttp.InvalidURL, ssl.SSLError) as error:
            raise RequestError("unreachable", self._shown(f"cannot be reached: {_reason(error)}")) from None
        except TimeoutError:
            what = f"no answer within {self._endpoint.timeout:g} s"
            raise RequestError("silent", what, unpaid=False) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise RequestError("dropped", self._shown(f"the connection broke: {_reason(error)}"), unpaid=False) from None
        if status != 200:
            raise self._refusal(status, reason, headers.get("Retry-After"), text)
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise RequestError("broken", "answered with something that is no JSON", unpaid=False) from None

    async def _exchange(self, body: bytes) -> tuple[int, str, Any, bytes]:
        if self._session is None:
            raise RuntimeError("the connections are not open")
        async with self._session.post(self._url, data=body, allow_redirects=False, proxy=self._proxy) as response:
            parts: list[bytes] = []
            size = 0
            async for part in response.content.iter_any():
                parts.append(part)
                size += len(part)
                if size > LARGEST_ANSWER:
                    response.close()
                    raise ValueError(f"more than {LARGEST_ANSWER >> 20} MiB")
            return response.status, response.reason or "", response.headers, b"".join(parts)

    def _refusal(self, status: int, reason: str, retry_after: str | None, text: bytes) -> RequestError:
        said, code = _message_in(text)
        what = self._shown(f"answers {status} {reason}".rstrip() + (f": {said}" if said else ""))
        if status in _BUSY and code != _NO_CREDIT:
            return RequestError("busy", what, status, _seconds(retry_after))
        if status == 500 and any(field in what for field in _OF_THE_FORM):
            return RequestError("refused", what, status)
        if status in _BROKEN:
            return RequestError("broken", what, status, _seconds(retry_after), unpaid=status not in _GATEWAY)
        return RequestError("refused" if status in _REFUSED else "denied", what, status)

    def _shown(self, text: str) -> str:
        return self._endpoint.without_key(text)


def _reason(error: BaseException) -> str:
    inner = getattr(error, "os_error", None)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "it was closed without an answer"
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        return "no connection in time"
    return str((inner and inner.strerror) or inner or error or type(error).__name__)[:_SHOWN]


def _message_in(body: bytes) -> tuple[str, str]:
    """What an error body says, in the form most servers use, else its beginning; and its code."""
    text = body[: 4 * 2**10 if body[:1] != b"{" else None].decode("utf-8", "replace").strip()
    code = ""
    try:
        whole = json.loads(text)
        error = whole.get("error", whole)
        said = error.get("message") if isinstance(error, dict) else error
        code = str((error.get("code") or error.get("type") or "") if isinstance(error, dict) else "")
    except (ValueError, AttributeError, RecursionError):
        said = text
    return collapse_space(str(said or text))[:_SHOWN], code


def _seconds(header: str | None) -> float:
    """What `Retry-After` says: seconds, or a date (RFC 9110, 10.2.3)."""
    if not header:
        return 0.0
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0
