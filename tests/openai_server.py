"""A real HTTP server on this machine that answers like an OpenAI-compatible endpoint, and misbehaves when told to."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-local-0123456789"


@dataclass(frozen=True)
class Raw:
    """An answer as it goes over the wire; `cut` closes the connection in the middle of it."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


Answer = str | dict[str, Any] | Raw
Answers = Callable[[dict[str, Any]], Answer]


def completion(content: str, finish: str = "stop") -> dict[str, Any]:
    """A chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion", "choices": [choice], "usage": {"prompt_tokens": 30, "completion_tokens": 7}}


def error(status: int, message: str, **headers: str) -> Raw:
    """An error in OpenAI's form."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Raw(status, json.dumps({"error": {"message": message, "type": "some_error"}}), named)


@dataclass
class Served:
    """A running server.

    Attributes:
        url: its base address.
        bodies: every request as it was decoded.
        keys: the Authorization header of each.
        paths: the path and query of each.
    """

    url: str
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


def in_turn(*answers: Answer) -> Answers:
    """One answer after the other, the last one for ever."""
    rest = list(answers)
    return lambda _: rest.pop(0) if len(rest) > 1 else rest[0]


@contextmanager
def serving(answers: Answers) -> Iterator[Served]:
    """Serve until the block ends; a text is the content of a completion, a dict a whole response."""
    served = Served("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.bodies.append(body)
            served.keys.append(self.headers.get("Authorization", ""))
            served.paths.append(self.path)
            path = "/" + self.path.split("/", 3)[3] if self.path.startswith("http://") else self.path  # as a proxy gets it
            answer = answers(body) if path.partition("?")[0] == "/v1/chat/completions" else error(404, "no such path")
            raw = answer if isinstance(answer, Raw) else Raw(200, json.dumps(as_response(answer), ensure_ascii=False))
            data = raw.body.encode()
            self.send_response(raw.status)
            for name, value in raw.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            with suppress(ConnectionError):  # who asked may have lost patience
                self.end_headers()
                self.wfile.write(data[: len(data) // 2] if raw.cut else data)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 256  # or many at once wait a second for their connection

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def as_response(answer: str | dict[str, Any]) -> dict[str, Any]:
    return completion(answer) if isinstance(answer, str) else answer
