"""JSON Lines and JSON lists: what is kept, what is dropped, and where."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.datasets import ReadResult, read_examples
from anytasktune.errors import DataError

GOOD = '{"input": "Is the rent due?", "output": "yes"}'


def read_text(folder: Path, text: str, name: str = "rows.jsonl") -> ReadResult:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="\n")
    return read_examples(path)


def reasons(result: ReadResult) -> list[tuple[int, str]]:
    return [(row.row, row.reason) for row in result.dropped]


def test_rows_are_read_with_language_and_source(tmp_path: Path) -> None:
    result = read_text(
        tmp_path, '{"input": "租金何时支付？", "output": "每月一日", "language": "zh-CN", "source": 12}\n' + GOOD
    )
    assert [(example.language, example.source) for example in result.examples] == [("zh", "12"), (None, None)]
    assert (result.format, result.rows, result.note) == ("jsonl", [1, 2], "")
    assert str(result.counts) == "read 2, kept 2, dropped 0"


def test_rows_without_a_language_get_the_one_that_was_given(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"input": "a", "output": "b", "language": "en"}\n{"input": "c", "output": "d"}', encoding="utf-8")
    assert [example.language for example in read_examples(path, language="zh").examples] == ["en", "zh"]


@pytest.mark.parametrize(
    ("row", "reason", "hint"),
    [
        ('{"input": "a", "output": ', "bad_json", "at character 25"),
        ('{"input": "a", "output": "b"} x', "bad_json", "at character 31"),
        ('{"input": "a", "output": NaN}', "bad_json", "NaN"),
        ('{"input": "a", "output": 1e999}', "bad_json", "too large"),
        ('{"input": "a", "output": ' + "9" * 6000 + "}", "bad_json", "too large"),
        ('{"input": -' + "1" * 400 + ', "output": "b"}', "bad_json", "too large"),
        ("[" * 100_000, "bad_json", "nested"),
        ('{"input": "a", "input": "b", "output": "c"}', "duplicate_key", "'input'"),
        ('{"input": "a", "output": {"k": 1, "k": 2}}', "duplicate_key", "'k'"),
        ('"text"', "wrong_type", "text"),
        ('["a", "b"]', "wrong_type", "a list"),
        ('{"input": 3, "output": "b"}', "wrong_type", "a number"),
        ('{"input": "a"}', "missing_field", "output"),
        ('{"input": " \\n", "output": "b"}', "empty_input", ""),
        ('{"input": "a", "output": ""}', "empty_output", ""),
        ('{"input": "a", "output": null}', "empty_output", ""),
        ('{"input": "a\0", "output": "b"}', "nul_byte", "NUL"),
        ('{"input": "a\\u0000", "output": "b"}', "nul_byte", "NUL"),
        ('{"input": "\\ud83d", "output": "b"}', "bad_encoding", "surrogate"),
        ('{"input": "a", "output": "b", "language": "fr"}', "unknown_language", "'fr'"),
        ('{"input": "a", "output": "b", "source": ["c"]}', "wrong_type", "source"),
        (GOOD, "duplicate", "row 1"),
    ],
)
def test_a_bad_row_is_dropped_with_its_line_and_reason_and_the_others_are_kept(
    tmp_path: Path, row: str, reason: str, hint: str
) -> None:
    result = read_text(tmp_path, f'{GOOD}\n\n  \n{row}\n{{"input": "last", "output": "kept"}}\n')
    assert [example.output for example in result.examples] == ["yes", "kept"]
    assert result.rows == [1, 5]
    assert reasons(result) == [(4, reason)]
    assert hint in result.dropped[0].detail
    assert result.counts.read == 3


@pytest.mark.parametrize(
    ("value", "text"),
    [({"a": ["租金"]}, '{"a": ["租金"]}'), ([1, 2.5], "[1, 2.5]"), (3, "3"), (4.0, "4.0"), (True, "true"), ("3", "3")],
)
def test_an_output_that_is_no_text_becomes_json_text(tmp_path: Path, value: Any, text: str) -> None:
    assert read_text(tmp_path, json.dumps({"input": "a", "output": value})).examples[0].output == text


def test_a_ten_megabyte_line_is_dropped_without_being_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        f'{GOOD}\n{{"input": "{"长" * 10_000_000}", "output": "b"}}\n{{"input": "c", "output": "d"}}', encoding="utf-8"
    )
    tracemalloc.start()
    try:
        result = read_examples(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reasons(result) == [(2, "too_long")]
    assert result.rows == [1, 3]
    assert peak < 25_000_000


def test_unicode_line_separators_inside_a_text_do_not_end_the_row(tmp_path: Path) -> None:
    result = read_text(tmp_path, '{"input": "one\u2028two\x85three", "output": "b"}\n{"input": "x", "output": "y"}\n')
    assert result.rows == [1, 2]
    assert result.examples[0].input == "one\u2028two\x85three"


def test_a_json_list_gives_record_numbers(tmp_path: Path) -> None:
    text = f'\n[ {GOOD},\n "oops", {{"input": "a", "input": "b", "output": "c"}},\n{{"input": "n", "output": "m"}} ]\n'
    result = read_text(tmp_path, text, "rows.json")
    assert (result.format, result.rows) == ("json", [1, 4])
    assert reasons(result) == [(2, "wrong_type"), (3, "duplicate_key")]


def test_the_content_decides_between_a_list_and_lines(tmp_path: Path) -> None:
    assert read_text(tmp_path, f"{GOOD}\n{GOOD.replace('yes', 'no')}\n", "rows.json").format == "jsonl"
    assert read_text(tmp_path, f"[{GOOD}]").format == "json"
    assert reasons(read_text(tmp_path, f'["broken line\n{GOOD}')) == [(1, "bad_json")]


def test_a_broken_list_is_refused_with_the_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"rows\.json:2: .*one object per line"):
        read_text(tmp_path, f"[{GOOD}\n{GOOD}]", "rows.json")
    with pytest.raises(DataError, match=r"rows\.json:3: "):
        read_text(tmp_path, f"[{GOOD},\n{GOOD},\n", "rows.json")


def test_a_single_object_is_refused_with_the_name_of_the_list_in_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="save the list under 'data'"):
        read_text(tmp_path, json.dumps({"version": 1, "data": [json.loads(GOOD)]}, indent=1), "rows.json")


def test_empty_lists_empty_files_and_blank_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows"):
        read_text(tmp_path, "[]", "rows.json")
    with pytest.raises(DataError, match="empty"):
        read_text(tmp_path, "")
    with pytest.raises(DataError, match="no rows"):
        read_text(tmp_path, "\n \n")


def test_missing_files_folders_and_unknown_endings_are_errors_with_advice(tmp_path: Path) -> None:
    read_text(tmp_path, GOOD, "contracts.jsonl")
    with pytest.raises(DataError, match=r"did you mean contracts\.jsonl"):
        read_examples(tmp_path / "contract.jsonl")
    with pytest.raises(DataError, match="folder"):
        read_examples(tmp_path)
    with pytest.raises(DataError, match="CSV UTF-8"):
        read_text(tmp_path, GOOD, "rows.xlsx")


def test_when_nothing_is_left_the_error_counts_the_reasons_and_shows_three_rows(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_text(tmp_path, '{"input": "a", "output": ""}\n' * 3 + '{"input": "", "output": "b"}\n{broken\n')
    assert len(caught.value.problems) == 4
    assert "read 5, kept 0, dropped 5 (1 bad_json, 1 empty_input, 3 empty_output)" in str(caught.value)
    assert caught.value.problems[1].where.endswith("rows.jsonl:1")


def test_unused_fields_and_inputs_with_several_outputs_are_kept_and_noted(tmp_path: Path) -> None:
    rows = [{"input": "a", "output": "b", "id": 1}, {"input": "a", "output": "c", "id": 2, "url": "-"}]
    result = read_text(tmp_path, "\n".join(map(json.dumps, rows)))
    assert len(result.examples) == 2
    assert "id (2 rows), url (1 row)" in result.note
    assert "1 input with different outputs in several rows" in result.note


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=40) | st.just(GOOD), max_size=8
    )
)
def test_every_row_is_either_kept_or_dropped_whatever_the_file_holds(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    text = "\n".join(lines)
    folder = tmp_path_factory.mktemp("any")
    try:
        result = read_text(folder, text)
    except DataError:
        return
    assert result.counts.read == result.counts.kept + sum(result.counts.dropped.values())
    assert result.counts.read == sum(bool(line.strip()) for line in text.split("\n"))


def test_a_number_of_any_length_in_a_json_list_costs_its_own_row_only(tmp_path: Path) -> None:
    huge = '{"input": "a", "output": ' + "9" * 6000 + "}"
    result = read_text(tmp_path, f"[{GOOD}, {huge}, {GOOD.replace('rent', 'wage')}]", "rows.json")
    assert (str(result.counts), reasons(result)) == ("read 3, kept 2, dropped 1 (1 bad_json)", [(2, "bad_json")])
