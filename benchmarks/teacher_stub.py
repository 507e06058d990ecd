"""`python -m benchmarks.teacher_stub WORDS`: an endpoint that answers at once, to find out what asking itself costs.

It prints its port, and serves until its standard input ends.
"""

import asyncio
import json
import sys

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Stub(asyncio.Protocol):
    """HTTP/1.1 with connections kept open, as far as an honest client needs it."""

    def __init__(self, response: bytes) -> None:
        self._response = response
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            _, _, after = self._received[:end].lower().partition(b"content-length:")
            whole = end + 4 + int(after.split(b"\r\n")[0])
            if len(self._received) < whole:
                return
            self._received = self._received[whole:]
            self._transport.write(self._response)


def response(words: int) -> bytes:
    """A completion of so many words, as it goes over the wire."""
    content = json.dumps({"text": " ".join(["answer"] * words)})
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 300, "completion_tokens": words, "total_tokens": 300 + words}
    body = json.dumps({"id": "x", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}).encode()
    return _HEAD % len(body) + body


async def main(words: int) -> None:
    """Serve."""
    whole = response(words)
    server = await asyncio.get_running_loop().create_server(lambda: Stub(whole), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
