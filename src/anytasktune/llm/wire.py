"""One request over HTTP, and what can come of it; nothing is repeated here."""

import asyncio
import json
import ssl
from typing import Any

import aiohttp

from anytasktune.llm.endpoint import Endpoint, RequestError
from anytasktune.llm.server_errors import WEB_PAGE_FIX, page_title, refusal
from anytasktune.llm.server_events import is_stream, joined
from anytasktune.text.plain_text import shorten

LARGEST_ANSWER = 16 * 2**20
"""Bytes of a response; what is longer is no answer."""
_LONGEST_CONNECT = 20.0
_SHOWN = 300


class Wire:
    """Connections to one endpoint, kept open between requests; an async context."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._proxy = endpoint.proxy
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Wire":
        timeout = self._endpoint.timeout
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # how many there are is decided elsewhere
            headers={"Content-Type": "application/json", "Accept-Encoding": "identity"} | self._endpoint.headers,
            timeout=aiohttp.ClientTimeout(total=timeout, connect=min(timeout, _LONGEST_CONNECT)),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, body: bytes) -> Any:
        """The decoded JSON that is answered to a JSON body; a stream is put together. Secrets in it are replaced.

        Raises:
            RequestError: there is no such answer.
        """
        redact = self._endpoint.redact
        try:
            status, reason, headers, data = await self._exchange(body)
        except aiohttp.ClientHttpProxyError as error:
            raise RequestError(
                "denied", f"the proxy answers {error.status} {redact(error.message)}".rstrip(), error.status
            ) from None
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError, aiohttp.InvalidURL, ssl.SSLError) as error:
            raise RequestError("unreachable", f"cannot be reached: {self._reason(error)}") from None
        except TimeoutError:
            what = f"no answer within {self._endpoint.timeout:g} s"
            raise RequestError("silent", what, unpaid=False) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise RequestError("dropped", f"the connection broke: {self._reason(error)}", unpaid=False) from None
        if status != 200:
            raise refusal(status, reason, headers.get("Retry-After"), headers.get("Location", ""), data, redact)
        try:
            response = joined(data) if is_stream(headers.get("Content-Type", ""), data) else json.loads(data)
        except (ValueError, RecursionError):
            if page := page_title(data[: 2**16].decode("utf-8", "replace")):
                raise RequestError("foreign", redact(f"answers with {page}"), unpaid=False, fix=WEB_PAGE_FIX) from None
            raise RequestError("broken", "answered with something that is no JSON", unpaid=False) from None
        return redact.in_json(response)

    async def _exchange(self, body: bytes) -> tuple[int, str, Any, bytes]:
        if self._session is None:
            raise RuntimeError("the connections are not open")
        async with self._session.post(self._endpoint.url, data=body, allow_redirects=False, proxy=self._proxy) as response:
            parts: list[bytes] = []
            size = 0
            async for part in response.content.iter_any():
                parts.append(part)
                size += len(part)
                if size > LARGEST_ANSWER:
                    response.close()
                    raise ValueError(f"more than {LARGEST_ANSWER >> 20} MiB")
            return response.status, response.reason or "", response.headers, b"".join(parts)

    def _reason(self, error: BaseException) -> str:
        inner = getattr(error, "os_error", None)
        if isinstance(error, aiohttp.ServerDisconnectedError):
            return "it was closed without an answer"
        if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
            return "no connection in time"
        said = str((inner and inner.strerror) or inner or error or type(error).__name__)
        return shorten(self._endpoint.redact(said), _SHOWN)
