"""JSON is decoded strictly and walked in its order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune.text.json_values import (
    MAX_JSON_DEPTH,
    is_json,
    keys_in,
    layout_of,
    load_json,
    repeated_keys,
    strings_at,
    strings_in,
    try_json,
    write_out_escapes,
)

VALUE = {"name": "Ann", "pets": [{"name": "Rex"}, {"name": "Tom", "age": 3}], "note": None}


@pytest.mark.parametrize("text", ["", "NaN", "[Infinity]", "1e999", "{'a': 1}", '{"a": 1} x', "[" * 100 + "]" * 100])
def test_what_is_not_standard_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"it is|not a JSON|too large|character"):
        load_json(text)
    assert not is_json(text)
    assert try_json(text, otherwise="no") == "no"


def test_json_may_be_nested_as_deep_as_the_limit() -> None:
    assert is_json("[" * MAX_JSON_DEPTH + "]" * MAX_JSON_DEPTH)
    assert not is_json("[" * (MAX_JSON_DEPTH + 1) + "]" * (MAX_JSON_DEPTH + 1))


def test_null_is_json() -> None:
    assert is_json("null")
    assert try_json("null", otherwise=1) is None


def test_strings_keys_and_places_are_found_in_their_order() -> None:
    assert list(strings_in(VALUE)) == ["Ann", "Rex", "Tom"]
    assert list(strings_at(VALUE)) == [(("name",), "Ann"), (("pets", "name"), "Rex"), (("pets", "name"), "Tom")]
    assert list(keys_in(VALUE)) == ["name", "pets", "note", "name", "name", "age"]
    assert list(layout_of({"a": ["x", {"b": 1}]})) == [":object", "/a:list", "/a/*:value", "/a/*:object", "/a/*/b:value"]


def test_keys_that_stand_twice_are_named_once() -> None:
    assert repeated_keys('{"a": 1, "a": 2, "b": {"c": 1, "c": 2}}') == ("c", "a")
    assert repeated_keys("no JSON") == ()


def test_escapes_of_json_are_written_out_and_other_texts_left_alone() -> None:
    assert write_out_escapes('{"a": "\\u9ad8"}') == '{"a": "高"}'
    assert write_out_escapes("a path: c:\\users") == "a path: c:\\users"


@given(st.text(max_size=60))
def test_any_text_can_be_tried(text: str) -> None:
    assert is_json(text) == (try_json(text, otherwise=VALUE) is not VALUE)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("9" * 400, "too large a number"),
        ("-" + "9" * 5000, "too large a number"),
        ('{"a": 1e999}', "too large a number"),
        ("{ " * 300_000, "."),
        ('{"a":' * 300_000, "nested"),
        ("[" * 300_000, "nested"),
        ("[" * 65 + "]" * 65, "nested"),
        ('["\\ud800"]', "half a character"),
        ('{"\\uDFFF": 1}', "half a character"),
        ('["\ud83d"]', "half a character"),
    ],
)
def test_json_that_no_program_can_use_is_refused_in_short_words(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        load_json(text)
    assert len(str(refused.value)) < 120


def test_whole_numbers_and_pairs_of_surrogates_are_kept_exactly() -> None:
    assert load_json("[12345678901234567890, -0]") == [12345678901234567890, 0]
    assert load_json('["\\ud83d\\ude00"]') == ["😀"]
    assert load_json('["\\\\ud800"]') == ["\\ud800"]


def test_repeated_keys_of_a_large_object_are_found_in_one_pass() -> None:
    text = "{" + ",".join(f'"{number}": 0' for number in range(100_000)) + ', "7": 1}'
    assert repeated_keys(text) == ("7",)
