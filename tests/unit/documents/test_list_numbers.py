"""Numbered paragraphs of Office files have the numbers that Word and PowerPoint show."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.documents.document_files import docx_paragraph, write_docx, write_pptx_shapes

from anytasktune.documents.formats import read_file
from anytasktune.documents.list_numbers import list_number


@pytest.mark.parametrize(
    ("number", "style", "shown"),
    [
        (4, "decimal", "4"),
        (3, "a", "c"),
        (28, "lowerLetter", "bb"),
        (2, "upperLetter", "B"),
        (1994, "lowerRoman", "mcmxciv"),
        (9, "I", "IX"),
        (7, "decimalZero", "07"),
        (22, "ordinal", "22nd"),
        (111, "ordinal", "111th"),
        (10, "chineseCounting", "十"),
        (24, "chineseCountingThousand", "二十四"),
        (110, "japaneseCounting", "一百一十"),
        (1005, "ideographDigital", "一千零五"),
        (3, "ideographTraditional", "丙"),
        (5, "decimalEnclosedCircle", "⑤"),
        (0, "lowerLetter", "0"),
        (99999, "upperRoman", "99999"),
        (6, "noSuchStyle", "6"),
    ],
)
def test_numbers_are_shown_in_their_style(number: int, style: str, shown: str) -> None:
    assert list_number(number, style) == shown


@given(st.integers(1, 3999))
def test_roman_and_chinese_numbers_say_what_they_count(number: int) -> None:
    signs = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
    values = [signs[sign] for sign in list_number(number, "lowerRoman")]
    assert sum(-one if one < two else one for one, two in zip(values, [*values[1:], 0], strict=True)) == number
    total, digit = 0, 1
    for sign in list_number(number, "chineseCounting"):
        if sign in "千百十":
            total += digit * {"千": 1000, "百": 100, "十": 10}[sign]
            digit = 0
        else:
            digit = "零一二三四五六七八九".index(sign)
    assert total + (digit if not list_number(number, "chineseCounting").endswith("十") else 0) == number


def level(place: int, style: str, text: str, start: int = 1, more: str = "") -> str:
    parts = f'<w:start w:val="{start}"/><w:numFmt w:val="{style}"/><w:lvlText w:val="{text}"/>{more}'
    return f'<w:lvl w:ilvl="{place}">{parts}</w:lvl>'


OUTLINE = level(0, "decimal", "%1.") + level(1, "decimal", "%1.%2") + level(2, "lowerLetter", "(%3)")
BULLETS = level(0, "bullet", "\uf0b7")
ARTICLES = level(0, "chineseCounting", "第%1章") + level(1, "chineseCounting", "第%2条")


def numbering(*definitions: str, numbers: str = "") -> str:
    """Definitions 0, 1, …, each with a list of the same number plus 1."""
    defined = "".join(f'<w:abstractNum w:abstractNumId="{n}">{each}</w:abstractNum>' for n, each in enumerate(definitions))
    lists = "".join(f'<w:num w:numId="{n + 1}"><w:abstractNumId w:val="{n}"/></w:num>' for n in range(len(definitions)))
    return defined + lists + numbers


def item(text: str, list_id: int = 1, place: int = 0, style: str = "") -> str:
    styled = f'<w:pStyle w:val="{style}"/>' if style else ""
    properties = f'<w:pPr>{styled}<w:numPr><w:ilvl w:val="{place}"/><w:numId w:val="{list_id}"/></w:numPr></w:pPr>'
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def word(tmp_path: Path, body: str, lists: str, styles: str = "") -> str:
    return read_file(write_docx(tmp_path / "a.docx", body, lists=lists, styles=styles), "docx").text


def test_levels_of_a_word_list_count_on_their_own_and_start_again_below_the_next_item(tmp_path: Path) -> None:
    body = item("a") + item("b", place=1) + item("c", place=2) + item("d", place=1) + item("e") + item("f", place=1)
    assert word(tmp_path, body, numbering(OUTLINE)) == "1. a\n1.1 b\n(a) c\n1.2 d\n2. e\n2.1 f"


def test_bullets_are_dashes_and_a_paragraph_taken_out_of_a_list_has_no_number(tmp_path: Path) -> None:
    body = item("a", 2) + item("b", 2) + item("c", 0) + item("d", 9)
    assert word(tmp_path, body, numbering(OUTLINE, BULLETS)) == "- a\n- b\n\nc\n\n- d"


def test_lists_of_one_definition_go_on_counting_unless_they_start_anew(tmp_path: Path) -> None:
    override = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride>'
    numbers = '<w:num w:numId="7"><w:abstractNumId w:val="0"/></w:num>'
    numbers += f'<w:num w:numId="8"><w:abstractNumId w:val="0"/>{override}</w:num>'
    body = item("a") + item("b", 7) + item("c", 8) + item("d", 8)
    assert word(tmp_path, body, numbering(OUTLINE, numbers=numbers)) == "1. a\n2. b\n1. c\n2. d"


def test_headings_and_articles_have_the_numbers_of_their_styles(tmp_path: Path) -> None:
    first, second = '<w:numId w:val="1"/>', '<w:ilvl w:val="1"/><w:numId w:val="1"/>'
    styles = "".join(
        f'<w:style w:styleId="{key}"><w:name w:val="{name}"/><w:pPr><w:numPr>{numbers}</w:numPr></w:pPr></w:style>'
        for key, name, numbers in (("Chapter", "heading 1", first), ("Article", "Article", second))
    )
    body = docx_paragraph("总则", "Chapter") + docx_paragraph("目的。", "Article") + docx_paragraph("范围。", "Article")
    body += docx_paragraph("罚则", "Chapter") + docx_paragraph("罚款。", "Article")
    text = word(tmp_path, body, numbering(ARTICLES), styles)
    assert text == "第一章 总则\n\n第一条 目的。\n第二条 范围。\n\n第二章 罚则\n\n第一条 罚款。"


def test_a_list_by_way_of_a_list_style_and_one_that_starts_later(tmp_path: Path) -> None:
    linked = '<w:styleLink w:val="S"/>' + level(0, "upperLetter", "%1)", start=3)
    body = item("a", 2) + item("b", 2)
    assert word(tmp_path, body, numbering(linked, '<w:numStyleLink w:val="S"/>')) == "C) a\nD) b"


def test_empty_paragraphs_of_a_list_are_counted_and_hidden_ones_are_not(tmp_path: Path) -> None:
    hidden = item("secret").replace("</w:pPr><w:r>", "<w:rPr><w:vanish/></w:rPr></w:pPr><w:r><w:rPr><w:vanish/></w:rPr>")
    assert word(tmp_path, item("a") + item("") + hidden + item("b"), numbering(OUTLINE)) == "1. a\n3. b"


def test_automatic_numbers_of_a_slide_are_counted_by_level(tmp_path: Path) -> None:
    def paragraph(text: str, numbers: str, place: int = 0) -> str:
        return f'<a:p><a:pPr lvl="{place}">{numbers}</a:pPr><a:r><a:t>{text}</a:t></a:r></a:p>'

    decimal, letters = '<a:buAutoNum type="arabicPeriod" startAt="2"/>', '<a:buAutoNum type="alphaLcParenBoth"/>'
    body = paragraph("a", decimal) + paragraph("b", letters, 1) + paragraph("c", letters, 1) + paragraph("d", decimal)
    body += paragraph("e", "") + paragraph("f", '<a:buAutoNum type="romanUcParenR"/>')
    document = read_file(write_pptx_shapes(tmp_path / "a.pptx", f"<p:sp><p:txBody>{body}</p:txBody></p:sp>"), "pptx")
    assert document.text == "2. a\n(a) b\n(b) c\n3. d\ne\nI) f"
