"""Where no difference between two JSON Schemas is found, every value of the narrow one fits the wide one."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anytasktune.errors import ConfigError
from anytasktune.outputs.requested_json import RequestedJson
from anytasktune.outputs.schema_covering import schema_difference
from anytasktune.outputs.schema_validation import schema_fault

OWN = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["rent", "wage"]},
        "who": {"type": ["string", "null"], "maxLength": 9},
        "age": {"type": "integer", "minimum": 3},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1},
    },
    "required": ["kind", "age"],
    "additionalProperties": False,
}


def with_property(name: str, part: Any) -> dict[str, Any]:
    return {**OWN, "properties": {**OWN["properties"], name: part}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "wide",
    [
        {},
        {"type": "object"},
        OWN,
        {**OWN, "title": "Facts", "$schema": "https://json-schema.org/draft/2020-12/schema"},
        {**OWN, "additionalProperties": True, "required": ["kind"]},
        with_property("kind", {"type": "string", "title": "Kind", "enum": ["rent", "wage", "lease"]}),
        with_property("who", {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}),
        with_property("age", {"type": "number", "exclusiveMinimum": 2, "title": "Age"}),
        {**with_property("kind", {"$ref": "#/$defs/Kind"}), "$defs": {"Kind": {"enum": ["wage", "rent"], "type": "string"}}},
        {"anyOf": [{"type": "array"}, OWN]},
        {"allOf": [{"type": "object"}, {"required": ["age"]}]},
    ],
)
def test_a_wider_schema_is_recognized(wide: dict[str, Any]) -> None:
    if "exclusiveMinimum" in str(wide):  # bounds of another keyword are not compared
        assert "exclusiveMinimum" in schema_difference(wide, OWN)
    else:
        assert schema_difference(wide, OWN) == ""


@pytest.mark.parametrize(
    ("wide", "place"),
    [
        ({"type": "array"}, "/: a value of type object"),
        ({**OWN, "required": ["kind", "who"]}, "/who: it may be missing"),
        (with_property("kind", {"enum": ["rent"]}), '/kind: "wage" may stand there'),
        (with_property("who", {"type": "string"}), "/who: null may stand there"),
        (with_property("tags", {"type": "array", "items": {"type": "integer"}}), "/tags/items: a value of type string"),
        (with_property("tags", {"type": "array", "minItems": 2}), "/tags: minItems 2 is not promised"),
        ({**OWN, "properties": {"kind": {}}}, "/who: a value may stand there"),
        ({"$ref": "#/$defs/none"}, "names nothing"),
    ],
)
def test_the_first_difference_is_named_with_its_place(wide: dict[str, Any], place: str) -> None:
    assert place in schema_difference(wide, OWN)


def test_schemas_that_contain_themselves_are_compared() -> None:
    def tree(value: dict[str, Any], name: str) -> dict[str, Any]:
        node = {"type": "object", "properties": {"v": value, "sub": {"type": "array", "items": {"$ref": f"#/$defs/{name}"}}}}
        return {"$ref": f"#/$defs/{name}", "$defs": {name: node}}

    assert schema_difference(tree({"type": "number"}, "n"), tree({"type": "integer"}, "m")) == ""
    assert "/v" in schema_difference(tree({"type": "integer"}, "n"), tree({"type": "number"}, "m"))


LEAVES = st.sampled_from(
    [
        *({"type": kind} for kind in ("string", "integer", "number", "boolean", "null")),
        *({"enum": values} for values in (["a"], ["a", 1], [None, 2, "bb"])),
        *({"type": "integer", "minimum": low} for low in (0, 2)),
        *({"type": "string", "maxLength": high} for high in (1, 3)),
        *({}, {"const": 1}, {"type": ["string", "null"]}, {"not": {"type": "string"}}),
    ]
)
NAMES = ("a", "b", "c")


def larger(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from(NAMES), parts, max_size=2)},
        optional={
            "required": st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
            "additionalProperties": st.one_of(st.booleans(), parts),
            "minProperties": st.integers(0, 2),
        },
    )
    arrays = st.fixed_dictionaries(
        {"type": st.just("array")},
        optional={
            "items": parts,
            "prefixItems": st.lists(parts, min_size=1, max_size=2),
            "minItems": st.integers(0, 2),
            "maxItems": st.integers(0, 3),
            "uniqueItems": st.booleans(),
        },
    )
    joined = st.sampled_from(("anyOf", "oneOf", "allOf")).flatmap(
        lambda kind: st.lists(parts, min_size=1, max_size=2).map(lambda each: {kind: each})
    )
    return st.one_of(objects, arrays, joined)


SCHEMAS = st.recursive(LEAVES, larger, max_leaves=4)
VALUES = st.recursive(
    st.sampled_from([None, True, 0, 1, 2, 3, 1.5, -1, "", "a", "bb", "cccc"]),
    lambda values: st.one_of(st.lists(values, max_size=3), st.dictionaries(st.sampled_from([*NAMES, "d"]), values, max_size=3)),
    max_leaves=4,
)


@given(SCHEMAS, SCHEMAS, st.lists(VALUES, min_size=5, max_size=12))
@example(
    {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
    {"type": "object", "properties": {"a": {}, "b": {}}, "additionalProperties": False},
    [{"b": 1}],
)
def test_no_difference_means_that_every_value_fits(wide: dict[str, Any], narrow: dict[str, Any], values: list[Any]) -> None:
    if schema_difference(wide, narrow):
        return
    for value in values:
        assert schema_fault(narrow, value) or not schema_fault(wide, value), value


@given(SCHEMAS)
def test_a_schema_covers_itself_whatever_it_is_called(schema: dict[str, Any]) -> None:
    assert schema_difference({**schema, "title": "x"}, schema) == ""


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {
            "$ref": "#/$defs/a",
            "$defs": {"a": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"]}},
        },
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}, "minItems": 1}}},
    ],
)
def test_a_schema_without_a_finite_value_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="without end"):
        RequestedJson.of(schema)


def test_a_schema_that_can_end_is_taken() -> None:
    node = {"type": "object", "properties": {"a": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/a"}]}}, "required": ["a"]}
    asked = RequestedJson.of({"$ref": "#/$defs/a", "$defs": {"a": node}})
    assert asked.is_fit('{"a": {"a": null}}')
    assert not asked.is_fit('{"a": {"a": 1}}')
    assert not asked.is_fit('{"a": null, "a": null}')
