"""The door of the server: who may ask, and how large and how slow a request may be.

A page in a browser can send requests to this machine under a name that leads here (DNS rebinding); so only names of this
machine and numeric addresses are answered, and no other origin is told that it may read replies.
"""

import asyncio
import hmac
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anytasktune.serving.api_errors import ApiError

_OPEN_PATHS = ("/health", "/ready")
_READ_ON = 16
"""A body up to so many times too large is read to its end: clients read the refusal only when they have sent all."""


@dataclass(frozen=True)
class RequestRules:
    """Rules for requests.

    Attributes:
        token: bearer token that requests must carry; empty: none.
        host: name or address the server is reached at, allowed in the Host header.
        most_bytes: of a body.
        body_seconds: in which a body must arrive.
    """

    token: str = field(default="", repr=False)
    host: str = "127.0.0.1"
    most_bytes: int = 1 << 20
    body_seconds: float = 30.0

    def check(self, headers: Headers, path: str) -> None:
        """Raise ApiError for a request that may not be answered."""
        if not self._is_ours(headers.get("host", "")):
            message = "the Host header names another machine; use localhost, this machine's name or its address"
            raise ApiError(421, message, code="foreign_host")
        if self.token and path not in _OPEN_PATHS:
            given = headers.get("authorization", "").removeprefix("Bearer ").encode()
            if not hmac.compare_digest(given, self.token.encode()):
                message = "a token is needed: send the header Authorization: Bearer TOKEN"
                raise ApiError(
                    401, message, kind="authentication_error", code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"}
                )
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > _READ_ON * self.most_bytes:
            raise self.too_large()

    def too_large(self) -> ApiError:
        """The refusal of a large body."""
        return ApiError(
            413, f"the body is larger than {self.most_bytes:,} bytes", code="body_too_large", headers={"Connection": "close"}
        )

    def _is_ours(self, header: str) -> bool:
        name = header.strip().lower()
        name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        if name in {"localhost", self.host.lower(), socket.gethostname().lower()}:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


class RequestGuardMiddleware:
    """Refuses requests by the rules, and reads the bodies of others before they are handed on.

    Attributes:
        on_reply: receives path and status of each reply.
    """

    def __init__(self, app: ASGIApp, rules: RequestRules, on_reply: Callable[[str, int], None]) -> None:
        self.app = app
        self.rules = rules
        self.on_reply = on_reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.on_reply(scope["path"], message["status"])
            await send(message)

        try:
            self.rules.check(Headers(scope=scope), scope["path"])
            body = await self._body(receive)
        except ApiError as error:
            await error.response()(scope, receive, counted)
            return
        if body is not None:
            await self.app(scope, _replayed(body, receive), counted)

    async def _body(self, receive: Receive) -> bytes | None:
        """The whole body; None if the client has gone."""
        parts, size = [], 0
        try:
            async with asyncio.timeout(self.rules.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    part, ended = message.get("body", b""), not message.get("more_body")
                    size += len(part)
                    if size <= self.rules.most_bytes:
                        parts.append(part)
                    elif ended or size > _READ_ON * self.rules.most_bytes:
                        raise self.rules.too_large()
                    if ended:
                        return b"".join(parts)
        except TimeoutError:
            message_text = f"the body did not arrive within {self.rules.body_seconds:g} seconds"
            raise ApiError(
                408, message_text, kind="timeout_error", code="body_timeout", headers={"Connection": "close"}
            ) from None


def _replayed(body: bytes, receive: Receive) -> Callable[[], Awaitable[Message]]:
    """Messages of a request whose body was read already."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
