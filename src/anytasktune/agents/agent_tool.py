"""A tool for agents: its schema, the check of its arguments, and the form of its replies."""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from anytasktune.errors import DataError
from anytasktune.outputs.schema_validation import schema_fault

LONGEST_TEXT = 20_000
"""Characters of one text in a reply; longer ones are cut."""
LONGEST_REPLY = 60_000
"""Characters of a whole reply."""
LONGEST_INPUT = 200_000
_NAME_LENGTH = 64
"""Longest name of a tool that all clients take."""
_NOT_PLAIN = re.compile(r"[^\x00-\x7e]")
_STEERING = {"Cc", "Cf", "Zl", "Zp"}

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class AgentTool:
    """A function that an agent may call.

    Attributes:
        title: for people.
        description: for the model that chooses among tools.
        properties: JSON Schema of each argument.
        required: names of the arguments that must be given.
        call: does it, and returns a value that can be written as a JSON object.
        reads_only: whether nothing is changed by it.
        output_schema: of the reply; None where it has many forms.
    """

    name: str
    title: str
    description: str
    properties: Mapping[str, dict[str, Any]]
    required: tuple[str, ...]
    call: Callable[[Arguments], dict[str, Any]]
    reads_only: bool = False
    output_schema: dict[str, Any] | None = None

    @property
    def input_schema(self) -> dict[str, Any]:
        """JSON Schema of all arguments."""
        return {
            "type": "object",
            "properties": dict(self.properties),
            "required": list(self.required),
            "additionalProperties": False,
        }

    def reply(self, arguments: Arguments) -> dict[str, Any]:
        """Check the arguments and call it.

        Raises:
            DataError: an argument is missing, unknown or wrong, or the reply is too long.
            AnyTaskTuneError: whatever the call raises.
        """
        for name, text in arguments.items():
            if isinstance(text, str) and len(text) > LONGEST_INPUT:
                what = f"{name} has {len(text):,} characters, at most {LONGEST_INPUT:,} are read"
                raise DataError(what, where=self.name, fix="send a shorter text, or use `anytasktune predict` for a file")
        if fault := schema_fault(self.input_schema, dict(arguments)):
            known = ", ".join(name if name in self.required else f"{name} (optional)" for name in self.properties) or "none"
            raise DataError(f"wrong arguments: {fault}", where=self.name, fix=f"its arguments are: {known}")
        reply: dict[str, Any] = _cut(self.call(arguments))
        if (length := len(json.dumps(reply, ensure_ascii=False))) > LONGEST_REPLY:
            what = f"the reply has {length:,} characters, at most {LONGEST_REPLY:,} are sent"
            raise DataError(what, where=self.name, fix="ask for fewer or for a single one")
        return reply


def tool_name(verb: str, name: str) -> str:
    """The name of the tool for a task or action, short enough for all clients."""
    return f"{verb}_{name}"[:_NAME_LENGTH]


def as_text(reply: Mapping[str, Any]) -> str:
    """A reply as JSON in which characters are escaped that would steer a terminal or turn the direction of writing."""
    return _NOT_PLAIN.sub(_escaped, json.dumps(reply, ensure_ascii=False, indent=1))


def placed_below(schema: Any, place: str) -> Any:
    """A JSON Schema whose references are right where it stands at `place` of another one, such as `#/properties/value`."""
    if isinstance(schema, list):
        return [placed_below(part, place) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: f"{place}{part[1:]}"
        if key == "$ref" and isinstance(part, str) and part.startswith("#")
        else placed_below(part, place)
        for key, part in schema.items()
    }


def _escaped(found: re.Match[str]) -> str:
    character = found.group()
    if unicodedata.category(character) not in _STEERING:
        return character
    return json.dumps(character)[1:-1] if ord(character) > 0xFFFF else f"\\u{ord(character):04x}"


def _cut(value: Any) -> Any:
    """The same value with long texts cut."""
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[:LONGEST_TEXT]}… ({len(value) - LONGEST_TEXT:,} more characters)"
    if isinstance(value, dict):
        return {key: _cut(part) for key, part in value.items()}
    return [_cut(part) for part in value] if isinstance(value, list) else value
