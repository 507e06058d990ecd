"""Extracts the lines of a PDF's pages with PDFium: text, letter size, weight and place."""

import ctypes
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pypdfium2 as pdfium
from pypdfium2 import raw

from anytasktune.documents.document_builder import MOST_CHARACTERS, clean
from anytasktune.documents.formulas import SUBSCRIPT, SUPERSCRIPT, script
from anytasktune.documents.skip_reasons import SkippedFileError, broken, encrypted, too_large

MOST_PAGES = 5000
_HYPHENS = "\x02\ufffe"
"""PDFium's marks for a hyphen that only divides a word at the end of a line."""
_SMALL = 0.85
"""Superscripts and subscripts are at most this fraction of the usual height of a line's letters."""
_UNSCALED = 2.0
"""Up to this size a font is enlarged by the page, so that its size says nothing."""
_RAISED, _LOWERED = 0.1, -0.06
"""Least rise of a superscript, and greatest of a subscript, in heights of a letter."""
_FOREIGN = re.compile("[\ue000-\uf8ff\ufffd\x00\x01\x03-\x08\x0e-\x1f]")
_LINE_END = 10
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
        mapped: its text without letters that the font does not name; the same as `text` where it names all.
    """

    text: str
    size: float
    bold: bool
    left: float
    right: float
    top: float
    bottom: float
    divided: bool = False
    mapped: str = ""


@dataclass
class Letters:
    """Letters of a PDF.

    Attributes:
        count: of all, space left out.
        unmapped: those that their fonts do not name, so that they may be any others.
        foreign: number of control characters and signs for private use.
    """

    count: int = 0
    unmapped: list[str] = field(default_factory=list)
    foreign: int = 0


@dataclass(frozen=True)
class PdfPages:
    """A PDF as lines.

    Attributes:
        pages: the lines of each page.
        pictured: numbers of the pages (1-based) that show something but hold no text.
        title: among its properties.
        outline: titles of the bookmarks with their level (1: outermost).
        letters: how the letters of all pages are known.
    """

    pages: list[list[PdfLine]]
    pictured: list[int]
    title: str
    outline: dict[str, int]
    letters: "Letters"


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
        letters = Letters()
        for number in range(count):
            page = document[number]
            text_page = page.get_textpage()
            try:
                lines = list(_lines(text_page, letters))
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
        title = document.get_metadata_dict().get("Title", "")
        return PdfPages(pages, pictured, title, outline, letters)
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


def _lines(text: pdfium.PdfTextPage, all_letters: Letters) -> Iterator[PdfLine]:
    """The lines of a page; their letters are counted in `all_letters`."""
    codes = [raw.FPDFText_GetUnicode(text, place) for place in range(text.count_chars())]
    letters: list[_Letter] = []
    for place, code in enumerate([*codes, _LINE_END]):
        if code not in {10, 13}:
            if code and code not in _SURROGATE:
                letters.append(_Letter(place, chr(code), raw.FPDFText_HasUnicodeMapError(text, place) != 1))
            continue
        said = "".join(letter.text for letter in letters)
        all_letters.count += sum(map(len, said.split()))
        all_letters.foreign += len(_FOREIGN.findall(said))
        all_letters.unmapped += [letter.text for letter in letters if not letter.is_mapped]
        yield from _line(text, letters)
        letters = []


class _Letter(NamedTuple):
    """A letter at its place on the page."""

    place: int
    text: str
    is_mapped: bool


def _line(text: pdfium.PdfTextPage, letters: list[_Letter]) -> Iterator[PdfLine]:
    seen = [letter for letter in letters if not letter.text.isspace()]
    if not seen:
        return
    middle = seen[len(seen) // 2].place
    matrix = raw.FS_MATRIX()  # by which the page enlarges the font
    enlarged = abs(_finite(math.hypot(matrix.c, matrix.d))) if raw.FPDFText_GetMatrix(text, middle, matrix) else 1.0
    font = ctypes.create_string_buffer(128)
    raw.FPDFText_GetFontInfo(text, middle, font, len(font), ctypes.c_int())
    first, last = _box(text, seen[0].place), _box(text, seen[-1].place)
    shown = [letter for letter in letters if letter.text not in _HYPHENS]
    whole = clean(_with_scripts(text, shown))
    mapped = whole if all(letter.is_mapped for letter in shown) else "".join(one.text for one in shown if one.is_mapped)
    yield PdfLine(
        text=whole,
        size=_finite(raw.FPDFText_GetFontSize(text, middle)) * (enlarged or 1.0),
        bold=raw.FPDFText_GetFontWeight(text, middle) >= 600 or b"bold" in font.value.lower(),
        left=min(first[0], last[0]),
        right=max(first[1], last[1]),
        top=max(first[3], last[3]),
        bottom=min(first[2], last[2]),
        divided=seen[-1].text in _HYPHENS,
        mapped=clean(mapped),
    )


def _with_scripts(text: pdfium.PdfTextPage, letters: Sequence[_Letter]) -> str:
    """The text of a line, with marks for small letters above or below its base line."""
    sizes = {raw.FPDFText_GetFontSize(text, letter.place) for letter in letters if not letter.text.isspace()}
    if len(sizes) == 1 and max(sizes) > _UNSCALED:
        return "".join(letter.text for letter in letters)
    heights = [0.0 if letter.text.isspace() else _height(text, letter.place) for letter in letters]
    usual = Counter(round(height, 1) for height in heights if height).most_common(1)
    base = usual[0][0] if usual else 0.0
    small = [0 < height < _SMALL * base for height in heights]
    if not any(small):
        return "".join(letter.text for letter in letters)
    last = next(letter.place for letter, height in zip(letters, heights, strict=True) if height >= _SMALL * base)
    marks = []
    for letter, is_small in zip(letters, small, strict=True):
        last = last if is_small or letter.text.isspace() else letter.place
        rise = _base_line(text, letter.place) - _base_line(text, last) if is_small else 0.0
        mark = SUPERSCRIPT if rise > _RAISED * base else SUBSCRIPT if rise < _LOWERED * base else ""
        marks.append(mark if abs(rise) < base else "")
    shown = ""
    for mark, run in groupby(zip(letters, marks, strict=True), key=lambda pair: pair[1]):
        piece = "".join(letter.text for letter, _ in run)
        shown += script(piece, mark, before=shown) if mark else piece
    return shown


def _base_line(text: pdfium.PdfTextPage, place: int) -> float:
    x, y = ctypes.c_double(), ctypes.c_double()
    return _finite(y.value) if raw.FPDFText_GetCharOrigin(text, place, x, y) else 0.0


def _height(text: pdfium.PdfTextPage, place: int) -> float:
    _, _, bottom, top = _box(text, place)
    return top - bottom


def _box(text: pdfium.PdfTextPage, place: int) -> tuple[float, float, float, float]:
    """Left, right, bottom, top of a character with the space its font gives it."""
    box = raw.FS_RECTF()
    if not raw.FPDFText_GetLooseCharBox(text, place, box):
        return 0.0, 0.0, 0.0, 0.0
    return _finite(box.left), _finite(box.right), _finite(box.bottom), _finite(box.top)


def _finite(number: float) -> float:
    return float(number) if math.isfinite(number) else 0.0
