"""CSV, TSV and parquet."""

import datetime
import json
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anytasktune.datasets import ColumnMap, ReadResult, read_examples
from anytasktune.errors import ConfigError, DataError


def read_text(folder: Path, text: str, name: str = "rows.csv", columns: ColumnMap | None = None) -> ReadResult:
    path = folder / name
    path.write_bytes(text.encode())
    return read_examples(path, columns=columns)


def reasons(result: ReadResult) -> list[tuple[int, str]]:
    return [(row.row, row.reason) for row in result.dropped]


def test_cells_are_text_with_quotes_newlines_and_formulas_as_they_stand(tmp_path: Path) -> None:
    result = read_text(tmp_path, 'input,output\r\n"He said ""no"",\nthen left",refusal\r\n=1+1,\'@formula\r\n租金 ,0042\r\n')
    assert [(example.input, example.output) for example in result.examples] == [
        ('He said "no",\nthen left', "refusal"),
        ("=1+1", "'@formula"),
        ("租金 ", "0042"),
    ]
    assert result.format == "csv"


def test_a_row_is_numbered_by_the_line_it_begins_on(tmp_path: Path) -> None:
    result = read_text(tmp_path, 'input,output\n"two\nlines",a\n\n\nb,\nc,d,e\nf\n')
    assert result.rows == [2]
    assert reasons(result) == [(6, "empty_output"), (7, "bad_csv"), (8, "missing_field")]


def test_optional_columns_are_read_and_others_noted(tmp_path: Path) -> None:
    result = read_text(tmp_path, "id,input,output,language,source\n1,a,b,en,doc 7\n2,c,d,,\n")
    assert [(example.language, example.source) for example in result.examples] == [("en", "doc 7"), (None, None)]
    assert "id (2 rows)" in result.note


def test_tabs_and_semicolons_separate_where_the_header_says_so(tmp_path: Path) -> None:
    assert read_text(tmp_path, "input\toutput\na, b\tc\n", "rows.tsv").examples[0].input == "a, b"
    semicolons = read_text(tmp_path, "input;output\na, b;c\n")
    assert semicolons.examples[0].input == "a, b"
    assert "semicolons" in semicolons.note


def test_a_badly_quoted_row_is_dropped_and_reading_goes_on(tmp_path: Path) -> None:
    result = read_text(tmp_path, 'input,output\n"a"b,c\nd,e\n')
    assert reasons(result) == [(2, "bad_csv")]
    assert result.rows == [3]


def test_a_quote_that_is_never_closed_is_an_error_at_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"rows\.csv:3: .*never closed"):
        read_text(tmp_path, 'input,output\na,b\n"c,d\ne,f\n')


def test_nul_bytes_and_endless_cells_cost_only_their_rows(tmp_path: Path) -> None:
    result = read_text(tmp_path, f"input,output\na\0,b\n{'x' * 1_000_001},c\n{'y' * 200_000},d\n")
    assert reasons(result) == [(2, "nul_byte"), (3, "too_long")]
    assert len(result.examples[0].input) == 200_000


def test_two_columns_of_one_name_and_a_header_alone_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two columns are called 'input'"):
        read_text(tmp_path, "input,input,output\na,b,c\n")
    with pytest.raises(DataError, match="no rows"):
        read_text(tmp_path, "input,output\n")


def test_unknown_columns_are_never_guessed_but_the_option_is_spelt_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the columns are: No, Question, Answer → .*--columns input=Question,output=Answer"):
        read_text(tmp_path, "No,Question,Answer\n1,a,b\n")
    with pytest.raises(DataError, match="--columns input=用户提问,output=COLUMN"):
        read_text(tmp_path, "用户提问,甲\n1,a\n")


def test_named_columns_are_read(tmp_path: Path) -> None:
    text = "title,body,class,case,language\nRent,The flat is cold.,defect,K-1,python\n,No heating.,defect,K-2,java\n"
    columns = ColumnMap.parse("input=title+body, output=class, source=case")
    assert columns == ColumnMap.parse("input＝title+body，output＝class，source=case")
    result = read_text(tmp_path, text, columns=columns)
    assert [example.input for example in result.examples] == ["Rent\n\nThe flat is cold.", "No heating."]
    assert [(example.source, example.language) for example in result.examples] == [("K-1", None), ("K-2", None)]
    assert result.format == "csv"


def test_a_misspelt_column_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column 'Quesiton' → did you mean 'Question'"):
        read_text(tmp_path, "Question,Answer\na,b\n", columns=ColumnMap("Quesiton", "Answer"))


@pytest.mark.parametrize("text", ["input=a", "input=a,output=", "in=a,output=b", "input=a,output=b,input=c", ""])
def test_an_incomplete_column_option_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="input=COLUMN,output=COLUMN"):
        ColumnMap.parse(text)


