"""An HTTP server on an address of this machine: uvicorn, with a time limit for half-sent heads and an orderly end."""

import asyncio
import contextlib
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

_END_SECONDS = 20
"""Time that running requests have to end when the server is stopped."""
_BACKLOG = 512


class HeaderTimeoutProtocol(H11Protocol):
    """Closes connections whose request line and headers do not arrive in time; uvicorn itself waits for ever."""

    head_seconds = 10.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time of the first head."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.head_seconds, self._close)

    def data_received(self, data: bytes) -> None:
        """Read data; start the time where a head has begun, end it where one is complete."""
        super().data_received(data)
        if str(self.conn.their_state) != "IDLE":
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.head_seconds, self._close)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the time."""
        self._stop()
        super().connection_lost(exc)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        self.transport.close()


class _Uvicorn(uvicorn.Server):
    """Ends on Ctrl-C and SIGTERM after the running requests, as an ordinary end of the program."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Catch the signals that end the server, in the main thread, and give them back at the end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        names = [signal.SIGINT, signal.SIGTERM]
        before = {name: signal.signal(name, self.handle_exit) for name in names}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)


class HttpServer:
    """A server on its address, ready to run.

    Attributes:
        address: where it is reached.
    """

    def __init__(self, app: FastAPI, listener: socket.socket, end_seconds: int = _END_SECONDS) -> None:
        host, port = listener.getsockname()[:2]
        self.address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self._listener = listener
        options: dict[str, Any] = {"log_config": None, "access_log": False, "log_level": "critical", "lifespan": "off"}
        options |= {"ws": "none", "server_header": False, "date_header": True, "timeout_keep_alive": 15}
        options |= {
            "timeout_graceful_shutdown": end_seconds,
            "http": HeaderTimeoutProtocol,
            "backlog": _BACKLOG,
            "proxy_headers": False,
        }
        self._server = _Uvicorn(uvicorn.Config(app, **options))

    def run(self) -> None:
        """Answer requests until the process is told to end, or `stop` is called."""
        with self._listener:
            asyncio.run(self._server.serve(sockets=[self._listener]))

    def stop(self) -> None:
        """End `run`, from another thread."""
        self._server.should_exit = True


def listening(host: str, port: int) -> socket.socket:
    """A socket on an address; OSError if it is taken or not of this machine.

    Args:
        port: 0 for one that is free.
    """
    family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, kind)
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
    except OSError:
        listener.close()
        raise
    return listener
