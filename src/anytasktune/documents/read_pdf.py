"""Reads PDFs: puts lines together into paragraphs and headings; running titles and page numbers are left out."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from pathlib import Path

from anytasktune.documents.document_builder import DocumentBuilder
from anytasktune.documents.headings import ARTICLE, LONGEST_TITLE, statute_level
from anytasktune.documents.pdf_lines import PdfLine, PdfPages, pdf_pages
from anytasktune.documents.skip_reasons import SkippedFileError, empty
from anytasktune.text.scripts import CJK

LARGER = 1.12
"""Least ratio of a heading's letter size to that of the body."""
_WRITTEN_LEVEL = 50
"""Level below that of all headings in larger letters, for headings that are only numbered or bold."""
_MOST_HEADED = 0.4
"""Share of headings among the lines from which letter size no longer marks a heading."""
_EDGE = 2
"""Most running lines at the top or at the bottom of a page."""
_GAP = 0.6
"""Height of the gap that sets them off, in letter heights."""
_LEAST_REPEATED = 3
_PAGE_NUMBER = re.compile(
    r"[-–—·\s]*(?:第\s*)?(?:page\s*)?[\divxlc]{1,5}(?:\s*(?:of|/|页[,，]?\s*共)\s*\d+)?(?:\s*页)?[-–—·\s]*", re.I
)
_NUMBERED = re.compile(r"\d+(?:\.\d+)*\.?\s|(?:chapter|section|part|article|appendix)\s", re.IGNORECASE)
_DIGITS = re.compile(r"\d{1,6}")
_ITEM = re.compile(
    r"[•●▪■◦‣·*–—-]\s|\(?[a-z\d]{1,3}[.)]\s|[（(][一二三四五六七八九十\d]+[)）]|[一二三四五六七八九十]+、|" + ARTICLE.pattern
)
_ENDS = tuple(".!?。！？；;:：”\"'」』）)")
_CJK = re.compile(f"[{CJK}]")
_LEADERS = re.compile(r"\.{4}|(?:\. ){3}|…{2}")
"""Leaders between a title and its page number in a table of contents."""
_GARBLED = 0.2
"""Share of unreadable letters from which a PDF is refused."""
_OCR = "run text recognition (OCR) on it and give the result"
_LATIN_LETTERS = re.compile("[A-Za-z]")
_COMMONEST = frozenset("etaoinsrETAOINSR")
"""Two thirds of the letters of any text in a Western language; of letters that stand for others, a third or less."""
_LEAST_COMMON, _LEAST_CERTAIN, _FEWEST_LETTERS = 0.45, 0.28, 300
_LEAST_ALPHANUMERIC = 0.35
_MOSTLY = 0.8
_SAMPLE = 20_000


def read_pdf(path: Path) -> DocumentBuilder:
    """The text of a PDF.

    Raises:
        SkippedFileError: `encrypted`, `broken`, `too_large`, `scanned` (pictures of text), `garbled` (its fonts do not say
            which letters they show), `empty`.
    """
    found = pdf_pages(path)
    if not found.letters.count and found.pictured:
        raise SkippedFileError("scanned", f"all of its {len(found.pages)} pages are pictures without text", _OCR)
    if not found.letters.count:
        raise empty()
    pages = _readable_pages(found)
    builder = DocumentBuilder()
    builder.title = "" if found.title.strip("() ").lower() in {"untitled", "anonymous", "unspecified"} else found.title
    if found.pictured:
        shown = ", ".join(map(str, found.pictured[:20])) + (" …" if len(found.pictured) > 20 else "")
        builder.notes.append(f"pages without text (scanned?): {shown}")
    if pages is not found.pages:
        builder.notes.append("letters of a font that does not say which they are were left out")
    _ParagraphJoiner(pages, found.outline, builder).add_pages()
    return builder


def _readable_pages(found: PdfPages) -> Sequence[Sequence[PdfLine]]:
    """The lines that can be read: all, or those without the letters of a font that does not name its letters.

    Raises:
        SkippedFileError: `garbled`, if little can be read.
    """
    text = "".join(line.text for page in found.pages for line in page)
    letters = found.letters
    unreadable = 0 if looks_like_text("".join(letters.unmapped)) else len(letters.unmapped)
    if max(unreadable, letters.foreign) > _GARBLED * letters.count or not looks_like_text(text, certain=True):
        raise SkippedFileError("garbled", "its fonts do not say which letters they show", _OCR)
    if not unreadable:
        return found.pages
    return [[replace(line, text=line.mapped) for line in page if line.mapped] for page in found.pages]


