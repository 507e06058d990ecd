"""Negotiation of the response format: JSON is requested as strictly as the server allows, in words where it allows nothing."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from anytasktune.ids import canonical_json, text_hash
from anytasktune.llm.prompts import OWN, render_prompt
from anytasktune.records import Language

Format = Literal["strict", "schema", "object", "words"]
_FORMATS: tuple[Format, ...] = ("strict", "schema", "object", "words")
_DATA = 2**31
_MOST_DIVIDED = 16
_STREAM = re.compile(r"\bstream(ing)?\b")
_SYSTEM = re.compile(r"\bsystem\b.{0,20}\b(role|message|prompt)|\brole\b.{0,40}\bsystem\b")


@dataclass(frozen=True)
class Request:
    """Everything an answer depends on but the endpoint and the model.

    Attributes:
        messages: the conversation.
        schema: JSON Schema of the answer.
        language: of what is added to the conversation.
        temperature: 0 for the likeliest answer.
        sample: which of several answers this is.
        max_tokens: longest answer.
    """

    messages: Sequence[Mapping[str, str]]
    schema: Mapping[str, Any]
    language: Language
    temperature: float
    sample: int
    max_tokens: int

    @cached_property
    def schema_name(self) -> str:
        """Name of the schema: equal schemas have equal names."""
        return canonical_json(self.schema)

    def key(self, *where: str) -> str:
        """Name of its answer, 64 hex digits: 12 are too few to tell millions apart. `where` are the address and the model."""
        parts = [self.messages, self.schema, self.temperature, self.sample, self.max_tokens]
        return text_hash(canonical_json([*where, *parts]))


@dataclass(frozen=True)
class RequestForm:
    """The fields of a request, and how it asks for JSON.

    Attributes:
        format: how the schema is given: to be kept strictly, to be kept, in words with JSON asked for, in words.
        sampled: whether temperature and seed are given.
        limit: name of the longest answer.
        divided: by how much the longest answer is cut down to fit what the model can hold.
        stream: whether the answer is to come as a stream; with its usage, or without.
        no_thinking: whether the model is told not to think.
        system_first: whether a system message may stand first; else it becomes the beginning of the next one.
    """

    format: Format = "strict"
    sampled: bool = True
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    divided: int = 1
    stream: Literal["", "usage", "plain"] = ""
    no_thinking: bool = False
    system_first: bool = True

    def fields(
        self, model: str, messages: Sequence[Mapping[str, str]], most_tokens: int, sampling: Mapping[str, Any]
    ) -> dict[str, Any]:
        """All fields of a request but its response format."""
        said = [dict(message) for message in messages]
        if not self.system_first and len(said) > 1 and said[0]["role"] == "system":
            system = said.pop(0)
            said[0]["content"] = f"{system['content']}\n\n{said[0]['content']}"
        whole: dict[str, Any] = {"model": model, "messages": said, self.limit: -(-most_tokens // self.divided)}
        if self.sampled:
            whole |= sampling
        if self.stream:
            whole |= {"stream": True} | ({"stream_options": {"include_usage": True}} if self.stream == "usage" else {})
        if self.no_thinking:
            whole["enable_thinking"] = False
        return whole

    def simpler(self, said: str) -> "RequestForm | None":
        """The form to try after a server refused this one and said why; None if there is nothing left to change."""
        text = said.lower()
        limits = text.replace("max_completion_tokens", "")
        if "enable_thinking" in text and not self.no_thinking:
            return replace(self, no_thinking=True)
        if "stream_options" in text and self.stream == "usage":
            return replace(self, stream="plain")
        if _STREAM.search(text) and not self.stream:
            return replace(self, stream="usage")
        if _SYSTEM.search(text) and self.system_first:
            return replace(self, system_first=False)
        if self.limit == "max_tokens" and limits != text and "max_tokens" in limits:
            return replace(self, limit="max_completion_tokens")
        too_long = "context" in text and any(word in text for word in ("length", "window", "size"))
        if self.divided < _MOST_DIVIDED and (too_long or "max_tokens" in text):
            return replace(self, divided=self.divided * 4)
        if too_long:
            return None
        if self.sampled and ("temperature" in text or "seed" in text):
            return replace(self, sampled=False)
        if self.format != "words":
            return replace(self, format=_FORMATS[_FORMATS.index(self.format) + 1])
        return replace(self, sampled=False) if self.sampled else None


@dataclass
class Negotiation:
    """The forms a server was found to accept: of the response format per schema, of all else for every request.

    Attributes:
        in_words: schemas that the server accepts but does not keep to; they are given in words, too.
    """

    accepted: dict[str, Format] = field(default_factory=dict)
    usual: RequestForm = field(default_factory=RequestForm)
    in_words: set[str] = field(default_factory=set)

    def first(self, request: Request) -> RequestForm:
        """The form to start with."""
        strict: Format = "strict" if is_strict(request.schema) else "schema"
        return replace(self.usual, format=self.accepted.get(request.schema_name, strict))

    def accept(self, request: Request, form: RequestForm) -> None:
        """The server accepted this form."""
        self.accepted[request.schema_name] = form.format
        self.usual = replace(form, divided=1)

    def schema_ignored(self, request: Request) -> None:
        """The answer was no JSON although the schema was given."""
        self.in_words.add(request.schema_name)

    def body(self, request: Request, model: str, form: RequestForm) -> bytes:
        """The request as it goes over the wire."""
        messages = [dict(message) for message in request.messages]
        if form.format in {"object", "words"} or request.schema_name in self.in_words:
            messages[0]["content"] += f"\n\n{schema_in_words(request.schema, request.language)}"
        sampling: dict[str, Any] = {"temperature": request.temperature}
        if request.temperature > 0:
            sampling["seed"] = int(request.key()[:8], 16) % _DATA
        whole = form.fields(model, messages, request.max_tokens, sampling)
        if form.format in {"strict", "schema"}:
            wanted = {"name": "answer", "schema": request.schema} | ({"strict": True} if form.format == "strict" else {})
            whole["response_format"] = {"type": "json_schema", "json_schema": wanted}
        elif form.format == "object":
            whole["response_format"] = {"type": "json_object"}
        return json.dumps(whole, ensure_ascii=False).encode()


def schema_in_words(schema: Mapping[str, Any], language: Language) -> str:
    """The schema as a text for a model."""
    return render_prompt(OWN, "json_only", language, schema=json.dumps(schema, ensure_ascii=False))


def is_strict(schema: Any) -> bool:
    """Whether a schema can be enforced by any server that enforces one: objects list all their keys and allow no others."""
    if isinstance(schema, list):
        return all(is_strict(part) for part in schema)
    if not isinstance(schema, Mapping):
        return True
    properties = schema.get("properties")
    if (schema.get("type") == "object" or properties is not None) and (
        schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(properties or ())
    ):
        return False
    return all(is_strict(part) for part in schema.values())
