"""Does a JSON value fit a JSON Schema (draft 2020-12)?"""

import functools
import re
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from anytasktune.errors import ConfigError
from anytasktune.ids import canonical_json
from anytasktune.text.json_values import load_json
from anytasktune.text.plain_text import shorten


def schema_fault(schema: dict[str, Any], value: Any) -> str:
    """Why `value` does not fit `schema`, in one sentence; empty if it fits. An empty schema fits everything.

    Raises:
        ConfigError: `schema` is no JSON Schema, refers to something outside of itself (nothing is ever fetched) or to
            itself without end, or holds a pattern that is no regular expression.
    """
    if not schema:
        return ""
    try:
        error = best_match(_validator(canonical_json(schema)).iter_errors(value))
    except Unresolvable as unresolvable:
        fix = "put the definition under $defs of the same schema"
        raise ConfigError(f"output.json_schema refers to {unresolvable.ref}, which is not in it", fix=fix) from None
    except RecursionError:
        raise ConfigError("output.json_schema refers to itself without end", fix="break the circle of $ref") from None
    except re.error as fault:
        fix = "write it as Python's re module reads it"
        raise ConfigError(f"a pattern in output.json_schema is no regular expression: {fault}", fix=fix) from None
    return _sentence(error) if error else ""


@functools.lru_cache(maxsize=64)
def _validator(schema_text: str) -> Draft202012Validator:
    schema = load_json(schema_text)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = "/".join(str(part) for part in error.absolute_path) or "its top"
        fix = "see json-schema.org for what can stand there"
        raise ConfigError(f"output.json_schema is no JSON Schema: {error.message} (at {place})", fix=fix) from None
    return Draft202012Validator(schema, registry=Registry())


def _sentence(error: ValidationError) -> str:
    place = "/".join(str(part) for part in error.absolute_path)
    return f"{shorten(error.message, 160)} (at {place})" if place else shorten(error.message, 160)
