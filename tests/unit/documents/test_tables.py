"""Tables are grids: every cell stands below its column's header, whatever spans rows or columns."""

from pathlib import Path

import pytest
from tests.unit.documents.document_files import (
    docx_paragraph,
    write_docx,
    write_epub,
    write_pptx_shapes,
    write_xlsx,
)

from anytasktune.documents.formats import read_file


def html(tmp_path: Path, body: str) -> str:
    page = tmp_path / "a.html"
    page.write_text(f"<html><body>{body}</body></html>", encoding="utf-8")
    return read_file(page, "html").text


def docx(tmp_path: Path, *rows: list[tuple[str, str]]) -> str:
    """A Word table of cells, each its text and properties."""
    return read_file(write_docx(tmp_path / "a.docx", docx_table(*rows)), "docx").text


def docx_table(*rows: list[tuple[str, str]]) -> str:
    def cell(text: str, properties: str) -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{text if text.startswith('<') else docx_paragraph(text)}</w:tc>"

    lines = ("".join(cell(*each) for each in row) for row in rows)
    return "<w:tbl>" + "".join(f"<w:tr>{line}</w:tr>" for line in lines) + "</w:tbl>"


def table(*rows: str) -> str:
    """Rows of cells between bars as Markdown."""
    lines = [f"| {row} |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0].split("|")), *lines[1:]])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            "<tr><th>team<th>task<th>days<tr><td rowspan=3>stock<td>count<td>1<tr><td>move<td>2<tr><td>clean<td>3",
            ["team | task | days", "stock | count | 1", "stock | move | 2", "stock | clean | 3"],
        ),
        (
            "<tr><th rowspan=2>city<th colspan=2>rain<tr><th>May<th>June<tr><td>Graz<td>80<td>95",
            ["city | rain | rain", "city | May | June", "Graz | 80 | 95"],
        ),
        (
            "<tbody><tr><th>a<th>b<tr><td rowspan=0>all<td>1<tr><td>2</tbody><tbody><tr><td>own<td>3</tbody>",
            ["a | b", "all | 1", "all | 2", "own | 3"],
        ),
        ("<tr><td>x<td colspan=2>y<tr><td>1<td>2<td rowspan=2>3<tr><td>4<td>5", ["x | y | y", "1 | 2 | 3", "4 | 5 | 3"]),
        ("<tr><th>a<th>b<tr><td colspan=2>both<tr><td>1<td>2", ["a | b", "both | ", "1 | 2"]),
        ("<tr><th>a<th>b<th>c<tr><td>1<tr><td>2<td>3<td>4", ["a | b | c", "1 |  | ", "2 | 3 | 4"]),
    ],
)
def test_spans_of_a_web_page_fill_the_places_they_cover(tmp_path: Path, rows: str, expected: list[str]) -> None:
    assert html(tmp_path, f"<table>{rows}</table>") == table(*expected)


def test_a_caption_and_a_title_over_the_whole_width_stand_above_the_table(tmp_path: Path) -> None:
    cells = "<tr><th>name</th><th>price</th></tr><tr><td>desk</td><td>90</td></tr>"
    below = table("name | price", "desk | 90")
    assert html(tmp_path, f"<table><caption>In <b>stock</b></caption>{cells}</table>") == f"In stock\n\n{below}"
    assert html(tmp_path, f"<table><tr><td colspan=2>In stock</td></tr>{cells}</table>") == f"In stock\n\n{below}"
    assert html(tmp_path, f"<table>{cells}<caption>In stock</table>") == f"In stock\n\n{below}"


def test_a_table_in_a_cell_stays_in_its_row(tmp_path: Path) -> None:
    inner = "<table><tr><td>width</td><td>80</td></tr><tr><td>depth</td><td>40</td></tr></table>"
    rows = f"<tr><th>of</th><th>is</th></tr><tr><td>size</td><td>{inner}</td></tr><tr><td>wood</td><td>oak</td></tr>"
    assert html(tmp_path, f"<table>{rows}</table>") == table("of | is", "size | width, 80; depth, 40", "wood | oak")


def test_a_table_that_only_lays_out_is_read_as_what_is_in_it(tmp_path: Path) -> None:
    inner = "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"
    left = "<td><h2>Menu</h2><p>One</p><p>Two</p></td>"
    expected = f"Menu\n\nOne\n\nTwo\n\n{table('a | b', '1 | 2')}"
    assert html(tmp_path, f"<table><tr>{left}<td>{inner}</td></tr></table>") == expected
    assert html(tmp_path, '<table role="presentation"><tr><td>One</td><td>Two</td></tr></table>') == "One\n\nTwo"
    assert html(tmp_path, "<table><tr><td>One</td></tr><tr><td>Two</td></tr></table>") == "One\n\nTwo"


def test_a_table_in_a_book_is_the_same_grid(tmp_path: Path) -> None:
    cells = "<tr><th>a</th><th>b</th></tr><tr><td rowspan='2'>x</td><td>1</td></tr><tr><td>2</td></tr>"
    document = read_file(write_epub(tmp_path / "a.epub", "t", [f"<table>{cells}</table>"]), "epub")
    assert document.text == table("a | b", "x | 1", "x | 2")


