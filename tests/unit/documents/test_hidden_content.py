"""Content that its author hid is left out and counted."""

from pathlib import Path

import pytest
from tests.unit.documents.document_files import docx_paragraph, write_docx, write_pptx_shapes, write_xlsx

from anytasktune.documents.formats import read_file


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>secret</p>",
        '<div style="display:none">a <div>secret</div> b</div>',
        '<p style="color:red; DISPLAY : none !important">secret</p>',
        '<span style="visibility:hidden">secret</span>',
        "<style>.x { display: none }</style><p class='y x'>secret</p>",
        "<style>/* .y{} */ #note, div.x{color:red;display:none}</style><p id=note>secret</p>",
        "<p style='opacity: 0.0;color:red'>secret</p>",
        "<b style='font-size:0'>secret</b>",
        "<style>@media screen { aside {display:none} }</style><aside>secret</aside>",
        "<dialog>secret</dialog>",
        "<p hidden>secret<p>",
        "<ul><li hidden>secret<li>shown too</ul>",
        "<table><tr hidden><td>secret<td>secret<tr><td>1<td>2</table>",
        '<ul style="display:none"><li>secret</ul>',
    ],
)
def test_a_hidden_element_of_a_page_is_left_out_and_counted(tmp_path: Path, hidden: str) -> None:
    page = tmp_path / "a.html"
    page.write_text(f"<body><p>before</p>{hidden}<p>after</p></body>", encoding="utf-8")
    document = read_file(page, "html")
    assert "secret" not in document.text
    assert document.text.startswith("before")
    assert document.text.endswith("after")
    assert document.detail == "left out because hidden: 1 element"


@pytest.mark.parametrize(
    "shown",
    [
        "<details><summary>more</summary><p>seen</p></details>",
        "<dialog open>seen</dialog>",
        '<span aria-hidden="true">seen</span>',
        "<style>@media print { p {display:none} }</style><p>seen</p>",
        "<style>.tab {display:none} .tab.open {display:block}</style><p class='tab open'>seen</p>",
        "<style>p {display:none}</style><p style='display:block'>seen</p>",
        "<style>.menu p {display:none}</style><p>seen</p>",
        "<p hidden></p><p>seen</p>",
        "<p style='opacity:0.5; font-size:0.9em'>seen</p>",
        "<div hidden><script>x</script></div>seen",
    ],
)
def test_a_page_is_read_where_a_browser_shows_it(tmp_path: Path, shown: str) -> None:
    page = tmp_path / "a.html"
    page.write_text(f"<body>{shown}</body>", encoding="utf-8")
    document = read_file(page, "html")
    assert "seen" in document.text
    assert document.detail == ""


def cells(*rows: tuple[str, str]) -> str:
    """Rows of two cells, the attributes of the row in front of them."""
    return "".join(
        f'<row r="{number}" {attributes}><c r="A{number}" t="inlineStr"><is><t>{text}</t></is></c>'
        f'<c r="B{number}"><v>{number}</v></c></row>'
        for number, (attributes, text) in enumerate(rows, 1)
    )


def test_hidden_sheets_rows_and_columns_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = cells(("", "shown"), ('hidden="1"', "secret"), ('ht="0"', "secret"), ('hidden="0"', "shown too"))
    columns = '<cols><col min="2" max="2" hidden="1"/><col min="5" max="16384" hidden="1"/></cols>'
    sheets = {"open": rows, "closed": cells(("", "secret")), "shut": cells(("", "secret"))}
    states = {"closed": "hidden", "shut": "veryHidden"}
    document = read_file(write_xlsx(tmp_path / "a.xlsx", sheets, before=columns, hidden=states), "xlsx")
    assert document.text == "open\n\n| shown |\n| --- |\n| shown too |"
    assert document.detail == "left out because hidden: 2 rows, 1 column, 2 sheets"
    assert len(document.pages) == 1


