"""Letters of PDFs: those whose font does not name them are no text, and small raised ones are no digits of the number."""

from pathlib import Path

import pytest
from tests.unit.documents.document_files import HELVETICA, write_pdf_fonts

from anytasktune.documents.formats import read_file
from anytasktune.documents.read_pdf import looks_like_text

SENTENCE = "This is a test of the rules for readers who borrow books from the library of the town. "
LETTERS = sorted(set(SENTENCE))
DESCRIPTOR = (
    "<< /Type /FontDescriptor /FontName /ABCDEF+Foo /Flags 4 /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80"
    " /FontBBox [0 0 1000 1000] >>"
)


def drawn(font: int, code: str, lines: int = 10, top: int = 780) -> str:
    return "".join(f"BT /F{font} 11 Tf 60 {top - 20 * line} Td <{code}> Tj ET\n" for line in range(lines))


def simple_font(first: int, encoding: str = "") -> str:
    """A font of the letters of the sentence, numbered from `first`, that does not say which they are."""
    widths = " ".join(["600"] * len(LETTERS))
    codes = f"/FirstChar {first} /LastChar {first + len(LETTERS) - 1} /Widths [{widths}]"
    return f"<< /Type /Font /Subtype /TrueType /BaseFont /ABCDEF+Foo {codes} /FontDescriptor 6 0 R {encoding} >>"


def coded(first: int) -> str:
    return "".join(f"{first + LETTERS.index(letter):02x}" for letter in SENTENCE)


def identity_font(path: Path) -> Path:
    """Numbers of glyphs, as word processors count them, without a map to letters."""
    code = "".join(f"{ord(letter) - 29:04x}" for letter in SENTENCE)
    font = "<< /Type /Font /Subtype /Type0 /BaseFont /ABCDEF+Arial /Encoding /Identity-H /DescendantFonts [6 0 R] >>"
    inner = (
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /ABCDEF+Arial /DW 600"
        " /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>"
    )
    return write_pdf_fonts(path, drawn(1, code), [font], [inner])


def unnamed_glyphs(path: Path) -> Path:
    names = " ".join(f"/g{number}" for number in range(len(LETTERS)))
    encoding = f"/Encoding << /Type /Encoding /Differences [33 {names}] >>"
    return write_pdf_fonts(path, drawn(1, coded(33)), [simple_font(33, encoding)], [DESCRIPTOR])


def numbered_from_33(path: Path) -> Path:
    return write_pdf_fonts(path, drawn(1, coded(33)), [simple_font(33)], [DESCRIPTOR])


def numbered_from_1(path: Path) -> Path:
    return write_pdf_fonts(path, drawn(1, coded(1)), [simple_font(1)], [DESCRIPTOR])


@pytest.mark.parametrize("write", [identity_font, unnamed_glyphs, numbered_from_33, numbered_from_1])
def test_a_pdf_whose_fonts_do_not_name_their_letters_is_refused(tmp_path: Path, write: object) -> None:
    document = read_file(write(tmp_path / "a.pdf"), "pdf")  # type: ignore[operator]
    assert (document.status, document.reason) == ("skipped", "garbled")
    assert "OCR" in document.detail


def test_letters_without_a_name_that_still_say_something_are_read(tmp_path: Path) -> None:
    names = " ".join(f"/g{code}" for code in range(32, 127))
    encoding = f"/Encoding << /Type /Encoding /Differences [32 {names}] >>"
    widths = " ".join(["600"] * 95)
    font = f"<< /Type /Font /Subtype /Type1 /BaseFont /ABCDEF+Foo /FirstChar 32 /LastChar 126 /Widths [{widths}] {encoding} >>"
    document = read_file(write_pdf_fonts(tmp_path / "a.pdf", drawn(1, SENTENCE.encode().hex()), [font]), "pdf")
    assert document.text.startswith("This is a test of the rules")
    assert document.detail == ""


