"""A completion that comes as a stream of server-sent events, put together as if it had come whole."""

import json
from typing import Any

from anytasktune.llm.server_errors import error_in

_TEXTS = ("content", "reasoning_content", "reasoning")


def is_stream(content_type: str, data: bytes) -> bool:
    """Whether a response is a stream, whatever was asked for."""
    return "event-stream" in content_type.lower() or data.lstrip()[:5] == b"data:"


def joined(data: bytes) -> dict[str, Any]:
    """The whole response of a stream; the body of an error where it ends in one.

    Raises:
        ValueError: an event is no JSON, or the stream ended in the middle.
    """
    whole: dict[str, Any] = {}
    message: dict[str, str] = {}
    finish: str | None = None
    ended = False
    for line in data.split(b"\n"):
        if not line.startswith(b"data:"):
            continue
        text = line.removeprefix(b"data:").strip()
        if text == b"[DONE]":
            ended = True
            break
        event = json.loads(text)
        if not isinstance(event, dict):
            raise ValueError("an event is no object")
        choices = event.get("choices")
        if not choices and error_in(event).message:
            return event
        whole |= {key: value for key, value in event.items() if key != "choices" and value is not None}
        for choice in choices or []:
            said = choice.get("delta") or choice.get("message") or {}
            for key in _TEXTS:
                if isinstance(said.get(key), str):
                    message[key] = message.get(key, "") + said[key]
            finish = choice.get("finish_reason") or finish
    if not ended and finish is None:
        raise ValueError("the stream ended in the middle")
    return whole | {"choices": [{"index": 0, "message": {"content": None} | message, "finish_reason": finish or "stop"}]}