def looks_like_text(text: str, *, certain: bool = False) -> bool:
    """Whether letters of doubtful origin say something: Latin ones as often as in words, others from everyday Chinese.

    Args:
        certain: whether the fonts name these letters, so that only plain nonsense counts against them.
    """
    sample = text[:_SAMPLE]
    latin = _LATIN_LETTERS.findall(sample)
    signs = [sign for sign, _ in groupby(sample) if not sign.isspace()]
    if certain:
        is_words = len(latin) < _FEWEST_LETTERS or sum(map(_COMMONEST.__contains__, latin)) > _LEAST_CERTAIN * len(latin)
        return is_words and sum(map(str.isalnum, signs)) > _LEAST_ALPHANUMERIC * len(signs)
    if len(latin) > len(signs) / 2:
        return sum(map(_COMMONEST.__contains__, latin)) > _LEAST_COMMON * len(latin)
    everyday = sum(sign > "\x7f" and bool(sign.encode("gb2312", "ignore")) for sign in signs)
    return everyday > _MOSTLY * len(signs)


class _ParagraphJoiner:
    """Puts lines together into paragraphs and headings, one line after the other."""

    def __init__(self, pages: Sequence[Sequence[PdfLine]], outline: dict[str, int], builder: DocumentBuilder) -> None:
        self._pages = without_running_lines(pages)
        self._builder = builder
        self._style = Style.of([line for page in self._pages for line in page], outline)
        self._text = ""
        self._level = 0
        self._last: PdfLine | None = None
        self._breaks: list[int] = []
        self._new_pages = 0

    def add_pages(self) -> None:
        """Add all lines of all pages to the builder."""
        for lines in self._pages:
            self._new_pages += 1
            for line in lines:
                self._add(line, lines)
        self._flush()

    def _add(self, line: PdfLine, page: Sequence[PdfLine]) -> None:
        level, last = self._style.level(line), self._last
        if last is None or level != self._level or (level and (self._new_pages or not _continues_heading(last, line))):
            joint = None
        elif level:
            joint = "" if last.divided else _space(last, line)
        elif self._new_pages:
            joint = None if last.text.endswith(_ENDS) or _ITEM.match(line.text) else _space(last, line)
        else:
            joint = self._style.joint(last, line, page)
        if joint is None:
            self._flush()
            self._level = level
        else:
            self._breaks += [len(self._text) + len(joint)] * self._new_pages
            self._new_pages = 0
        self._text += (joint or "") + line.text
        self._last = line

    def _flush(self) -> None:
        """End the paragraph or heading; pages that began meanwhile begin here."""
        if self._level:
            self._builder.heading(self._text, self._level)
        elif self._text:
            self._builder.paragraph(self._text, self._breaks)
        for _ in range(self._new_pages):
            self._builder.page()
        self._text, self._last, self._breaks, self._new_pages = "", None, [], 0


