"""A JSON Schema is refused when it is read, or checks an answer within bounds; no library's exception comes out of it."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from anytasktune.errors import ConfigError
from anytasktune.outputs import JsonOutput, Rules
from anytasktune.outputs.schema_validation import MOST_STEPS, check_json_schema, schema_fault


def branching(keyword: str, depth: int = 40) -> dict[str, Any]:
    """Definitions of which each asks for the next one twice."""
    definitions = {f"a{n}": {keyword: [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(depth)}
    return {"$ref": "#/$defs/a0", "$defs": definitions | {f"a{depth}": {"type": "string"}}}


@pytest.mark.parametrize("schema", [branching("allOf"), branching("anyOf"), branching("oneOf")])
def test_references_that_branch_end_at_a_named_number_of_steps(schema: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=str(MOST_STEPS)):
        schema_fault(schema, 5)


@pytest.mark.parametrize(
    "schema",
    [
        {"pattern": "^(a|a)*$"},
        {"patternProperties": {"^(a|aa)+$": {}}},
        {"propertyNames": {"pattern": "^(a|aa)+$"}},
        {"patternProperties": {"^(a|aa)+$": {}}, "additionalProperties": False},
    ],
)
def test_patterns_in_a_schema_are_stopped(schema: dict[str, Any]) -> None:
    text = "a" * 20_000 + "!"
    begin = time.process_time()
    with pytest.raises(ConfigError, match="1 second"):
        schema_fault(schema, text if "pattern" in schema else {text: 1})
    assert time.process_time() - begin < 8


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "objekt"}, "at type"),
        ({"properties": {"a": {"pattern": "["}}}, "properties/a/pattern"),
        ({"pattern": "a{99999999999}"}, "repeats more"),
        ({"patternProperties": {"((a{1000}){1000}){1000}": {}}}, "patternProperties"),
        ({"properties": 3}, "at properties"),
        ({"enum": ["x" * 400_000] * 3}, "at most"),
        ({"unevaluatedProperties": False, "patternProperties": {"a": {}}}, "additionalProperties|beside"),
        ({"a": float("nan")}, "not JSON"),
        (json.loads('{"not":' * 200 + "{}" + "}" * 200), "nested"),
    ],
)
def test_an_unusable_schema_is_refused_when_the_task_is_read(schema: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        check_json_schema(schema)
    with pytest.raises(ValidationError, match=says):
        JsonOutput(kind="json", json_schema=schema)


@pytest.mark.parametrize(
    ("schema", "value", "fits"),
    [
        ({"uniqueItems": True}, [1, True, "1", [1], {"a": 1}], True),
        ({"uniqueItems": True}, [1, 1.0], False),
        ({"uniqueItems": True}, [{"a": 1, "b": 2}, {"b": 2, "a": 1}], False),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1, "b": 2}, False),
        (
            {"patternProperties": {"^x": {"type": "string"}}, "additionalProperties": {"type": "integer"}},
            {"x1": "a", "b": 2},
            True,
        ),
        ({"patternProperties": {"^x": {"type": "string"}}, "additionalProperties": {"type": "integer"}}, {"x1": 3}, False),
        ({"multipleOf": 0.1}, 10**300, True),
    ],
)
def test_own_keywords_mean_what_the_draft_says(schema: dict[str, Any], value: Any, fits: bool) -> None:
    assert (schema_fault(schema, value) == "") is fits


def test_many_different_items_are_compared_in_one_pass() -> None:
    begin = time.process_time()
    assert schema_fault({"uniqueItems": True}, [value for n in range(20_000) for value in (n, str(n))]) == ""
    assert time.process_time() - begin < 5


NAMES = st.sampled_from(["properties", "enum", "required", "items", "type", "pattern", "$defs", "a", "姓名"])
LEAVES = st.sampled_from(
    [True, False, {}, {"type": "string"}, {"type": ["null", "integer"]}, {"enum": ["x", "甲"]}, {"const": "y"}]
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"type": st.just("object"), "properties": st.dictionaries(NAMES, inner, max_size=3)}),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"required": st.lists(NAMES, unique=True), "$defs": st.dictionaries(NAMES, inner, max_size=2)}),
    ),
    max_leaves=8,
)
ODD = st.recursive(
    st.sampled_from([None, True, 3, -1, 1e300, "#", "#/a", "http://x/y", "[", "string", "\ud800", "%zz", "$defs"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["$ref", "$id", "$anchor", "$dynamicRef", "type", "items", "pattern", "not", "$defs",
            "properties", "required", "multipleOf", "prefixItems", "dependentSchemas", "$schema", "if", "contains", "enum",
            "minItems", "unevaluatedItems", "format"]), inner, max_size=4),
    ),
    max_leaves=10,
)  # fmt: skip
VALUES = st.recursive(
    st.sampled_from([None, True, 0, 1.5, 10**300, "x", "甲", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@given(SCHEMAS.filter(lambda schema: isinstance(schema, dict)), VALUES)
@settings(deadline=None)
def test_every_question_about_any_schema_is_answered(schema: dict[str, Any], value: Any) -> None:
    output, text = JsonOutput(kind="json", json_schema=schema), json.dumps(value)
    list(output.violations(text, Rules(), "x"))
    output.targets("en", Rules(), [text])
    output.form_sentences(Rules(), "zh")
    list(output.instruction_remarks("Answer with one JSON object with the keys a, b.", "en"))
    assert output.fixed_words >= set()
    assert output.name_words()
    output.style_of([text], "zh").dumps(value)


@given(
    st.dictionaries(st.sampled_from(["$ref", "$id", "type", "items", "properties", "not", "$dynamicRef"]), ODD, min_size=1),
    VALUES,
)
@settings(deadline=None, max_examples=300)
def test_odd_schemas_fit_fail_or_are_named_and_nothing_else(schema: dict[str, Any], value: Any) -> None:
    try:
        assert isinstance(schema_fault(schema, value), str)
    except ConfigError as error:
        assert error.problems[0].what.startswith("output.json_schema")
        assert error.problems[0].fix


@pytest.mark.parametrize(
    "schema",
    [
        {"if": {"$ref": "#"}, "then": False},
        {"not": {"$ref": "#"}},
        {"anyOf": [{"if": {"$ref": "#/$defs/a"}}], "$defs": {"a": {"allOf": [{"not": {"$ref": "#"}}]}}},
    ],
)
def test_a_circle_through_any_keyword_is_named(schema: dict[str, object], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="refers to itself without end"):
        schema_fault(schema, {"a": 1})
    assert capfd.readouterr().err == ""


def test_a_schema_of_a_tree_takes_a_value_as_deep_as_answers_are() -> None:
    tree = {"type": "object", "properties": {"child": {"$ref": "#"}}}
    value: dict[str, object] = {}
    for _ in range(30):
        value = {"child": value}
    assert schema_fault(tree, value) == ""
