"""What each format gives: text, headings, pages, tables."""

from itertools import pairwise
from pathlib import Path

import pytest
from tests.unit.documents.document_files import (
    docx_footnotes,
    docx_paragraph,
    write_docx,
    write_epub,
    write_pdf,
    write_pptx,
    write_xlsx,
)

from anytasktune.documents.formats import read_file
from anytasktune.schema.passages import ReadDocument

BODY = "Readers may borrow ten books at a time for thirty days, and renew each of them"
PARAGRAPH = [(BODY, 11.0), ("once, unless another reader waits for it. Whoever is late pays", 11.0), ("ten cents a day.", 11.0)]


def headings(document: ReadDocument) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in document.headings]


def pages(document: ReadDocument) -> list[str]:
    edges = [*document.pages, len(document.text)]
    return [document.text[start:end].strip() for start, end in pairwise(edges)]


def test_lines_of_a_pdf_become_paragraphs_under_headings(tmp_path: Path) -> None:
    page = [("Library rules", 20.0), ("", 20.0), ("1 Lending", 15.0), *PARAGRAPH, ("", 11.0), (BODY + ".", 11.0)]
    document = read_file(write_pdf(tmp_path / "a.pdf", [page, [("2 Fees", 15.0), *PARAGRAPH]]), "pdf")
    assert headings(document) == [(1, "Library rules"), (2, "1 Lending"), (2, "2 Fees")]
    whole = f"{BODY} once, unless another reader waits for it. Whoever is late pays ten cents a day."
    assert pages(document) == [f"Library rules\n\n1 Lending\n\n{whole}\n\n{BODY}.", f"2 Fees\n\n{whole}"]


def test_a_chinese_pdf_is_joined_without_spaces(tmp_path: Path) -> None:
    lines = [("第一章 总则", 12.0), ("第一条 读者每次可以借阅图书十册，借期三十天，可以续借一次。逾期不还的，按照每册", 12.0)]
    lines += [("每天一角收取滞纳金。", 12.0), ("第二条 遗失图书的，应当照价赔偿。", 12.0)]
    document = read_file(write_pdf(tmp_path / "a.pdf", [lines]), "pdf")
    assert [title for _, title in headings(document)] == ["第一章 总则"]
    assert "按照每册每天一角收取滞纳金。\n\n第二条 遗失图书的，应当照价赔偿。" in document.text


def test_a_paragraph_goes_on_over_a_page_and_running_lines_do_not_cut_it(tmp_path: Path) -> None:
    def page(number: int, *lines: str) -> list[tuple[str, float]]:
        return [
            ("Staff handbook 2024", 9.0),
            ("", 30.0),
            *[(line, 11.0) for line in lines],
            ("", 60.0),
            (f"Page {number}", 9.0),
        ]

    texts = [page(1, BODY, BODY), page(2, "and this goes on.", BODY, BODY), page(3, "here too.", BODY, BODY + ".")]
    document = read_file(write_pdf(tmp_path / "a.pdf", texts), "pdf")
    assert "Staff handbook" not in document.text
    assert "Page" not in document.text
    assert f"{BODY} {BODY} and this goes on." in document.text
    assert document.text[document.pages[1] :].startswith("and this goes on.")


def test_a_running_title_that_changes_by_chapter_is_left_out_and_a_heading_in_its_place_is_kept(tmp_path: Path) -> None:
    texts = []
    for number in range(8):
        top = ("Results", 16.0) if number < 3 else (f"Chapter {2 + number // 6}: Fees {number + 4}", 11.0)
        texts.append([top, ("", 30.0), (f"{BODY} {number}.", 11.0), (f"{number} {BODY}.", 11.0)])
    document = read_file(write_pdf(tmp_path / "a.pdf", texts), "pdf")
    assert "Chapter 2" not in document.text
    assert headings(document) == [(1, "Results")] * 3


def test_a_word_document_keeps_styles_tables_insertions_and_footnotes(tmp_path: Path) -> None:
    table = "".join(
        f"<w:tr>{''.join(f'<w:tc>{docx_paragraph(cell)}</w:tc>' for cell in row)}</w:tr>"
        for row in (("kind", "fee"), ("late", "a|b"))
    )
    body = (
        docx_paragraph("Staff handbook", "标题样式")
        + docx_paragraph("年假", "H2")
        + "<w:p><w:ins><w:r><w:t>inserted </w:t></w:r></w:ins><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
        "<w:sdt><w:sdtContent><w:r><w:t>controlled</w:t></w:r></w:sdtContent></w:sdt></w:p>"
        + f"<w:tbl>{table}</w:tbl>"
        + docx_paragraph("after the break", inside='<w:r><w:br w:type="page"/></w:r>')
    )
    document = read_file(write_docx(tmp_path / "a.docx", body, {"word/footnotes.xml": docx_footnotes("a footnote")}), "docx")
    assert headings(document) == [(2, "Staff handbook"), (3, "年假")]
    assert "inserted controlled\n\n| kind | fee |\n| --- | --- |\n| late | a\\|b |" in document.text
    assert "gone" not in document.text
    assert document.text.endswith("a footnote")
    assert document.text[document.pages[1] :].strip().startswith("after the break")