def test_a_few_unreadable_letters_are_left_out_and_reported(tmp_path: Path) -> None:
    names = " ".join(f"/g{number}" for number in range(len(LETTERS)))
    broken = simple_font(33, f"/Encoding << /Type /Encoding /Differences [33 {names}] >>").replace("6 0 R", "7 0 R")
    content = drawn(1, SENTENCE.encode().hex(), lines=12) + drawn(2, coded(33), lines=1, top=500)
    document = read_file(write_pdf_fonts(tmp_path / "a.pdf", content, [HELVETICA, broken], [DESCRIPTOR]), "pdf")
    assert document.text.startswith("This is a test")
    assert document.text.endswith("of the town.")
    assert document.detail == "letters of a font that does not say which they are were left out"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Für den Verleih der Bücher gelten die Regeln des Hauses, auch am Wochenende.", True),
        ("Los lectores pueden llevarse diez libros durante treinta días.", True),
        ("读者每次可以借阅图书十册，借期三十天，可以续借一次。", True),
        ("7KLV LV D WHVW RI WKH UXOHV IRU UHDGHUV ZKR ERUURZ ERRNV IURP WKH OLEUDUB", False),
        ("ɟʇⱥჰ⍰ᄉ⒪ⵥ⨂⎕⸮Ⰴ", False),
        ("", False),
    ],
)
def test_letters_of_doubtful_origin_are_judged_by_what_they_say(text: str, says: bool) -> None:
    assert looks_like_text(text) is says


@pytest.mark.parametrize(
    "text",
    [
        "Article 4711/B, 12 pcs, 3.50 EUR; 0815/C, 7 pcs, 19.90 EUR. " * 20,
        "ACGTTGCAAGCTTGCATGCCTGCAGGTCGACTCTAGAGGATCC " * 20,
        "deadbeef 0badf00d cafebabe 8badf00d " * 30,
        "x = a[i] * (b - c) / {d: 1}; if (x > 0) return -x; " * 20,
        "Contents .................................................... 7 " * 20,
    ],
)
def test_numbers_code_and_contents_are_text_where_the_font_names_its_letters(text: str) -> None:
    assert looks_like_text(text, certain=True)


RAISE = "/F1 7 Tf 4 Ts ({}) Tj 0 Ts /F1 11 Tf"
LOWER = "/F1 7 Tf -2 Ts ({}) Tj 0 Ts /F1 11 Tf"


@pytest.mark.parametrize(
    ("drawn_line", "text"),
    [
        (f"(The budget is 10) Tj {RAISE.format('6')} ( euro a year.) Tj", "The budget is 10^6 euro a year."),
        (f"(Water is H) Tj {LOWER.format('2')} (O for all of us here.) Tj", "Water is H_2O for all of us here."),
        (f"(It takes x) Tj {RAISE.format('n+1')} ( steps in all.) Tj", "It takes x^(n+1) steps in all."),
        (f"(The area is 25 m) Tj {RAISE.format('2')}", "The area is 25 m^2"),
        (f"(On the 1) Tj {RAISE.format('st')} ( of May it begins.) Tj", "On the 1st of May it begins."),
        (
            "(Set in small ) Tj /F1 7 Tf (CAPITALS) Tj /F1 11 Tf ( on one base line.) Tj",
            "Set in small CAPITALS on one base line.",
        ),
        ("(All of it in one size, 106.) Tj", "All of it in one size, 106."),
    ],
)
def test_small_letters_above_or_below_the_line_are_marked(tmp_path: Path, drawn_line: str, text: str) -> None:
    content = f"BT /F1 11 Tf 60 780 Td {drawn_line} ET\n"
    assert read_file(write_pdf_fonts(tmp_path / "a.pdf", content, [HELVETICA]), "pdf").text == text


def test_a_superscript_that_is_set_on_its_own_is_marked_where_the_page_enlarges_the_font(tmp_path: Path) -> None:
    content = "BT /F1 1 Tf 11 0 0 11 60 780 Tm (The budget is 10) Tj ET BT /F1 1 Tf 7 0 0 7 142.5 784 Tm (6) Tj ET"
    content += " BT /F1 1 Tf 11 0 0 11 148 780 Tm (euro and a little more.) Tj ET\n"
    assert read_file(write_pdf_fonts(tmp_path / "a.pdf", content, [HELVETICA]), "pdf").text == (
        "The budget is 10^6 euro and a little more."
    )
