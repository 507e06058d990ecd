"""The part of a JSON Schema that holds in one language, and the names and words in it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from anytasktune.outputs.answer_target import EMPTY, FILLED
from anytasktune.records import Language
from anytasktune.text.scripts import is_in_script

_MOST_NUMBERS = 10


def schema_in(schema: Mapping[str, Any], language: Language) -> dict[str, Any]:
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


def _merged(first: dict[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(first)
    for key, value in second.items():
        here = both.get(key)
        both[key] = _merged(here, value) if isinstance(here, dict) and isinstance(value, dict) else value
    return both


def properties_in(schema: Mapping[str, Any], language: Language) -> dict[str, dict[str, Any]]:
    """The properties of an object's schema, as far as they hold in `language`."""
    return {name: part for name, part in declared_in(schema_in(schema, language)).items() if isinstance(part, dict)}


def declared_in(schema: Any) -> dict[str, Any]:
    """The properties an object's schema declares; none where it declares none."""
    declared = schema.get("properties") if isinstance(schema, Mapping) else None
    return declared if isinstance(declared, dict) else {}


def declared_values(schema: Mapping[str, Any], language: Language) -> Iterator[tuple[str, str]]:
    """(property, value) that can be asked for: listed words, few whole numbers, and `FILLED` or `EMPTY` where both may be."""
    required = schema.get("required", ())
    for name, part in properties_in(schema, language).items():
        kinds = part.get("type", ())
        kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
        low, high = part.get("minimum"), part.get("maximum")
        if "enum" in part:
            yield from ((name, value) for value in part["enum"] if isinstance(value, str))
        elif kinds == ("integer",):
            if isinstance(low, int) and isinstance(high, int) and high - low < _MOST_NUMBERS:
                yield from ((name, str(number)) for number in range(low, high + 1))
        elif "null" in kinds or name not in required or ("array" in kinds and not part.get("minItems")):
            yield from ((name, FILLED), (name, EMPTY))


def enumerated(schema: Any) -> Iterator[str]:
    """All strings listed under `enum` or `const` anywhere in a JSON Schema, in its order."""
    if isinstance(schema, Mapping):
        values = schema.get("enum")
        listed = [*(values if isinstance(values, list) else []), schema.get("const")]
        yield from (value for value in listed if isinstance(value, str))
        for key, part in schema.items():
            if key not in {"enum", "const"}:
                yield from enumerated(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from enumerated(part)


def words_by_property(schema: Any) -> dict[str, list[str]]:
    """For each property name, all words its values may be, from all places of a JSON Schema."""
    found: dict[str, list[str]] = {}
    for name, part in _properties(schema):
        words = found.setdefault(name, [])
        words += [word for word in enumerated(part) if word not in words]
    return found


def _properties(schema: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(schema, Mapping):
        yield from declared_in(schema).items()
        for part in schema.values():
            yield from _properties(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _properties(part)


def keys_of(schema: Any) -> set[str]:
    """Names of all properties a JSON Schema declares, at any depth."""
    return set(declared_in(schema)) | {key for part in _parts(schema) for key in keys_of(part)}


def required_in(schema: Any) -> set[str]:
    """Names of all properties a JSON Schema demands, at any depth."""
    own = schema.get("required") if isinstance(schema, dict) else None
    names = own if isinstance(own, list) else ()
    return {name for name in names if isinstance(name, str)} | {key for part in _parts(schema) for key in required_in(part)}


def _parts(schema: Any) -> list[Any]:
    """The schemas directly inside a schema."""
    if isinstance(schema, list):
        return schema
    if not isinstance(schema, dict):
        return []
    inner = [value for name, value in schema.items() if name not in {"properties", "enum", "required", "const"}]
    return inner + list(declared_in(schema).values())


def element_keys(schema: Mapping[str, Any]) -> tuple[list[str], bool]:
    """The keys of the object a schema asks for, or of the elements of its array, and whether null may stand for one."""
    properties = declared_in(schema.get("items") if schema.get("type") == "array" else schema)
    may_be_null = any("null" in str(part.get("type", "")) for part in properties.values() if isinstance(part, dict))
    return list(properties), may_be_null
