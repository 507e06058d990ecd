"""JSON Schemas (draft 2020-12): is one usable, and does a value fit it, within bounds that are named.

Everything that `jsonschema` and `referencing` raise ends here. Patterns are run by `text.user_patterns`, and the steps of one
validation are counted, since references that branch can ask for more of them than could ever be taken.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from anytasktune.errors import ConfigError
from anytasktune.ids import canonical_json
from anytasktune.text.json_values import load_json
from anytasktune.text.plain_text import shorten
from anytasktune.text.user_patterns import matches_within, pattern_fault

MOST_STEPS = 100_000
"""Keywords of a schema that are looked at for one value; following a reference counts as ten."""
LARGEST_SCHEMA = 1_000_000
"""Characters of a schema."""
_MOST_BRANCHES = 20
_DEEPEST = 100
"""Most keywords inside each other: the library ends the program where Python's stack runs out in its compiled part."""
_UNEVALUATED = ("unevaluatedProperties", "unevaluatedItems")
_VALUES = ("enum", "const", "default", "examples")
_steps: ContextVar[list[int]] = ContextVar("steps")

Errors = Iterator[ValidationError]
Keyword = Callable[[Any, Any, Any, Any], Errors | None]


class _TooMuchWorkError(Exception):
    pass


def check_json_schema(schema: dict[str, Any]) -> None:
    """Refuse what is no JSON Schema, holds a pattern that cannot be used, or is too large.

    Raises:
        ConfigError: with the place in the schema.
    """
    if schema:
        _validator(_as_text(schema))


def schema_fault(schema: Any, value: Any) -> str:
    """Why `value` does not fit `schema`, in one sentence; empty if it fits. An empty schema fits everything.

    Raises:
        ConfigError: `schema` cannot be used (see `check_json_schema`), refers to something outside of itself (nothing is ever
            fetched) or to itself without end, or checking the value takes too many steps.
    """
    if not schema and schema is not False:
        return ""
    validator, token = _validator(_as_text(schema)), _steps.set([0, 0])
    try:
        error = best_match(validator.iter_errors(value))
        return _sentence(error) if error else ""
    except Unresolvable as unresolvable:
        fix = "put the definition under $defs of the same schema"
        raise ConfigError(f"output.json_schema refers to {shorten(unresolvable.ref)}, which is not in it", fix=fix) from None
    except RecursionError:
        raise ConfigError("output.json_schema refers to itself without end", fix="break the circle of $ref") from None
    except _TooMuchWorkError:
        what = f"output.json_schema needs more than {MOST_STEPS} steps to check one answer"
        raise ConfigError(what, fix="use fewer $ref, allOf and anyOf inside each other") from None
    except ConfigError:
        raise
    except Exception as error:  # the libraries fail in ways of their own on references and numbers
        what = f"output.json_schema cannot be used: {shorten(str(error), 160) or type(error).__name__}"
        raise ConfigError(what, fix="use plain references such as #/$defs/name, and numbers of usual size") from None
    finally:
        _steps.reset(token)


def _as_text(schema: Any) -> str:
    try:
        text = canonical_json(schema)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"output.json_schema is not JSON: {error}", fix="use JSON values only") from None
    if len(text) > LARGEST_SCHEMA:
        what = f"output.json_schema has {len(text)} characters, at most {LARGEST_SCHEMA} are allowed"
        raise ConfigError(what, fix="describe the answer with fewer values")
    return text


@functools.lru_cache(maxsize=64)
def _validator(schema_text: str) -> Any:
    try:
        schema = load_json(schema_text)
        for place, pattern in _patterns(schema):
            if fault := pattern_fault(pattern):
                raise ConfigError(f"output.json_schema/{place}: {fault}", fix="write it as Python's re module reads it")
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = "/".join(str(part) for part in error.absolute_path) or "its top"
        fix = "see json-schema.org for what can stand there"
        raise ConfigError(
            f"output.json_schema is no JSON Schema: {shorten(error.message, 160)} (at {place})", fix=fix
        ) from None
    except ConfigError:
        raise
    except Exception as error:
        what = f"output.json_schema is no JSON Schema: {shorten(str(error), 160) or type(error).__name__}"
        raise ConfigError(what, fix="see json-schema.org for what can stand there") from None
    for keyword in _UNEVALUATED:  # the library follows these without counting
        if f'"{keyword}"' in schema_text and (
            '"patternProperties"' in schema_text or schema_text.count('Ref"') + schema_text.count('"$ref"') > _MOST_BRANCHES
        ):
            what = f"output.json_schema has {keyword} beside patternProperties or more than {_MOST_BRANCHES} references"
            raise ConfigError(what, fix="use additionalProperties, or items: false")
    return _BoundedValidator(schema, registry=Registry())


def _patterns(schema: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every pattern of a schema, with the place it stands at."""
    if isinstance(schema, list):
        for number, part in enumerate(schema):
            yield from _patterns(part, f"{place}{number}/")
    elif isinstance(schema, dict):
        if isinstance(pattern := schema.get("pattern"), str):
            yield f"{place}pattern", pattern
        if isinstance(named := schema.get("patternProperties"), dict):
            yield from ((f"{place}patternProperties", pattern) for pattern in named)
        for key, part in schema.items():
            if key not in _VALUES:
                yield from _patterns(part, f"{place}{key}/")


def _sentence(error: ValidationError) -> str:
    place = shorten("/".join(str(part) for part in error.absolute_path), 120)
    return f"{shorten(error.message, 160)} (at {place})" if place else shorten(error.message, 160)


def _counted(keyword: Keyword, steps: int) -> Keyword:
    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
        count = _steps.get()
        count[0] += steps
        if count[0] > MOST_STEPS:
            raise _TooMuchWorkError
        count[1] += 1
        try:
            if count[1] > _DEEPEST:
                raise RecursionError
            yield from keyword(validator, value, instance, schema) or ()
        finally:
            count[1] -= 1

    return check


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Errors:
    if isinstance(instance, str) and not matches_within(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Any) -> Errors:
    for pattern, part in patterns.items() if isinstance(instance, dict) else ():
        for key, value in instance.items():
            if matches_within(pattern, key):
                yield from validator.descend(value, part, path=key, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Errors:
    if not isinstance(instance, dict):
        return
    patterns = schema.get("patternProperties", {})
    extra = [key for key in instance if key not in schema.get("properties", {})]
    extra = [key for key in extra if not any(matches_within(pattern, key) for pattern in patterns)]
    if allowed is False and extra:
        named = ", ".join(map(repr, sorted(extra)))
        yield ValidationError(
            f"Additional properties are not allowed ({named} {'were' if len(extra) > 1 else 'was'} unexpected)"
        )
    elif allowed is not False:
        for key in extra:
            yield from validator.descend(instance[key], allowed, path=key)


def _unique_items(validator: Any, wanted: bool, instance: Any, schema: Any) -> Errors:
    if (
        wanted
        and isinstance(instance, list)
        and len({canonical_json(_numbers_alike(item)) for item in instance}) < len(instance)
    ):
        yield ValidationError(f"{instance!r} has non-unique elements")


def _numbers_alike(value: Any) -> Any:
    """1.0 as 1: they are one JSON number."""
    if isinstance(value, dict):
        return {key: _numbers_alike(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_numbers_alike(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


_OWN: dict[str, Keyword] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
_extend: Callable[..., Any] = extend
_BoundedValidator = _extend(
    Draft202012Validator,
    {
        name: _counted(keyword, 10 if name in ("$ref", "$dynamicRef") else 1)
        for name, keyword in {**Draft202012Validator.VALIDATORS, **_OWN}.items()
    },
)
