"""A JSON Schema that given outputs have in common. It is meant to be loose: it says what the data leave no doubt about."""

from collections.abc import Sequence
from typing import Any

from anytasktune.text.json_values import is_json, load_json

Schema = dict[str, Any]
ENOUGH_ROWS = 50
"""From so many rows on, a key that no row lacks counts as required."""


def infer_json_schema(outputs: Sequence[str], labels: Sequence[str] = ()) -> Schema:
    """The loose schema of `outputs`; every output that is JSON fits it.

    Args:
        outputs: JSON texts; others are passed over.
        labels: names that may be the keys of the objects, or the values of one key. Only if all outputs agree do they
            become the allowed keys (`additionalProperties: false`) or values (`enum`).

    Returns:
        A schema (draft 2020-12) that says object or array and what is in it one level down; `{}` for mixed types.
    """
    values = [load_json(text) for text in outputs if is_json(text)]
    if values and all(isinstance(value, dict) for value in values):
        return _object_schema(values, list(labels))
    if values and all(isinstance(value, list) for value in values):
        return {"type": "array"} | _items([item for value in values for item in value])
    return {}


def _object_schema(objects: Sequence[dict[str, Any]], labels: list[str]) -> Schema:
    keys = {key for value in objects for key in value}
    if keys and keys <= set(labels):
        shape = _shape([item for value in objects for item in value.values()])
        properties = dict.fromkeys(labels, shape)
        return {"type": "object", "properties": properties, "additionalProperties": False} | _required(objects, labels)
    closed = [key for key in sorted(keys) if _are_labels([value[key] for value in objects if key in value], labels)]
    if not closed:
        return {"type": "object"}
    return {"type": "object", "properties": {key: {"enum": labels} for key in closed}} | _required(objects, closed)


def _are_labels(values: Sequence[Any], labels: Sequence[str]) -> bool:
    return all(isinstance(value, str) and value in labels for value in values)


def _required(objects: Sequence[dict[str, Any]], keys: Sequence[str]) -> Schema:
    always = [key for key in keys if all(key in value for value in objects)]
    return {"required": always} if always and len(objects) >= ENOUGH_ROWS else {}


def _shape(values: Sequence[Any]) -> Schema:
    if values and all(isinstance(value, list) for value in values):
        return {"type": "array"} | _items([item for value in values for item in value])
    return {"type": "string"} if values and all(isinstance(value, str) for value in values) else {}


def _items(items: Sequence[Any]) -> Schema:
    for kind, name in ((dict, "object"), (str, "string")):
        if items and all(isinstance(item, kind) for item in items):
            return {"items": {"type": name}}
    return {}
