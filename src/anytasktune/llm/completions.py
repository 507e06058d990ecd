"""Responses of a server, read with care: the completion in a response, and the JSON in a completion."""

import ast
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from anytasktune.errors import ConfigError
from anytasktune.llm.asking import MisfitError
from anytasktune.llm.costs import Tokens, most_answer_tokens
from anytasktune.llm.endpoint import Endpoint, RequestError
from anytasktune.llm.server_errors import error_in_ok
from anytasktune.outputs.schema_validation import schema_fault
from anytasktune.schema.kept_answers import TeacherAnswer
from anytasktune.text.plain_text import normalise

_THINKING = "think|thinking|thought|thoughts|reasoning|reflection|analysis|scratchpad|seed:think"
_OPENING = re.compile(
    rf"<(?P<tag>{_THINKING})(?:\s[^<>]*)?>|\[(?P<upper>THINK|THINKING|THOUGHT|REASONING)\]|◁(?P<wide>think)▷"
    r"|<\|(?P<bar>begin_of_thought|start_thinking|think)\|>|<\|channel\|>(?P<channel>analysis|commentary)[^<{]*<\|message\|>"
    r"|<unused94>(?P<unused>thought)",
    re.I,
)
_CLOSING = re.compile(
    rf"</(?:{_THINKING})>|\[/(?:THINK|THINKING|THOUGHT|REASONING)\]|◁/think▷|<\|(?:end_of_thought|end_thinking|/think)\|>"
    r"|<\|end\|>(?=\s*<\|start\|>)|(?=<\|channel\|>final)|<unused95>",
    re.I,
)
_SURELY_THINKING = frozenset({"think", "thinking", "thought"})
"""Marks without an end that are taken for thinking wherever they stand; others may be words of a text."""
_THOUGHT = "thought"
_ENDS_IN_OBJECT = re.compile(r"\}\s*(?:```)?\s*$")
_TRAILING_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', re.S)
_LONGEST_LITERAL = 20_000
_NO_OBJECT = "there is no JSON object in it"


class UndecodableError(MisfitError):
    """An answer without a JSON object."""


def read_completion(response: Any, model: str, worst: Tokens, endpoint: Endpoint) -> TeacherAnswer:
    """The answer in a response; where its tokens are not reported, the most there can be are counted.

    An answer that a server puts into its field for thoughts is taken from there, if it is nothing but an answer.

    Raises:
        RequestError: it is no chat completion.
    """
    choices = response.get("choices") if isinstance(response, dict) else None
    if not choices:
        if (failure := error_in_ok(response, endpoint.redact)) is not None:
            raise failure
        if choices == []:
            what = "answers with an empty list of choices"
            raise RequestError("refused", what, unpaid=False, negotiable=False)
        raise RequestError("foreign", "answers, but not as a chat completion", unpaid=False)
    try:
        choice = choices[0]
        message = choice["message"]
        content = _text(message.get("content"))
        thought = _text(message.get("reasoning_content") or message.get("reasoning"))
    except (KeyError, IndexError, TypeError, AttributeError):
        raise RequestError("foreign", "answers, but not as a chat completion", unpaid=False) from None
    finish: Literal["stop", "length", "content_filter"] = "stop"
    if choice.get("finish_reason") in {"length", "content_filter"}:
        finish = choice["finish_reason"]
    if not content.strip() and finish == "stop" and _ENDS_IN_OBJECT.search(thought):
        content, thought = thought, ""
    reported = response.get("usage")
    usage: Mapping[str, Any] = reported if isinstance(reported, dict) else {}
    prompt, answer = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if not prompt:
        cut = finish == "length"
        prompt, answer = worst.prompt, worst.answer if cut else most_answer_tokens(f"{content}{thought}", worst.answer)
    return TeacherAnswer(model=model, content=content, finish=finish, prompt_tokens=prompt, answer_tokens=answer)


def _text(content: Any) -> str:
    """The text of a message: one, or a list of parts; half characters, which no file can hold, are replaced."""
    if content is None:
        return ""
    if isinstance(content, list):
        texts = [part for part in content if part.get("type", "text") in {"text", "output_text"}]
        content = "".join(part["text"] if "text" in part else part["content"] for part in texts)
    if not isinstance(content, str):
        raise TypeError
    return whole_characters(content)


