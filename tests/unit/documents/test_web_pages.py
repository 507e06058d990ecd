"""Web pages and e-books: lines, lists and encodings as a browser shows them, whatever is left open."""

import codecs
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.documents.document_files import write_epub, write_zip

from anytasktune.documents.document_builder import DocumentBuilder
from anytasktune.documents.formats import read_file
from anytasktune.documents.read_html import add_html


def text_of(html: str) -> str:
    builder = DocumentBuilder()
    add_html(html, builder)
    return builder.record("", "html").text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<pre>def f(x):\n    if x:\n\n        return 1</pre>", "def f(x):\n    if x:\n\n        return 1"),
        ("<pre><code>\n$ make\n\t$ make test\n</code></pre>", "$ make\n\t$ make test"),
        ("<p>a</p><pre>  b\n c</pre><p>d\n e</p>", "a\n\n  b\n c\n\nd e"),
        ("<textarea>  a\n b</textarea>", "  a\n b"),
        ("<p style='white-space: pre-line'>a\nb</p>", "a\nb"),
        ("<address>Shop<br>1 Road<br/>Town</address>", "Shop\n1 Road\nTown"),
        ("<p>roses are red<br>\n violets</p>", "roses are red\nviolets"),
        ("one<br><br>two", "one\n\ntwo"),
        ("<h1>A<br>B</h1>c", "A B\n\nc"),
        ("<li><pre>x\n  y</pre></li>", "- x\n  y"),
    ],
)
def test_lines_that_a_browser_keeps_are_kept(html: str, text: str) -> None:
    assert text_of(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<ol><li>a<li>b</ol>", "1. a\n2. b"),
        ('<ol start="4"><li>a</li><li value="9">b</li><li>c</li></ol>', "4. a\n9. b\n10. c"),
        ('<ol type="a"><li>x<li>y</ol>', "a. x\nb. y"),
        ('<ol type="I"><li>x<ol><li>in</ol><li>y</ol>', "I. x\n1. in\nII. y"),
        ('<ol reversed start="3"><li>x<li>y</ol>', "3. x\n2. y"),
        ("<ol><li><p>a</p><p>b</p></li><li>c</li></ol>", "1. a\n\nb\n\n2. c"),
        ("<ul><li>a<ul><li>b</ul></ul><p>c", "- a\n- b\n\nc"),
        ("<ul><li></li></ul><p>c", "c"),
    ],
)
def test_items_have_the_numbers_a_browser_gives_them(html: str, text: str) -> None:
    assert text_of(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a<p>b<div>c", "a\n\nb\n\nc"),
        ("<p>a<table><tr><td>1<td>2</table>b", "a\n\n| 1 | 2 |\n| --- | --- |\n\nb"),
        ("<div><table><tr><td>1</div><td>2</table>b", "| 1 | 2 |\n| --- | --- |\n\nb"),
        ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\n\nb\n\nc\n\nd"),
        ("<h2><div>Two</div><div>parts</div></h2>text", "Two parts\n\ntext"),
        ("a</p>b</div></table>c", "a\n\nbc"),
        ("he said <q>yes</q>", "he said “yes”"),
        ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>", "漢(kan)"),
        ("<p><![CDATA[a < b]]></p>", "a < b"),
        ("soft\u00adhyphen, zero\u200bwidth", "softhyphen, zerowidth"),
    ],
)
def test_elements_that_are_left_open_end_where_a_browser_ends_them(html: str, text: str) -> None:
    assert text_of(html) == text


CHINESE = "读者每次可以借阅图书十册，借期三十天。"
GERMAN = "Für größere Bücher: 5 € Gebühr."


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (f'<meta charset="gb2312"><p>{CHINESE}'.encode("gb18030"), CHINESE),
        (f'<META content="text/html; charset=GBK" http-equiv=Content-Type><p>{CHINESE}'.encode("gbk"), CHINESE),
        (f'<?xml version="1.0" encoding="Big5"?><p>{"圖書館規則說明"}'.encode("big5"), "圖書館規則說明"),
        (f"<meta charset=iso-8859-1><p>{GERMAN}".encode("cp1252"), GERMAN),
        (f"<?xml version='1.0' encoding='windows-1252'?><p>{GERMAN}".encode("cp1252"), GERMAN),
        ("<meta charset=shift_jis><p>図書館の規則です。".encode("cp932"), "図書館の規則です。"),
        ("<meta charset=euc-kr><p>도서관 규칙입니다.".encode("cp949"), "도서관 규칙입니다."),
        ("<meta charset=windows-1251><p>Правила библиотеки".encode("cp1251"), "Правила библиотеки"),
        (f"<meta charset=iso-8859-1><p>{GERMAN}".encode(), GERMAN),
        (codecs.BOM_UTF16_LE + f"<p>{CHINESE}".encode("utf-16-le"), CHINESE),
        (codecs.BOM_UTF16_BE + f'<?xml version="1.0" encoding="UTF-16"?><p>{GERMAN}'.encode("utf-16-be"), GERMAN),
        (f"<p>{GERMAN}".encode("utf-16-le"), GERMAN),
        (f"<meta charset=utf-16><p>{GERMAN}".encode(), GERMAN),
        (f"<meta charset=no-such><p>{CHINESE * 5}".encode("gb18030"), CHINESE * 5),
        (f"<meta charset=hex><p>{GERMAN}".encode(), GERMAN),
    ],
)
def test_a_page_is_read_in_the_encoding_it_declares_unless_it_is_plainly_another(
    tmp_path: Path, content: bytes, text: str
) -> None:
    page = tmp_path / "a.html"
    page.write_bytes(content)
    assert read_file(page, "html").text == text


