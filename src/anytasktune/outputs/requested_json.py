"""A JSON Schema that a client asks for: checked, and as the grammar of answers that fit it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from anytasktune.errors import ConfigError
from anytasktune.ids import canonical_json
from anytasktune.outputs.json_grammar import json_grammar
from anytasktune.outputs.json_output import JsonOutput
from anytasktune.outputs.json_style import JsonStyle
from anytasktune.outputs.rules import Rules
from anytasktune.outputs.schema_covering import resolved
from anytasktune.outputs.schema_validation import check_json_schema

LARGEST_REQUESTED = 100_000
"""Characters of a schema in a request."""


@dataclass(frozen=True)
class RequestedJson:
    """A JSON Schema that answers are held to."""

    schema: Mapping[str, Any]

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> "RequestedJson":
        """Check a schema.

        Raises:
            ConfigError: it is no JSON Schema, is too large, or refers to itself in every value.
        """
        try:
            size = len(canonical_json(schema))
        except (RecursionError, ValueError):
            raise ConfigError("the schema is nested too deeply", fix="nest less") from None
        if size > LARGEST_REQUESTED:
            what = f"the schema has {size} characters, more than the {LARGEST_REQUESTED} that are read"
            raise ConfigError(what, fix="describe the answer with fewer values")
        check_json_schema(dict(schema))
        ended = _references_with_an_end(schema)
        if not _has_end(schema, ended):
            raise ConfigError("no value fits the schema: it contains itself without end", fix="let a member be left out")
        return cls(schema)

    @property
    def grammar(self) -> str:
        """Grammar (see `outputs.grammar`) of JSON on one line that fits the schema; ConfigError where there is none."""
        return json_grammar(self.schema, Rules(), "", "en", JsonStyle(), strict=True)

    def is_fit(self, text: str) -> bool:
        """Whether an answer fits the schema, no key of an object standing twice."""
        return not any(JsonOutput.model_construct(kind="json", json_schema=dict(self.schema)).violations(text, Rules(), ""))


def _references_with_an_end(schema: Mapping[str, Any]) -> set[str]:
    """References whose target has a value of finite size; found by assuming none, until no more are found."""
    found: set[str] = set()
    every = {reference for reference in _references(schema) if isinstance(reference, str)}
    while more := {name for name in every - found if _has_end(resolved(schema, name), found)}:
        found |= more
    return found


def _references(part: Any) -> Iterator[Any]:
    for child in part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ():
        yield from _references(child)
    if isinstance(part, Mapping) and isinstance(part.get("$ref"), str):
        yield part["$ref"]


def _has_end(schema: Any, ended: set[str]) -> bool:
    """Whether some value of the schema needs no reference but those in `ended`."""
    if not isinstance(schema, Mapping) or "enum" in schema or "const" in schema:
        return True
    if schema.get("$ref", None) is not None and schema["$ref"] not in ended:
        return False
    for kind in ("anyOf", "oneOf"):
        if kind in schema and not any(_has_end(part, ended) for part in schema[kind]):
            return False
    if not all(_has_end(part, ended) for part in schema.get("allOf", ())):
        return False
    given = schema.get("type", "any")
    kinds = {given} if isinstance(given, str) else set(given)
    as_object = [schema.get("properties", {}).get(name, True) for name in schema.get("required", ())]
    as_array = [schema.get("items", True)] if schema.get("minItems", 0) else []
    return bool(
        kinds - {"object", "array"}
        or ("object" in kinds and all(_has_end(part, ended) for part in as_object))
        or ("array" in kinds and all(_has_end(part, ended) for part in as_array))
    )
