"""Where a text may be cut, from the best places to the worst."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from anytasktune.documents.headings import ARTICLE
from anytasktune.text.scripts import HAN

Span = tuple[int, int]
"""Start and end, without space at either end."""
Splitter = Callable[[str, Span], list[Span]]

SPACE = " \t\n\r\u3000\u200b\u200c\u200d\u2060\ufeff\xa0\u2028\u2029"
_BLANK_LINE = re.compile(r"\n(?:[^\S\n]|[\u200b\ufeff\u2060])*\n")
_ARTICLE_LINE = re.compile(rf"^[^\S\n]*(?:[#>*]+[ \t]*)?(?={ARTICLE.pattern})", re.MULTILINE)
_ITEM = (
    r"(?:[-*+•●·◦▪]\s|\|\s|\(?[A-Za-z\d]{1,4}[.)]\s|#{1,6}\s|\u3000|"
    r"[（(][一二三四五六七八九十\d]+[)）]|[一二三四五六七八九十]+、|第[一二三四五六七八九十百\d]+[条项款])"
)
_ENDED_LINE = re.compile(rf"(?<=[.!?:;。！？：；|”」』)）])[^\S\n]*\n|\n(?=[^\S\n]*{_ITEM})")
_CHINESE_END = re.compile("[。！？；!?;…]+[”’\"'」』）)】]*(?=.)", re.DOTALL)
_ENGLISH_END = re.compile(r"(?<![.!?])[.!?]++[\"'”’)\]]*+(?=\s++[\"'“‘(\[]*+[A-Z\d])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Inc|Ltd|Co|Corp|vs|etc|cf|al|ed|Ed|Vol|vol|No|no|Nos|Art|Sec|sec|Fig|fig|pp|p|"
    r"Fed|Cir|App|Supp|Stat|Reg|Gen|Col|Capt|Rep|Sen|Gov|approx|dept|Dept|est|e\.g|i\.e|U\.S|a\.m|p\.m|Jan|Feb|Mar|Apr|Jun|Jul|"
    r"Aug|Sept|Sep|Oct|Nov|Dec)|^\s*\(?[A-Za-z\d]{1,3})$"
)
_LINE = re.compile(r"\n")
_CLAUSE = re.compile("[，、；：,;:](?=.)", re.DOTALL)
_WORD = re.compile(r"\s+")
_CHINESE = re.compile(f"[{HAN}]")
_LOOK_BACK = 12


def blocks(text: str, span: Span) -> list[Span]:
    """Paragraphs, lists and tables: what stands between blank lines."""
    return _at(text, span, [match.end() for match in _BLANK_LINE.finditer(text, *span)])


def articles(text: str, span: Span) -> list[Span]:
    """The articles of a statute, each with all of its paragraphs."""
    starts = [match.start() for match in _ARTICLE_LINE.finditer(text, *span)]
    return _at(text, span, [start for start in starts if start > span[0]])


def lines(text: str, span: Span) -> list[Span]:
    """Lines that are meant as lines: rows, items, ended sentences; not those of a text that was wrapped."""
    return _at(text, span, [match.end() for match in _ENDED_LINE.finditer(text, *span)])


def sentences(text: str, span: Span) -> list[Span]:
    """Sentences of English and Chinese."""
    cuts = [match.end() for match in _CHINESE_END.finditer(text, *span) if _ends_chinese(text, match)]
    cuts += [match.end() for match in _ENGLISH_END.finditer(text, *span) if not _abbreviates(text, match, span[0])]
    return _at(text, span, sorted(set(cuts)))


def any_lines(text: str, span: Span) -> list[Span]:
    """Lines, meant or not."""
    return _at(text, span, [match.end() for match in _LINE.finditer(text, *span)])


def clauses(text: str, span: Span) -> list[Span]:
    """What stands between commas and the like, numbers left whole."""
    found = _CLAUSE.finditer(text, *span)
    return _at(text, span, [match.end() for match in found if match[0] in "，、；：" or text[match.end()].isspace()])


def words(text: str, span: Span) -> list[Span]:
    """What stands between spaces."""
    return _at(text, span, [match.end() for match in _WORD.finditer(text, *span)])


def characters(text: str, span: Span) -> list[Span]:
    """Single characters: the last resort."""
    return [(place, place + 1) for place in range(*span)]


FROM_BEST: tuple[Splitter, ...] = (articles, blocks, lines, sentences, any_lines, clauses, words, characters)


def trimmed(text: str, start: int, end: int) -> Span:
    """A span without the space at its ends; empty (start = end) if there is nothing else."""
    while start < end and text[start] in SPACE:
        start += 1
    while end > start and text[end - 1] in SPACE:
        end -= 1
    return start, end


def _at(text: str, span: Span, cuts: list[int]) -> list[Span]:
    return list(_between(text, [span[0], *cuts, span[1]]))


def _between(text: str, edges: list[int]) -> Iterator[Span]:
    for start, end in pairwise(edges):
        piece = trimmed(text, start, end)
        if piece[0] < piece[1]:
            yield piece


def _ends_chinese(text: str, match: "re.Match[str]") -> bool:
    """Marks that both languages use end a Chinese sentence only after Chinese."""
    if match[0][0] in "。！？；…":
        return True
    return _CHINESE.match(text[match.start() - 1]) is not None if match.start() else False


def _abbreviates(text: str, match: "re.Match[str]", start: int) -> bool:
    """Whether a full stop belongs to an abbreviation, an initial, or the number of an item."""
    if match[0] != ".":
        return False
    line = text.rfind("\n", start, match.start()) + 1
    before = text[max(start, line, match.start() - _LOOK_BACK) : match.start()]
    return _ABBREVIATION.search(before) is not None