def test_a_workbook_of_hidden_sheets_is_empty(tmp_path: Path) -> None:
    document = read_file(write_xlsx(tmp_path / "a.xlsx", {"a": cells(("", "secret"))}, hidden={"a": "hidden"}), "xlsx")
    assert (document.status, document.reason) == ("skipped", "empty")


STYLES = (
    '<w:style w:styleId="Gone"><w:name w:val="Gone"/><w:rPr><w:vanish/></w:rPr></w:style>'
    '<w:style w:styleId="Under"><w:name w:val="Under"/><w:basedOn w:val="Gone"/></w:style>'
)


@pytest.mark.parametrize(
    "run",
    [
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r>",
        '<w:r><w:rPr><w:b/><w:vanish w:val="true"/></w:rPr><w:t>secret</w:t></w:r>',
        '<w:r><w:rPr><w:rStyle w:val="Gone"/></w:rPr><w:t>secret</w:t></w:r>',
        '<w:r><w:rPr><w:rStyle w:val="Under"/></w:rPr><w:t>secret</w:t></w:r>',
        '<w:hyperlink><w:r><w:rPr><w:vanish w:val="1"/></w:rPr><w:t>secret</w:t></w:r></w:hyperlink>',
    ],
)
def test_a_hidden_run_of_a_word_document_is_left_out_and_counted(tmp_path: Path, run: str) -> None:
    body = f"<w:p><w:r><w:t>before </w:t></w:r>{run}<w:r><w:t>after</w:t></w:r></w:p>"
    document = read_file(write_docx(tmp_path / "a.docx", body, styles=STYLES), "docx")
    assert (document.text, document.detail) == ("before after", "left out because hidden: 1 piece of text")


def test_a_run_that_is_shown_again_or_only_ends_in_a_hidden_mark_is_read(tmp_path: Path) -> None:
    shown_again = '<w:r><w:rPr><w:rStyle w:val="Gone"/><w:vanish w:val="0"/></w:rPr><w:t>seen</w:t></w:r>'
    mark = "<w:pPr><w:rPr><w:vanish/></w:rPr></w:pPr>"
    body = f"<w:p>{shown_again}</w:p><w:p>{mark}<w:r><w:t>seen too</w:t></w:r></w:p>" + docx_paragraph("secret", "Gone")
    document = read_file(write_docx(tmp_path / "a.docx", body, styles=STYLES), "docx")
    assert (document.text, document.detail) == ("seen\n\nseen too", "left out because hidden: 1 piece of text")


def test_a_hidden_drawing_of_a_word_document_is_left_out_and_counted(tmp_path: Path) -> None:
    def box(text: str, attributes: str) -> str:
        drawn = f"<w:txbxContent>{docx_paragraph(text)}</w:txbxContent>"
        return f'<w:p><w:r><w:drawing><w:anchor><w:docPr id="1" {attributes}/>{drawn}</w:anchor></w:drawing></w:r></w:p>'

    body = box("secret", 'hidden="1"') + box("seen", "") + docx_paragraph("after")
    document = read_file(write_docx(tmp_path / "a.docx", body), "docx")
    assert (document.text, document.detail) == ("seen\n\nafter", "left out because hidden: 1 drawing")


def test_a_hidden_shape_of_a_slide_is_left_out_and_counted(tmp_path: Path) -> None:
    def shape(text: str, attributes: str) -> str:
        named = f'<p:nvSpPr><p:cNvPr id="1" name="x" {attributes}/></p:nvSpPr>'
        return f"<p:sp>{named}<p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"

    in_group = "<p:grpSp>" + shape("secret", 'hidden="true"') + "</p:grpSp>"
    shapes = shape("seen", "") + shape("secret", 'hidden="1"') + in_group
    document = read_file(write_pptx_shapes(tmp_path / "a.pptx", shapes), "pptx")
    assert (document.text, document.detail) == ("seen", "left out because hidden: 2 shapes")
