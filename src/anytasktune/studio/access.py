"""The door of the studio: who may ask, from which page, how much; and the headers of every reply.

A page of another origin can send requests to this machine, even under a name that leads here (DNS rebinding). So the Host must
be this machine's, a cookie from the start address is needed, and anything but reading must come from a page of the studio.
"""

import hmac
import secrets
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 64 << 20
"""Of the body of a request."""
START_PATH = "/start"
OPEN_PATHS = "/static/"
_HOSTS = {"127.0.0.1", "localhost", "[::1]"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Refusal = Callable[[Request, int, str], Response]
"""Makes the page of a refusal from its status and the name of its text."""


class Door:
    """The secrets of one start of the studio.

    Attributes:
        token: of the start address; empty once it was used.
        cookie_name: differs between studios, since a browser sends cookies to every port.
    """

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(24)
        self.cookie_name = f"anytasktune_{secrets.token_hex(4)}"
        self._session = secrets.token_urlsafe(32)

    def knows(self, request: Request) -> bool:
        """Whether the request carries the cookie."""
        given = request.cookies.get(self.cookie_name, "")
        return hmac.compare_digest(given.encode(), self._session.encode())

    def enter(self, request: Request) -> Response | None:
        """The reply to the start address; None where its token is wrong or was used."""
        if not self.knows(request):
            given = request.query_params.get("token", "")
            if not self.token or not hmac.compare_digest(given.encode(), self.token.encode()):
                return None
            self.token = ""
        reply = RedirectResponse("/", status_code=303)
        reply.set_cookie(self.cookie_name, self._session, httponly=True, samesite="strict")
        return reply


class AccessMiddleware:
    """Refuses requests that do not come from the studio's own pages, and adds the headers."""

    def __init__(self, app: ASGIApp, door: Door, refuse: Refusal) -> None:
        self.app = app
        self.door = door
        self.refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        reply = self._reply(request)
        await (reply or self.app)(scope, _bounded(receive), send_with_headers)

    def _reply(self, request: Request) -> Response | None:
        """The reply of the door; None for a request that may go on."""
        headers, path = request.headers, request.url.path
        host = headers.get("host", "")
        name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
        if name.lower() not in _HOSTS:
            return self.refuse(request, 421, "foreign_host")
        if path == START_PATH and request.method == "GET":
            return self.door.enter(request) or self.refuse(request, 403, "used_token")
        if path.startswith(OPEN_PATHS):
            return None
        if not self.door.knows(request):
            return self.refuse(request, 403, "no_cookie")
        if request.method not in ("GET", "HEAD") and headers.get("sec-fetch-site") != "same-origin":
            return self.refuse(request, 403, "cross_site")
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MOST_BYTES:
            return self.refuse(request, 413, "large_body")
        return None


def _bounded(receive: Receive) -> Receive:
    """The messages of a request; a body that was not announced ends where it is too large."""
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MOST_BYTES:
            raise HTTPException(413, "large_body")
        return message

    return bounded
