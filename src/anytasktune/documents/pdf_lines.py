"""Extracts the lines of a PDF's pages with PDFium: text, letter size, weight and place."""

import ctypes
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pypdfium2 as pdfium
from pypdfium2 import raw

from anytasktune.documents.document_builder import MOST_CHARACTERS, clean
from anytasktune.documents.skip_reasons import SkippedFileError, broken, encrypted, too_large

MOST_PAGES = 5000
_HYPHENS = "\x02\ufffe"
"""PDFium's marks for a hyphen that only divides a word at the end of a line."""
_SURROGATE = range(0xD800, 0xE000)


@dataclass(frozen=True)
class PdfLine:
    """A line of a page.

    Attributes:
        text: without superfluous space.
        size: of its letters, in points.
        bold: whether they are bold.
        left, right, top, bottom: its box in points; upwards counts up.
        divided: whether its last word continues in the next line.
    """

    text: str
    size: float
    bold: bool
    left: float
    right: float
    top: float
    bottom: float
    divided: bool = False


@dataclass(frozen=True)
class PdfPages:
    """A PDF as lines.

    Attributes:
        pages: the lines of each page.
        pictured: numbers of the pages (1-based) that show something but hold no text.
        title: among its properties.
        outline: titles of the bookmarks with their level (1: outermost).
    """

    pages: list[list[PdfLine]]
    pictured: list[int]
    title: str
    outline: dict[str, int]


def pdf_pages(path: Path) -> PdfPages:
    """Read all lines of a PDF.

    Raises:
        SkippedFileError: `encrypted`, `broken` or `too_large`.
    """
    document = _open(path)
    try:
        count = len(document)
        if count > MOST_PAGES:
            raise too_large(f"it has {count:,} pages")
        pages: list[list[PdfLine]] = []
        pictured: list[int] = []
        characters = 0
        for number in range(count):
            page = document[number]
            text_page = page.get_textpage()
            try:
                lines = list(_lines(text_page))
                has_content = bool(lines) or raw.FPDFPage_CountObjects(page) > 0
            finally:
                text_page.close()
                page.close()
            characters += sum(len(line.text) for line in lines)
            if characters > MOST_CHARACTERS:
                raise too_large(f"it holds more than {MOST_CHARACTERS:,} characters of text")
            pages.append(lines)
            if has_content and not lines:
                pictured.append(number + 1)
        outline: dict[str, int] = {}
        for bookmark in document.get_toc(max_depth=6):
            outline.setdefault("".join(bookmark.get_title().split()), bookmark.level + 1)
        return PdfPages(pages, pictured, document.get_metadata_dict().get("Title", ""), outline)
    except pdfium.PdfiumError as error:
        raise broken(f"PDFium cannot read it ({error})") from None
    finally:
        document.close()


def _open(path: Path) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        code = getattr(error, "err_code", None)
        if code == raw.FPDF_ERR_PASSWORD:
            raise encrypted("the PDF needs a password") from None
        if code == raw.FPDF_ERR_SECURITY:
            raise SkippedFileError(
                "encrypted", "the PDF is locked in a way that is not known", "print it to a new PDF"
            ) from None
        raise broken("not a whole PDF") from None


def _lines(text: pdfium.PdfTextPage) -> Iterator[PdfLine]:
    places: list[int] = []
    letters: list[str] = []
    for place in range(text.count_chars()):
        code = raw.FPDFText_GetUnicode(text, place)
        if code in {10, 13}:
            if places:
                yield from _line(text, places, letters)
            places, letters = [], []
        elif code and code not in _SURROGATE:
            places.append(place)
            letters.append(chr(code))
    if places:
        yield from _line(text, places, letters)


def _line(text: pdfium.PdfTextPage, places: list[int], letters: list[str]) -> Iterator[PdfLine]:
    said = "".join(letters)
    seen = [place for place, letter in zip(places, letters, strict=True) if not letter.isspace()]
    if not seen:
        return
    middle = seen[len(seen) // 2]
    matrix = raw.FS_MATRIX()  # by which the page enlarges the font
    enlarged = abs(_finite(math.hypot(matrix.c, matrix.d))) if raw.FPDFText_GetMatrix(text, middle, matrix) else 1.0
    font = ctypes.create_string_buffer(128)
    raw.FPDFText_GetFontInfo(text, middle, font, len(font), ctypes.c_int())
    first, last = _box(text, seen[0]), _box(text, seen[-1])
    yield PdfLine(
        text=clean("".join(letter for letter in said if letter not in _HYPHENS)),
        size=_finite(raw.FPDFText_GetFontSize(text, middle)) * (enlarged or 1.0),
        bold=raw.FPDFText_GetFontWeight(text, middle) >= 600 or b"bold" in font.value.lower(),
        left=min(first[0], last[0]),
        right=max(first[1], last[1]),
        top=max(first[3], last[3]),
        bottom=min(first[2], last[2]),
        divided=said.rstrip()[-1] in _HYPHENS,
    )


def _box(text: pdfium.PdfTextPage, place: int) -> tuple[float, float, float, float]:
    """Left, right, bottom, top of a character with the space its font gives it."""
    box = raw.FS_RECTF()
    if not raw.FPDFText_GetLooseCharBox(text, place, box):
        return 0.0, 0.0, 0.0, 0.0
    return _finite(box.left), _finite(box.right), _finite(box.bottom), _finite(box.top)


def _finite(number: float) -> float:
    return float(number) if math.isfinite(number) else 0.0
