"""Bodies that are slow or come from clients that have gone never reach the application."""

import asyncio
from collections.abc import Sequence

from starlette.types import Message, Receive, Scope, Send

from anytasktune.serving.request_guard import RequestGuardMiddleware, RequestRules


def statuses(messages: Sequence[Message | None], rules: RequestRules) -> list[int]:
    """Statuses of the replies to a request whose parts these are; at None nothing comes any more."""
    sent: list[int] = []

    async def application(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def request() -> None:
        waiting = list(messages)

        async def receive() -> Message:
            message = waiting.pop(0) if waiting else None
            if message is None:
                await asyncio.Event().wait()
            return message or {}

        async def send(_: Message) -> None:
            pass

        scope = {"type": "http", "path": "/v1/models", "method": "POST", "headers": [(b"host", b"localhost")]}
        await RequestGuardMiddleware(application, rules, lambda _, status: sent.append(status))(scope, receive, send)

    asyncio.run(request())
    return sent


def part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_that_does_not_end_is_given_up() -> None:
    assert statuses([part(b"{", more=True), None], RequestRules(body_seconds=0.05)) == [408]


def test_a_client_that_goes_while_it_sends_is_not_answered() -> None:
    assert statuses([part(b"{", more=True), {"type": "http.disconnect"}], RequestRules()) == []


def test_bodies_are_measured_as_they_come() -> None:
    rules = RequestRules(most_bytes=10)
    assert statuses([part(b"12345", more=True), part(b"67890", more=False)], rules) == [200]
    assert statuses([part(b"12345", more=True), part(b"678901", more=True), part(b"", more=False)], rules) == [413]
    assert statuses([part(b"x" * 1000, more=True), None], rules) == [413]