def test_slides_are_pages_with_their_titles_groups_and_notes(tmp_path: Path) -> None:
    document = read_file(
        write_pptx(tmp_path / "a.pptx", [("Fees", "late\nlost", "say it slowly"), ("借阅", "十册", "")]), "pptx"
    )
    assert headings(document) == [(1, "Fees"), (1, "借阅")]
    assert pages(document) == ["Fees\n\nlate\nlost\n\nsay it slowly", "借阅\n\n十册"]


def test_sheets_are_pages_with_values_as_they_were_shown(tmp_path: Path) -> None:
    rows = (
        '<row><c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row>'
        '<row><c r="A2" s="1"><v>45292</v></c><c r="B2" t="b"><v>1</v></c>'
        '<c r="C2"><f>A1*2</f><v>0.30000000000000004</v></c></row>'
        '<row><c r="A3"><f>SUM(A1:A2)</f></c><c r="B3" t="inlineStr"><is><t>x</t></is></c></row>'
    )
    document = read_file(write_xlsx(tmp_path / "a.xlsx", {"Fees": rows, "员工": rows}), "xlsx")
    table = "| late |  | 迟到 |\n| --- | --- | --- |\n| 2024-01-01 | TRUE | 0.3 |\n| =SUM(A1:A2) | x |"
    assert pages(document) == [f"Fees\n\n{table}", f"员工\n\n{table}"]
    assert "2 cells look like a formula" in document.detail


def test_a_book_is_read_in_order_without_scripts(tmp_path: Path) -> None:
    chapters = ["<h1>One</h1><p>First &amp; last</p><script>x()</script>", "<h1>二</h1><ul><li>甲</li><li><p>乙</p></li></ul>"]
    document = read_file(write_epub(tmp_path / "a.epub", "A book", chapters), "epub")
    assert (document.title, document.text) == ("A book", "One\n\nFirst & last\n\n二\n\n- 甲\n- 乙")


def test_of_a_web_page_what_a_reader_sees_is_taken(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    table = "<table><tr><th>kind<th>fee<tr><td>late<td></td></tr><tr><td>lost<td>20</table>"
    head = "<html><head><title>Fees</title><style>p{}</style><script>var a='<p>no</p>'</script>"
    page.write_text(f"{head}<body><nav>menu</nav><h1>Fees</h1><p>Two\n <b>euros</b> &lt;3{table}", encoding="utf-8")
    document = read_file(page, "html")
    rows = "| kind | fee |\n| --- | --- |\n| late |  |\n| lost | 20 |"
    assert (document.title, document.text) == ("Fees", f"Fees\n\nTwo euros <3\n\n{rows}")


def test_plain_files_keep_their_text_so_that_spans_lead_back(tmp_path: Path) -> None:
    page = tmp_path / "规则.txt"
    text = "第一章 总则\n第一条 读者每次可以借阅图书十册。\n第二章 罚则\n第二条 逾期不还的，按照每天一角收取滞纳金。\n"
    page.write_bytes(text.replace("\n", "\r\n").encode("gb18030"))
    document = read_file(page, "text")
    assert document.text == text
    assert headings(document) == [(3, "第一章 总则"), (3, "第二章 罚则")]
    assert "GB18030" in document.detail


def test_formulas_in_csv_are_text_and_reported(tmp_path: Path) -> None:
    page = tmp_path / "a.csv"
    page.write_text("name;change\r\n=cmd|' /C calc'!A0;-5%\r\n@SUM(A1);+3.2\r\n", encoding="utf-8", newline="")
    document = read_file(page, "csv")
    assert document.text == "| name | change |\n| --- | --- |\n| =cmd\\|' /C calc'!A0 | -5% |\n| @SUM(A1) | +3.2 |"
    assert document.detail == "2 cells look like a formula; read as text, never computed"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# A\n\n```\n# no\n```\n\n## B [c](d)\n\n#no\n\nE\n---\n\nx", [(1, "A"), (2, "B c"), (2, "E")]),
        (
            "# 法\n\n## 目 录\n\n第一章 总则\n\n第二章 罚则\n\n第一章 总则\n\n正文。\n\n第二章 罚则\n\n正文。",
            [(1, "法"), (2, "目 录")],
        ),
        ("| a | b |\n| --- | --- |\n| 1 | 2 |\n\ntext\n---\n", [(2, "text")]),
    ],
)
def test_markdown_headings_are_those_a_reader_sees(tmp_path: Path, text: str, found: list[tuple[int, str]]) -> None:
    page = tmp_path / "a.md"
    page.write_text(text, encoding="utf-8")
    assert headings(read_file(page, "markdown")) == found


def test_a_text_without_marks_has_the_headings_its_lines_show(tmp_path: Path) -> None:
    page = tmp_path / "a.txt"
    long = "The Board finds that the claim is granted. " * 3
    page.write_text(f"THE ISSUE\n\n{long}\n\n1.2 Scope of this\n\n{long}\n\nORDER\n\n{long}\n\n1. an item\n", encoding="utf-8")
    assert headings(read_file(page, "text")) == [(1, "THE ISSUE"), (6, "1.2 Scope of this"), (1, "ORDER")]
