"""Whatever is written into a YAML file is read back as it was."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from anytasktune.settings.yaml_editing import append_item, as_written, dump_editable, load_editable

# what YAML files may hold: no control characters but the tabulator and line ends
CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]) | st.sampled_from(
    "?-:,[]{}#&*!|>'\"%@`~= \t\n\x85"
)
KEYS = st.text(CHARACTERS, max_size=12)
TEXTS = KEYS | st.text(CHARACTERS, min_size=80, max_size=130)
VALUES: st.SearchStrategy[Any] = st.recursive(
    TEXTS | st.booleans() | st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
FILES = ("", "items: []\n", "items:\n  - first  # a comment\n# the end\n", "items: [first]\n", "items:\n- first\nmore: 1\n")


def loaded(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@settings(deadline=None)
@given(VALUES)
def test_any_value_is_read_back_the_same_in_every_layout(value: Any) -> None:
    for layout in (value, [value], {"text": value}, [[value]], {"a": {"b": value}}):
        assert loaded(dump_editable({"value": as_written(layout)})) == {"value": layout}


@settings(deadline=None)
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=3), st.sampled_from(FILES))
@example({"": {"": -1e16}, "000": ["", [""], {"0" * 10: "00000", "0" * 11: ""}], "0000000000 0": None}, "items: [first]\n")
def test_any_item_is_added_to_any_list_and_read_back_the_same(item: dict[str, Any], text: str) -> None:
    before = loaded(text) or {}
    after = loaded(append_item(text, "items", item, ["a comment"]))
    assert after == before | {"items": [*before.get("items", ()), item]}


@pytest.mark.parametrize(
    "text", ["?0", ":0", "??", "? a", "\x85", "a\u2028b", "a\u2029", "-", "#", "'", "a: b", "null", "1e3", "yes", ""]
)
def test_texts_that_look_like_something_else_stay_texts(text: str) -> None:
    for value in ({"en": text}, [text, text], {text: "key"}):
        assert loaded(dump_editable({"title": as_written(value)})) == {"title": value}


def test_comments_and_layout_stay() -> None:
    text = "# head\na: 1   # one\n\nb: [x,  y]  # two\n"
    assert dump_editable(load_editable(text)).splitlines()[:2] == ["# head", "a: 1   # one"]