def whole_characters(text: str) -> str:
    """The text with `?` for each half of a surrogate pair."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _count(value: Any) -> int:
    """A number of tokens, which some servers write as a text or with a point."""
    try:
        return max(0, int(float(value))) if not isinstance(value, bool) else 0
    except (TypeError, ValueError, OverflowError):
        return 0


def decode(text: str, schema: Mapping[str, Any]) -> Any:
    """The JSON object in an answer that fits `schema`, the last one if there are several; else the last object there is.

    Thoughts, whatever the marks around them, are no answer; code fences and politeness are passed over.

    Raises:
        MisfitError: there is none, or it is not whole.
    """
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        whole = None
    found = list(_objects_in(whole if isinstance(whole, str) else text))  # some models write their JSON as a JSON text
    if _THOUGHT in found:
        found = found[len(found) - found[::-1].index(_THOUGHT) :]
    objects = [value for value in found if isinstance(value, dict)]
    if not objects:
        raise UndecodableError(next((fault for fault in reversed(found) if isinstance(fault, str)), _NO_OBJECT))
    fitting = [value for value in objects if _fits(value, dict(schema))] if len(objects) > 1 else []
    return (fitting or objects)[-1]


def without_thoughts(text: str) -> str:
    """The words of an answer that are no thoughts."""
    at, said = 0, ""
    while (opening := _OPENING.search(text, at)) is not None:
        said += text[at : opening.start()]
        closing = _CLOSING.search(text, opening.end())
        if closing is None:
            return said
        at = closing.end()
    rest = text[at:]
    closing = None if at else _CLOSING.search(rest)  # some models begin to think without a mark
    return said + (rest[closing.end() :] if closing else rest)


def _fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether an object fits; words of a closed list may be written with other case, width or space."""
    try:
        return not schema_fault(schema, value) or not schema_fault(_normalised(schema, lists_only=True), _normalised(value))
    except ConfigError:  # checking it takes too much work
        return False


def _normalised(value: Any, *, lists_only: bool = False) -> Any:
    if isinstance(value, dict):
        return {key: _normalised(part, lists_only=lists_only and key not in {"enum", "const"}) for key, part in value.items()}
    if isinstance(value, list):
        return [_normalised(part, lists_only=lists_only) for part in value]
    return normalise(value) if isinstance(value, str) and not lists_only else value


def _objects_in(text: str) -> Iterator[dict[str, Any] | str]:
    """The objects outside of thoughts, or the faults in them, in their order; `_THOUGHT` where all before was thought."""
    at, opening, closing = 0, _OPENING.search(text), _CLOSING.search(text)
    while at >= 0:
        # a mark that is still ahead is not looked for again: that would take the square of a text full of braces
        opening = _OPENING.search(text, at) if opening is not None and opening.start() < at else opening
        closing = _CLOSING.search(text, at) if closing is not None and closing.start() < at else closing
        brace = text.find("{", at)
        places = [len(text) if mark is None else mark.start() for mark in (opening, closing)]
        if 0 <= brace < min(places):
            value, at = _decoded(text, brace)
            yield value
        elif closing is not None and closing.start() <= places[0]:
            yield _THOUGHT
            at = closing.end() + (closing.start() == closing.end())
        elif opening is None:
            return
        elif (end := _CLOSING.search(text, opening.end())) is not None:
            at = end.end() + (end.start() == end.end())
        elif opening.group(opening.lastgroup or 0).lower() in _SURELY_THINKING or not text[: opening.start()].strip():
            yield f"it ends in the middle of thinking, and {_NO_OBJECT}"
            return
        else:
            at = opening.end()


def _decoded(text: str, start: int) -> tuple[dict[str, Any] | str, int]:
    """The object that starts at a brace, or the fault in it; and where to go on, -1 if there is nothing more to find."""
    try:
        value, end = _DECODER.raw_decode(text, start)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        return value, end
    except RecursionError:
        return "it is nested too deeply", -1
    except UnicodeEncodeError:
        fault = "a text in it ends in half a character"
    except json.JSONDecodeError as error:
        fault = f"it is no JSON: {error.msg} at character {error.pos + 1}"
        if not text[start + 1 : error.pos].strip() and not text.startswith("{'", start):
            return fault, start + 1  # a brace of the prose around it is followed by no key
        end = _end_of_braces(text, start)
        repaired = _repaired(text[start:end]) if end > 0 else None
        return (fault if repaired is None else repaired), end
    except MisfitError as misfit:
        fault = str(misfit)
    except ValueError:
        fault = "a number in it is too large"
    return fault, _end_of_braces(text, start)


def _repaired(piece: str) -> dict[str, Any] | None:
    """An object with a comma too many, or in Python's spelling: small models often write so."""
    try:
        value = json.loads(_TRAILING_COMMA.sub(lambda match: match[1] or "", piece), parse_constant=_refuse)
    except (ValueError, RecursionError):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about backslashes
                value = ast.literal_eval(piece) if len(piece) <= _LONGEST_LITERAL else None
            json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return None
    return value if isinstance(value, dict) and all(isinstance(key, str) for key in value) else None


def _end_of_braces(text: str, start: int) -> int:
    """End of the braces opened at `start`; -1 where they are not closed, so that all the rest stands inside of them."""
    depth, quote = 0, ""
    quotes = "\"'" if text.startswith("{'", start) else '"'
    for match in re.compile(r"\\.|[\"'{}]", re.S).finditer(text, start):
        char = match.group()
        if char in quotes and quote in {"", char}:
            quote = "" if quote else char
        elif not quote and char in "{}":
            depth += 1 if char == "{" else -1
            if depth == 0:
                return match.end()
    return -1


def _refuse(name: str) -> Any:
    raise MisfitError(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(parse_constant=_refuse, strict=False)
