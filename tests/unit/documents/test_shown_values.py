"""Cells are read as a spreadsheet shows them, not as it stores them."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.documents.document_files import write_xlsx

from anytasktune.documents.formats import read_file
from anytasktune.documents.number_formats import BUILT_IN, format_number, format_text


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (0.125, "0.0%", "12.5%"),
        (0.5, "0%", "50%"),
        (1.5, "0.00%", "150.00%"),
        (42, "000000", "000042"),
        (7, '"No. "000', "No. 007"),
        (5551234, "000-0000", "555-1234"),
        (2125551234, "[<=9999999]###-####;(###) ###-####", "(212) 555-1234"),
        (1234567.891, "#,##0.00", "1,234,567.89"),
        (999, "#,##0", "999"),
        (1234567, '0.0,,"M"', "1.2M"),
        (1234.5, '"£"#,##0.00', "£1,234.50"),
        (1234.5, "#,##0.00 [$€-407]", "1,234.50 €"),
        (1234.5, "[$¥-804]#,##0.00", "¥1,234.50"),
        (-1234.5, '"$"#,##0.00_);[Red]("$"#,##0.00)', "($1,234.50)"),
        (-5, "0.0", "-5.0"),
        (-5, "0.0;0.0", "5.0"),
        (-0.001, "0.00", "0.00"),
        (0, '0.0;-0.0;"none"', "none"),
        (3, ";;;", ""),
        (12.5, '0.0" kg"', "12.5 kg"),
        (3, 'General" pieces"', "3 pieces"),
        (85, '[>=90]"A";[>=80]"B";"C"', "B"),
        (1.75, "# ?/?", "1 3/4"),
        (2.625, "# ?/8", "2 5/8"),
        (0.5, "?/?", "1/2"),
        (3, "# ?/?", "3"),
        (12300000, "0.00E+00", "1.23E+07"),
        (0.000123, "0.0E-0", "1.2E-4"),
        (12345.678, "##0.0E+0", "12.3E+3"),
        (9.9999, "0.0E+0", "1.0E+1"),
        (1.005, "0.00", "1.01"),
        (2.5, "0", "3"),
        (1e20, "#,##0", "100,000,000,000,000,000,000"),
        (0.1 + 0.2, "", "0.3"),
        (12345678901234, "General", "12345678901234"),
    ],
)
def test_numbers_are_shown_by_their_format(value: float, code: str, shown: str) -> None:
    assert " ".join(format_number(value, code).split()) == shown


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (45292, "yyyy-mm-dd", "2024-01-01"),
        (45292, "d.m.yy", "1.1.24"),
        (45292, "dddd, d mmmm yyyy", "Monday, 1 January 2024"),
        (45292, "ddd d-mmm", "Mon 1-Jan"),
        (45292, '[$-804]yyyy"年"m"月"d"日"', "2024年1月1日"),
        (45292, "aaaa", "星期一"),
        (45292.75, "m/d/yyyy h:mm AM/PM", "1/1/2024 6:00 PM"),
        (45292.75, '上午/下午h"时"mm"分"', "下午6时00分"),
        (0.5, "h:mm", "12:00"),
        (0.04, "mm:ss", "57:36"),
        (0.99999, "h:mm:ss", "23:59:59"),
        (0.123456, "hh:mm:ss.00", "02:57:46.60"),
        (1.5, "[h]:mm", "36:00"),
        (2.25, "[h]:mm:ss", "54:00:00"),
        (0.0625, "[mm]:ss", "90:00"),
        (0.001, "[s]", "86"),
        (-1.25, "[h]:mm", "-30:00"),
        (1, "yyyy-mm-dd", "1900-01-01"),
        (59, "yyyy-mm-dd", "1900-02-28"),
        (60, "yyyy-mm-dd", "1900-02-29"),
        (61, "yyyy-mm-dd", "1900-03-01"),
        (-3, "yyyy-mm-dd", "-3"),
        (4e6, "yyyy-mm-dd", "4000000"),
    ],
)
def test_dates_and_times_are_shown_by_their_format(value: float, code: str, shown: str) -> None:
    assert format_number(value, code) == shown


def test_days_may_be_counted_from_1904() -> None:
    assert format_number(0, "yyyy-mm-dd", from_1904=True) == "1904-01-01"
    assert format_number(43830, "yyyy-mm-dd", from_1904=True) == format_number(45292, "yyyy-mm-dd")


@pytest.mark.parametrize(
    ("code", "shown"),
    [('@" kg"', "ten kg"), ("0.0", "ten"), ("General", "ten"), (";;;", ""), ('0;-0;0;"say "@', "say ten"), ("@", "ten")],
)
def test_texts_are_shown_by_their_format(code: str, shown: str) -> None:
    assert format_text("ten", code) == shown


@given(st.floats(allow_nan=False, allow_infinity=False), st.text('0#?.,%/;@[]"\\_*ymdhseEgaAP+-h:<>=$ 12General', max_size=20))
def test_no_format_makes_a_number_unreadable(value: float, code: str) -> None:
    assert isinstance(format_number(value, code), str)


@given(st.floats(-1e12, 1e12), st.sampled_from(["0.00", "#,##0.00", "0.0##", "0.00E+00", "0.0%", "# ??/??"]))
def test_a_shown_number_is_the_stored_one_rounded(value: float, code: str) -> None:
    text = format_number(value, code).replace(",", "")
    if "/" in code:
        *whole, part = text.replace("-", "").split() or ["0"]
        above, _, below = part.partition("/")
        shown = math.copysign(sum(map(int, whole)) + int(above) / int(below or 1), value)
    else:
        shown = float(text.rstrip("%")) / (100 if "%" in text else 1)
    assert shown == pytest.approx(value, rel=5.1e-3, abs=5.1e-3)


def test_the_cells_of_a_sheet_are_read_as_shown(tmp_path: Path) -> None:
    values = [0.075, 0.65, 1.5, 7, 45292, 3, 5]
    formats = ["0.0%", 9, 46, "00000", 'd"th of "mmmm', '"hidden";;', ";;;"]
    cells = "".join(f'<c r="A{n}" s="{n + 1}"><v>{value}</v></c>' for n, value in enumerate(values, 1))
    rows = "".join(f'<row r="{n}"><c{cell}</row>' for n, cell in enumerate(cells.split("<c")[1:], 1))
    document = read_file(write_xlsx(tmp_path / "a.xlsx", {"s": rows}, formats=formats), "xlsx")
    lines = document.text.split("\n")[2:]
    assert lines == ["| 7.5% |", "| --- |", "| 65% |", "| 36:00:00 |", "| 00007 |", "| 1th of January |", "| hidden |"]


def test_built_in_formats_are_all_understood() -> None:
    for code in BUILT_IN.values():
        assert format_number(45292.75, code) or code == "@"
    assert [format_number(-1234.5, BUILT_IN[number]).strip() for number in (5, 40, 44)] == [
        "($1,235)",
        "(1,234.50)",
        "$(1,234.50)",
    ]


def test_a_workbook_may_count_days_from_1904(tmp_path: Path) -> None:
    rows = '<row r="1"><c r="A1" s="1"><v>0</v></c></row>'
    assert "1904-01-01" in read_file(write_xlsx(tmp_path / "a.xlsx", {"s": rows}, from_1904=True), "xlsx").text


def test_dates_that_are_stored_as_text_are_shown_as_dates(tmp_path: Path) -> None:
    cells = '<c r="A1" t="d"><v>2024-01-01T00:00:00Z</v></c><c r="B1" t="d" s="2"><v>2024-01-01T18:30:00</v></c>'
    row = f'<row r="1">{cells}<c r="C1" t="d"><v>soon</v></c></row>'
    document = read_file(write_xlsx(tmp_path / "a.xlsx", {"s": row}, formats=["d.m.yy h:mm"]), "xlsx")
    assert "| 2024-01-01 | 1.1.24 18:30 | soon |" in document.text


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("first_x000D_\nsecond", "first second"),
        ("a_x0009_b", "a b"),
        ("a_x005F_x000D_b", "a_x000D_b"),
        ("max_x_value", "max_x_value"),
    ],
)
def test_escaped_characters_of_cells_are_read_as_what_they_stand_for(tmp_path: Path, stored: str, shown: str) -> None:
    inline = f'<c r="A1" t="inlineStr"><is><t>{stored}</t></is></c>'
    result = f'<c r="B1" t="str"><f>A1</f><v>{stored}</v></c>'
    document = read_file(write_xlsx(tmp_path / "a.xlsx", {"s": f'<row r="1">{inline}{result}</row>'}), "xlsx")
    assert document.text.split("\n")[2] == f"| {shown} | {shown} |"