@dataclass(frozen=True)
class Style:
    """Typography of a document.

    Attributes:
        size: usual size of its letters.
        bold: whether most of it is bold.
        distance: usual distance of lines.
        levels: size of letters → level of the headings in them.
        outline: titles of bookmarks, without spaces → their level.
    """

    size: float
    bold: bool
    distance: float
    levels: dict[float, int]
    outline: dict[str, int]

    @classmethod
    def of(cls, lines: Sequence[PdfLine], outline: dict[str, int]) -> "Style":
        """The usual values among `lines`."""
        sizes: Counter[float] = Counter()
        for line in lines:
            sizes[_rounded(line.size)] += len(line.text)
        size = max(sizes, key=lambda key: (sizes[key], -key))
        distances = [one.bottom - two.bottom for one, two in pairwise(lines) if _rounded(two.size) == size]
        near = sorted(distance for distance in distances if 0 < distance < 4 * size) or [1.2 * size]
        bold = sum(len(line.text) for line in lines if line.bold) > 0.5 * sizes.total()
        large = {_rounded(line.size) for line in lines if _rounded(line.size) >= LARGER * size and _can_be_title(line)}
        levels = {size: level for level, size in enumerate(sorted(large, reverse=True), 1)}
        style = cls(size, bold, near[len(near) // 2], levels, outline)
        headed = sum(1 for line in lines if style.level(line))
        return style if headed <= _MOST_HEADED * len(lines) else replace(style, levels={}, bold=True)

    def level(self, line: PdfLine) -> int:
        """The level of the heading a line is, 0 if it is none."""
        if not _can_be_title(line):
            return 0
        if named := self.outline.get("".join(line.text.split())):
            return named
        if by_size := self.levels.get(_rounded(line.size)):
            return by_size
        if structure := statute_level(line.text):
            return _WRITTEN_LEVEL + structure
        is_set_off = line.bold and not self.bold and len(line.text) <= 80 and not line.text.endswith(_ENDS)
        is_title = line.text[0].isalnum() and not _ITEM.match(line.text)
        return _WRITTEN_LEVEL - 1 if is_set_off and is_title else 0

    def joint(self, last: PdfLine, line: PdfLine, page: Sequence[PdfLine]) -> str | None:
        """The text between two successive lines of a page; None if a paragraph begins."""
        ended = last.text.endswith(_ENDS)
        if ARTICLE.match(line.text) or abs(last.size - line.size) > 0.15 * self.size:
            return None
        if _ITEM.match(line.text):
            return "\n"
        distance = last.bottom - line.bottom
        if distance <= 0.3 * self.size:  # the next column, or the next cell of a row
            return " " if abs(distance) <= 0.3 * self.size else (None if ended else _space(last, line))
        if distance > 1.45 * self.distance:
            return None if ended or distance > 2.2 * self.distance or line.text[0].isupper() else "\n"
        right = max(other.right for other in page if abs(other.left - last.left) < 3 * self.size)
        first_word = line.text[:1] if _CJK.match(line.text[0]) else line.text.split(maxsplit=1)[0]
        width = (line.right - line.left) * len(first_word) / len(line.text)
        if last.right + width + self.size < right:  # there was room for the next word
            return None if ended else (" " if line.text[0].islower() else "\n")
        return "" if last.divided else _space(last, line)


def without_running_lines(pages: Sequence[Sequence[PdfLine]]) -> list[list[PdfLine]]:
    """The lines of pages without page numbers and running titles.

    Those are set off from the rest, at the same place of at least half of the pages, or, in letters no larger than the text's,
    of at least three.
    """
    seen: Counter[tuple[str, int]] = Counter()
    sizes: Counter[float] = Counter()
    for number, lines in enumerate(pages):
        seen.update({key for place in _set_off(lines) for key in _signatures(lines[place], number)})
        for line in lines:
            sizes[_rounded(line.size)] += len(line.text)
    usual = max(sizes, key=lambda size: sizes[size], default=0.0)

    def runs(line: PdfLine, number: int) -> bool:
        is_small = _rounded(line.size) <= usual
        often = _LEAST_REPEATED if is_small else max(_LEAST_REPEATED, len(pages) / 2)
        is_repeated = any(seen[key] >= often for key in _signatures(line, number))
        return is_repeated or (len(pages) > 1 and _PAGE_NUMBER.fullmatch(line.text) is not None)

    kept = []
    for number, lines in enumerate(pages):
        outer = _set_off(lines)
        kept.append([line for place, line in enumerate(lines) if place not in outer or not runs(line, number)])
    return kept


def _signatures(line: PdfLine, page: int) -> set[tuple[str, int]]:
    """Text and height of a running line: as it is, and with its first or last number relative to that of the page."""
    found, height = list(_DIGITS.finditer(line.text)), round(line.bottom / 4)
    counted = [line.text[: one.start()] + f"#{int(one[0]) - page}" + line.text[one.end() :] for one in found[:1] + found[-1:]]
    return {(text, height) for text in (line.text, *counted)}


def _set_off(lines: Sequence[PdfLine]) -> set[int]:
    """Places of at most two lines at the top and at the bottom of a page with a gap between them and the rest."""
    order = sorted(range(len(lines)), key=lambda place: -lines[place].bottom)
    found: set[int] = set()
    for count in (_EDGE, 1):
        if len(lines) > 2 * count:  # what is set off is less than the rest
            above, below = lines[order[count - 1]], lines[order[count]]
            if above.bottom - below.top > _GAP * above.size:
                found.update(order[:count])
            above, below = lines[order[-count - 1]], lines[order[-count]]
            if above.bottom - below.top > _GAP * below.size:
                found.update(order[-count:])
    return found or ({0} if len(lines) == 1 else set())


def _can_be_title(line: PdfLine) -> bool:
    is_short = len(line.text) <= LONGEST_TITLE and any(letter.isalpha() for letter in line.text)
    return is_short and not _LEADERS.search(line.text)


def _continues_heading(last: PdfLine, line: PdfLine) -> bool:
    """Whether two lines of a heading are lines of the same heading."""
    begins = statute_level(line.text) is not None or _NUMBERED.match(line.text) is not None
    is_near = 0 < last.bottom - line.bottom < 1.6 * max(last.size, 1.0)
    return is_near and _rounded(last.size) == _rounded(line.size) and not begins


def _space(last: PdfLine, line: PdfLine) -> str:
    """Chinese lines are joined without a space."""
    return "" if _CJK.match(last.text[-1]) and _CJK.match(line.text[0]) else " "


def _rounded(size: float) -> float:
    return round(size * 2) / 2
