"""What a server answered, read with care: the completion in a response, and the JSON in a completion."""

import json
from collections.abc import Mapping
from typing import Any

from anytasktune.llm.asking import MisfitError
from anytasktune.llm.costs import Tokens, most_answer_tokens
from anytasktune.llm.endpoint import RequestError
from anytasktune.schema.exchange import TeacherAnswer

_SHOWN = 300


def read_completion(response: Any, model: str, worst: Tokens) -> TeacherAnswer:
    """The answer in a response; where its tokens are not reported, what they can be at most is counted.

    Raises:
        RequestError: it is no chat completion.
    """
    try:
        choice = response["choices"][0]
        message = choice["message"]
        content = _text(message["content"])
        cut = choice.get("finish_reason") == "length"
        thought = message.get("reasoning_content") or ""
    except (KeyError, IndexError, TypeError, AttributeError):
        raise RequestError("broken", _no_completion(response), unpaid=False) from None
    reported = response.get("usage")
    usage: Mapping[str, Any] = reported if isinstance(reported, dict) else {}
    prompt, answer = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if not prompt:
        prompt, answer = worst.prompt, worst.answer if cut else most_answer_tokens(f"{content}{thought}", worst.answer)
    return TeacherAnswer(model=model, content=content, cut=cut, prompt_tokens=prompt, answer_tokens=answer)


def decode(text: str) -> Any:
    """The JSON object in an answer, passing over what stands around it (thoughts, a code fence, politeness).

    Raises:
        MisfitError: there is none, or it is not whole.
    """
    _, mark, said = text.rpartition("</think>")
    if not mark and said.lstrip().startswith("<think>"):
        raise MisfitError("it ends in the middle of thinking, and there is no JSON object in it")
    fault = "there is no JSON object in it"
    start = said.find("{")
    while start >= 0:
        try:
            return _decoded(said, start)
        except json.JSONDecodeError as error:
            if said[start + 1 : error.pos].strip():  # a brace of the prose around it is followed by no key
                raise MisfitError(f"it is no JSON: {error.msg} at character {error.pos + 1}") from None
            fault = f"it is no JSON: {error.msg} at character {error.pos + 1}"
        start = said.find("{", start + 1)
    raise MisfitError(fault)


def _decoded(text: str, start: int) -> Any:
    try:
        value, _ = _DECODER.raw_decode(text, start)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError:
        raise MisfitError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise MisfitError("a text in it ends in half a character") from None
    except (json.JSONDecodeError, MisfitError):
        raise
    except ValueError:
        raise MisfitError("a number in it is too large") from None
    return value


def _refuse(name: str) -> Any:
    raise MisfitError(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(parse_constant=_refuse, strict=False)


def _text(content: Any) -> str:
    """The text of a message: one, or a list of parts; half characters, which no file can hold, are replaced."""
    if content is None:
        return ""
    if isinstance(content, list):
        content = "".join(part["text"] for part in content if part.get("type", "text") == "text")
    if not isinstance(content, str):
        raise TypeError
    return whole_characters(content)


def whole_characters(text: str) -> str:
    """The text with `?` for each half of a surrogate pair."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _no_completion(response: Any) -> str:
    error = response.get("error") if isinstance(response, dict) else None
    said = error.get("message") if isinstance(error, dict) else error
    return f"answers with an error: {' '.join(str(said).split())[:_SHOWN]}" if said else "answers, but not as a chat completion"