def opf(body: str, head: str = "") -> str:
    return f"{head}<package><metadata><title>T</title></metadata>{body}</package>"


ITEM = '<manifest><item id="c" href="c.xhtml" media-type="{}"/></manifest><spine><itemref idref="c"/></spine>'
DOCTYPE = '<!DOCTYPE package PUBLIC "+//ISBN 0-9673008-1-9//DTD OEB 1.2 Package//EN" "http://openebook.org/dtds/oeb-1.2/oebpkg12.dtd">'


@pytest.mark.parametrize(
    ("package", "chapter"),
    [
        (opf(ITEM.format("text/x-oeb1-document")), "<p>seen</p>"),
        (opf(ITEM.format("application/x-dtbook+xml")), "<p>seen</p>"),
        (opf(ITEM.format("application/octet-stream")), "<p>seen</p>"),
        (opf(ITEM.format("application/xhtml+xml"), DOCTYPE), "<p>seen</p>"),
        (opf(ITEM.format("application/xhtml+xml"), '<?xml version="1.0"?>\n' + DOCTYPE), DOCTYPE + "<p>seen</p>"),
        (opf(ITEM.format("application/xhtml+xml")), codecs.BOM_UTF16_LE + "<p>seen</p>".encode("utf-16-le")),
        (opf(ITEM.format("application/xhtml+xml")), "<?xml version='1.0' encoding='UTF-16BE'?><p>seen</p>".encode("utf-16-be")),
        (opf(ITEM.format("application/xhtml+xml")), "<?xml version='1.0' encoding='gbk'?><p>seen</p>".encode("gbk")),
        (opf(ITEM.format("application/xhtml+xml"), '<?xml version="1.0" encoding="utf-16"?>').encode("utf-16"), "<p>seen</p>"),
        (opf(ITEM.format("application/xhtml+xml"), '<?xml version="1.0" encoding="GBK"?>').encode("gbk"), "<p>seen</p>"),
        (
            opf(
                '<manifest><item id="p" href="p.pdf" media-type="application/pdf" fallback="c"/>'
                '<item id="c" href="c.xhtml" media-type="text/html"/></manifest><spine><itemref idref="p"/></spine>'
            ),
            "<p>seen</p>",
        ),
        (opf(ITEM.replace("c.xhtml", "%63.xhtml#top").format("text/html")), "<p>seen</p>"),
    ],
)
def test_the_chapters_of_older_and_foreign_books_are_read(tmp_path: Path, package: str | bytes, chapter: str | bytes) -> None:
    parts = {
        "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>',
        "OPS/book.opf": package,
        "OPS/c.xhtml": chapter,
    }
    document = read_file(write_zip(tmp_path / "a.epub", parts), "epub")
    assert (document.title, document.text, document.detail) == ("T", "seen", "")


def test_a_book_without_a_container_is_read_by_its_package_and_pages_do_not_change_its_title(tmp_path: Path) -> None:
    parts = {"book.opf": opf(ITEM.format("text/html")), "c.xhtml": "<title>Page</title><p>seen</p>"}
    document = read_file(write_zip(tmp_path / "a.epub", parts), "epub")
    assert (document.title, document.text) == ("T", "seen")


def test_hidden_parts_formulas_and_lists_of_a_book_are_read_as_of_a_page(tmp_path: Path) -> None:
    chapter = "<ol><li>10<sup>6</sup></li></ol><p hidden=''>secret</p><pre>a\n  b</pre>"
    document = read_file(write_epub(tmp_path / "a.epub", "t", [chapter]), "epub")
    assert (document.text, document.detail) == ("1. 10^6\n\na\n  b", "left out because hidden: 1 element")


TAGS = ["p", "div", "table", "tr", "td", "th", "caption", "ul", "ol", "li", "h1", "pre", "sup", "math", "msup", "br", "style"]
TAGGED = [*(f"<{tag}>" for tag in TAGS), *(f"</{tag}>" for tag in TAGS)]
PIECES = st.sampled_from([*TAGGED, "x", " y ", "<p hidden>", "<td rowspan=3>"])


@given(st.lists(PIECES, max_size=60).map("".join))
@settings(max_examples=300, deadline=None)
def test_no_page_is_too_muddled_to_read(html: str) -> None:
    text_of(html)
