"""JSON answers: the part of a schema that holds in one language, and the way the seeds write JSON."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anytasktune.records import Language
from anytasktune.text.json_values import is_json, keys_in, load_json
from anytasktune.text.scripts import is_in_script

Schema = Mapping[str, Any]


def schema_in(schema: Schema, language: Language) -> dict[str, Any]:
    """`schema` without what belongs to another language.

    Of a list of values in several languages those in `language` stay; of alternatives those stay in which no list is wholly in
    another language. A single alternative left is merged into the schema it stands in.
    """
    narrowed = {key: _narrowed(key, value, language) for key, value in schema.items()}
    branches = narrowed.get("anyOf")
    if isinstance(branches, list) and len(branches) == 1 and isinstance(branches[0], dict):
        return _merged({key: value for key, value in narrowed.items() if key != "anyOf"}, branches[0])
    return narrowed


def _narrowed(key: str, value: Any, language: Language) -> Any:
    if key == "enum" and isinstance(value, list):
        return _in_language(value, language) or value
    if key in {"anyOf", "oneOf"} and isinstance(value, list):
        kept = [branch for branch in value if not _is_foreign(branch, language)] or value
        return [schema_in(branch, language) if isinstance(branch, dict) else branch for branch in kept]
    if key in {"properties", "$defs"} and isinstance(value, dict):
        return {name: schema_in(part, language) if isinstance(part, dict) else part for name, part in value.items()}
    return schema_in(value, language) if isinstance(value, dict) else value


def _in_language(values: Sequence[Any], language: Language) -> list[Any]:
    return [value for value in values if not isinstance(value, str) or is_in_script(value, language)]


def _is_foreign(schema: Any, language: Language) -> bool:
    if isinstance(schema, list):
        return any(_is_foreign(part, language) for part in schema)
    if not isinstance(schema, dict):
        return False
    values = schema.get("enum")
    if isinstance(values, list) and values and not _in_language(values, language):
        return True
    return any(_is_foreign(part, language) for key, part in schema.items() if key != "enum")


def _merged(first: dict[str, Any], second: Schema) -> dict[str, Any]:
    both = dict(first)
    for key, value in second.items():
        here = both.get(key)
        both[key] = _merged(here, value) if isinstance(here, dict) and isinstance(value, dict) else value
    return both


def properties_in(schema: Schema, language: Language) -> dict[str, dict[str, Any]]:
    """The properties of an object's schema, as far as they hold in `language`."""
    properties = schema_in(schema, language).get("properties", {})
    return {name: part for name, part in properties.items() if isinstance(part, dict)}


@dataclass(frozen=True)
class JsonStyle:
    """How JSON is written.

    Attributes:
        indent: spaces per level; None: in one line.
        separators: between items, and between key and value.
        ascii_only: whether other characters are written as escapes.
        order: where a key stands among others.
    """

    indent: int | None = None
    separators: tuple[str, str] = (", ", ": ")
    ascii_only: bool = False
    order: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, texts: Sequence[str], schema: Schema) -> "JsonStyle":
        """The style most of `texts` are written in, keys in the order in which texts and schema first name them."""
        values = [(text.strip(), load_json(text)) for text in texts if is_json(text)]
        keys = dict.fromkeys([*keys_in([value for _, value in values]), *schema.get("properties", {})])
        order = {key: place for place, key in enumerate(keys)}
        fits: Counter[JsonStyle] = Counter()
        for place, style in enumerate(_STYLES):
            fits[style] = 10 * sum(style.dumps(value) == text for text, value in values) - place
        best = fits.most_common(1)[0][0]
        return cls(best.indent, best.separators, best.ascii_only, order)

    def __hash__(self) -> int:
        return hash((self.indent, self.separators, self.ascii_only))

    def dumps(self, value: Any) -> str:
        """`value` as JSON in this style, its own order of keys kept where none is known."""
        ordered = self._ordered(value) if self.order else value
        return json.dumps(ordered, ensure_ascii=self.ascii_only, indent=self.indent, separators=self.separators)

    def _ordered(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._ordered(child) for child in value]
        if not isinstance(value, dict):
            return value
        names = sorted(value, key=lambda name: self.order.get(name, len(self.order)))
        return {name: self._ordered(value[name]) for name in names}


_STYLES = tuple(
    JsonStyle(indent, separators, ascii_only)
    for ascii_only in (False, True)
    for indent, separators in (
        (None, (", ", ": ")),
        (None, (",", ":")),
        (2, (",", ": ")),
        (4, (",", ": ")),
        (None, (", ", ":")),
    )
)