SPAN, DOWN, GOES_ON = '<w:gridSpan w:val="2"/>', '<w:vMerge w:val="restart"/>', "<w:vMerge/>"


def test_spans_of_a_word_table_fill_the_places_they_cover(tmp_path: Path) -> None:
    header = [("who", ""), ("what", ""), ("when", "")]
    down = docx(tmp_path, header, [("Ann", DOWN), ("desk", ""), ("May", "")], [("", GOES_ON), ("lamp", ""), ("June", "")])
    assert down == table("who | what | when", "Ann | desk | May", "Ann | lamp | June")
    across = docx(tmp_path, header, [("nothing", SPAN), ("July", "")], [("Bob", ""), ("shelf", ""), ("May", "")])
    assert across == table("who | what | when", "nothing | nothing | July", "Bob | shelf | May")
    both = docx(tmp_path, [("a", SPAN + DOWN), ("b", "")], [("", SPAN + GOES_ON), ("c", "")], [("1", ""), ("2", ""), ("3", "")])
    assert both == table("a | a | b", "a | a | c", "1 | 2 | 3")


def test_a_word_table_in_a_cell_stays_in_its_row(tmp_path: Path) -> None:
    inner = docx_table([("width", ""), ("80", "")]) + docx_paragraph("and more")
    text = docx(tmp_path, [("of", ""), ("is", "")], [("size", ""), (inner, "")], [("wood", ""), ("oak", "")])
    assert text == table("of | is", "size | width, 80 and more", "wood | oak")


def test_a_hidden_row_and_skipped_columns_keep_the_others_in_place(tmp_path: Path) -> None:
    opening, header, secret, late = docx_table([("a", ""), ("b", "")], [("secret", "")], [("late", "")]).split("<w:tr>")
    hidden, skipped = "<w:trPr><w:hidden/></w:trPr>", '<w:trPr><w:gridBefore w:val="1"/></w:trPr>'
    rows = "<w:tr>".join([opening, header, hidden + secret, skipped + late])
    document = read_file(write_docx(tmp_path / "a.docx", rows), "docx")
    assert (document.text, document.detail) == (table("a | b", " | late"), "left out because hidden: 1 row")


def test_spans_of_a_table_on_a_slide_fill_the_places_they_cover(tmp_path: Path) -> None:
    def cell(text: str, span: str = "") -> str:
        return f"<a:tc {span}><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>"

    rows = [
        cell("team") + cell("sales", 'gridSpan="2"') + cell("", 'hMerge="1"'),
        cell("North", 'rowSpan="2"') + cell("1") + cell("2"),
        cell("", 'vMerge="1"') + cell("3") + cell("4"),
    ]
    drawn = f"<a:tbl>{''.join(f'<a:tr>{row}</a:tr>' for row in rows)}</a:tbl>"
    frame = f"<p:graphicFrame><a:graphic><a:graphicData>{drawn}</a:graphicData></a:graphic></p:graphicFrame>"
    document = read_file(write_pptx_shapes(tmp_path / "a.pptx", frame), "pptx")
    assert document.text == table("team | sales | sales", "North | 1 | 2", "North | 3 | 4")


def xlsx_rows(*rows: dict[str, str]) -> str:
    cells = ("".join(f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>' for place, text in row.items()) for row in rows)
    return "".join(f'<row r="{number}">{row}</row>' for number, row in enumerate(cells, 1))


@pytest.mark.parametrize(
    ("merged", "expected"),
    [
        ("A2:A3", ["team | what", "stock | count", "stock | move"]),
        ("B1:C1", ["team | what | what", "stock | count", " | move"]),
        ("", ["team | what", "stock | count", " | move"]),
    ],
)
def test_a_merged_cell_of_a_sheet_stands_in_every_place_it_covers(tmp_path: Path, merged: str, expected: list[str]) -> None:
    rows = xlsx_rows({"A1": "team", "B1": "what"}, {"A2": "stock", "B2": "count"}, {"B3": "move"})
    merges = f'<mergeCells><mergeCell ref="{merged}"/></mergeCells>' if merged else ""
    document = read_file(write_xlsx(tmp_path / "a.xlsx", {"s": rows}, after=merges), "xlsx")
    assert document.text == "s\n\n" + table(*expected)


def test_a_title_merged_over_the_width_of_a_sheet_stands_once(tmp_path: Path) -> None:
    rows = xlsx_rows({"A1": "Prices 2026"}, {"A2": "name", "B2": "price", "C2": "tax"}, {"A3": "both", "C3": "5"})
    merges = '<mergeCells><mergeCell ref="A1:C1"/><mergeCell ref="A3:B3"/></mergeCells>'
    document = read_file(write_xlsx(tmp_path / "a.xlsx", {"s": rows}, after=merges), "xlsx")
    assert document.text == "s\n\n| Prices 2026 |\n| --- |\n| name | price | tax |\n| both | both | 5 |"


def test_a_table_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_text("<table>" + "<tr><td rowspan=60000 colspan=1000>x<td>y" * 50_000, encoding="utf-8")
    assert read_file(page, "html").reason == "too_large"