def test_column_names_may_hold_commas_and_plus_signs(tmp_path: Path) -> None:
    columns = ColumnMap.parse("input=a, or +b,output=c")
    assert columns == ColumnMap("a, or +b", "c")
    assert read_text(tmp_path, '"a, or +b",c\nx,y\n', columns=columns).examples[0].input == "x"


def test_parquet_rows_are_read_with_nested_outputs_as_json(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    outputs = [{"人物": ["张三"]}, {"人物": ["李四"]}, None]
    pq.write_table(pa.table({"input": ["张三诉某公司", "李四诉某公司", "无"], "output": outputs}), path)
    result = read_examples(path)
    assert [example.output for example in result.examples] == ['{"人物": ["张三"]}', '{"人物": ["李四"]}']
    assert (result.format, reasons(result)) == ("parquet", [(3, "empty_output")])


def test_parquet_values_that_are_neither_text_nor_json_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table = {"input": ["a", "b"], "output": [datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)]}
    pq.write_table(pa.table(table), path)
    with pytest.raises(DataError, match="2 wrong_type"):
        read_examples(path)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 2**31 - 1, 2], pa.date32()),
        pa.array([0, 2**52, 1], pa.timestamp("s")),
        pa.array([0, 2**62, 1], pa.duration("s")),
    ],
    ids=["date", "time", "duration"],
)
def test_a_parquet_value_that_python_cannot_hold_costs_its_row_only(tmp_path: Path, column: pa.Array) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"input": ["a", "b", "c"], "output": ["x", "y", "z"], "when": column}), path)
    result = read_examples(path)
    assert [example.input for example in result.examples] == ["a", "c"]
    assert reasons(result) == [(2, "wrong_type")]


def test_a_damaged_parquet_file_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1 cut off")
    with pytest.raises(DataError, match="not a sound parquet file"):
        read_examples(path)


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("sep=;\r\ninput;output\r\na, b;x\r\nc;y\r\n", "semicolons"),
        ('"sep=|"\ninput|output\na|x\nc|y\n', "vertical bars"),
        ('input|output\n"a"|x\nc, d|y\n', "vertical bars"),
        ("input\toutput\na, b\tx\nc\ty\n", "tabs"),
    ],
)
def test_separators_are_recognised_by_equal_rows_or_named_in_the_first_line(tmp_path: Path, text: str, separator: str) -> None:
    result = read_text(tmp_path, text)
    assert [example.output for example in result.examples] == ["x", "y"]
    assert f"columns are separated by {separator}" in result.note
    assert result.rows == ([3, 4] if "sep=" in text else [2, 3])


def test_a_comma_in_a_column_name_does_not_hide_semicolons(tmp_path: Path) -> None:
    columns = ColumnMap.parse("input=Message (free, unedited),output=Kind")
    result = read_text(tmp_path, "Message (free, unedited);Kind\nThe lamp buzzes.;complaint\nOak?;question\n", columns=columns)
    assert [(example.input, example.output) for example in result.examples] == [
        ("The lamp buzzes.", "complaint"),
        ("Oak?", "question"),
    ]


def test_class_numbers_that_a_parquet_file_names_become_the_names(tmp_path: Path) -> None:
    features = {"output": {"names": ["complaint", "question"], "_type": "ClassLabel"}, "input": {"dtype": "string"}}
    table = pa.table({"input": ["a", "b"], "output": [1, 0]})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, tmp_path / "rows.parquet")
    assert [example.output for example in read_examples(tmp_path / "rows.parquet").examples] == ["question", "complaint"]


def test_a_workbook_is_read_as_its_reader_sees_it_with_the_sheets_row_numbers(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.title = "Letters"
    for row in (["input", "output"], ["The lamp buzzes.", 3], [None, None], [datetime.datetime(2026, 5, 1), 2.5], ["", "x"]):
        sheet.append(row)
    workbook.create_sheet("Notes").append(["only", "notes"])
    workbook.save(tmp_path / "rows.xlsx")
    result = read_examples(tmp_path / "rows.xlsx")
    assert [(example.input, example.output) for example in result.examples] == [
        ("The lamp buzzes.", "3"),
        ("2026-05-01", "2.5"),
    ]
    assert reasons(result) == [(5, "empty_input")]
    assert "sheet 'Letters' was read" in result.note
    assert "sheet 'Notes' was not read" in result.note


@pytest.mark.parametrize("content", [b"PK\x03\x04 not a zip", b"input,output\na,b\n", b"\xd0\xcf\x11\xe0 old format"])
def test_what_is_no_workbook_is_refused_with_advice(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rows.xlsx").write_bytes(content)
    with pytest.raises(DataError, match="not a sound Excel workbook"):
        read_examples(tmp_path / "rows.xlsx")
