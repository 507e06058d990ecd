"""Rows with any columns and values are written in every format, and read again as they were."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from anytasktune.datasets.read_rows import read_raw
from anytasktune.datasets.write_tables import table_bytes
from anytasktune.errors import DataError

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(
    lambda text: text == text.strip()
)
NAMES = ["text", "编号", "note"]
HOSTILE: list[Any] = [
    "=HYPERLINK(1)",
    "+1+1",
    "-1",
    "-2+3",
    "@SUM(A1)",
    "\ttab",
    "a\r\nb",
    'quo"te',
    "nul\0",
    "\x1b[31m",
    "\ud800",
    "",
    None,
    True,
    10**30,
    1.5,
    math.nan,
    math.inf,
    [1, {"a": [None]}],
    {"k": "\udfff"},
    {},
    json.loads("[" * 150 + "]" * 150),
]


def written(folder: Path, ending: str, rows: list[dict[str, Any]], as_they_are: tuple[str, ...] = ()) -> Path:
    path = folder / f"rows{ending}"
    path.write_bytes(table_bytes(path, NAMES, rows, as_they_are))
    return path


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".xlsx", ".jsonl", ".json", ".parquet"])
@settings(max_examples=15)
@given(rows=st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=4))
def test_texts_are_read_again_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, ending: str, rows: list[tuple[str, str, str]]
) -> None:
    lines = [dict(zip(NAMES, row, strict=True)) for row in rows]
    path = written(tmp_path_factory.mktemp("rows"), ending, lines, tuple(NAMES))
    raw = read_raw(path, "utf-8")
    assert [dict(row.fields) for row in raw.rows] == lines
    assert not raw.dropped


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".xlsx", ".jsonl", ".json", ".parquet"])
@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:20])
def test_every_value_is_written_in_every_format(tmp_path: Path, ending: str, value: Any) -> None:
    path = written(tmp_path, ending, [{"text": "first", "note": value}, {"text": "second", "note": "plain"}])
    content = path.read_bytes()
    if ending in {".jsonl", ".json"}:
        text = content.decode()
        first = json.loads(text)[0] if ending == ".json" else json.loads(text.splitlines()[0])
        assert "NaN" not in text and "Infinity" not in text
        assert first["note"] == (None if isinstance(value, float) and not math.isfinite(value) else value)
    elif "\0" not in str(value):  # a table that holds one cannot be read
        assert len(read_raw(path, "utf-8").rows) == 2


@pytest.mark.parametrize(
    ("text", "cell"),
    [("=1+1", "'=1+1"), ("@a", "'@a"), ("-a", "'-a"), ("-5", "-5"), ("+3.5%", "+3.5%"), ("-1,000", "-1,000"), ("a=b", "a=b")],
)
def test_what_a_spreadsheet_would_run_is_written_as_text(tmp_path: Path, text: str, cell: str) -> None:
    (row,) = read_raw(written(tmp_path, ".csv", [{"note": text}]), None).rows
    assert row.fields["note"] == cell
    (row,) = read_raw(written(tmp_path, ".csv", [{"note": text}], ("note",)), None).rows
    assert row.fields["note"] == text
    assert load_workbook(written(tmp_path, ".xlsx", [{"note": text}])).active["C2"].data_type == "s"


def test_what_a_workbook_cannot_hold_is_refused_with_another_format(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"longer than a cell holds → write a \.csv"):
        table_bytes(tmp_path / "a.xlsx", ["text"], [{"text": "a" * 40_000}])
    with pytest.raises(DataError, match="cannot be written"):
        table_bytes(tmp_path / "a.docx", ["text"], [])


def test_odd_names_and_empty_objects_can_be_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(table_bytes(path, ["a\ud800", "b"], [{"a\ud800": 1, "b": {}}]))
    (row,) = read_raw(path, None).rows
    assert dict(row.fields) == {"a\ufffd": 1, "b": "{}"}
