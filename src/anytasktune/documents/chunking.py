"""Cuts a document's text into passages: along headings, then articles, paragraphs, lines, sentences, words."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from anytasktune.documents.headings import ARTICLE, ARTICLE_LINE
from anytasktune.schema.passages import Heading, Passage, ReadDocument, Span
from anytasktune.settings import DocumentsConfig
from anytasktune.text.scripts import HAN, count_han

TOO_SHORT, CONTENTS = "too_short", "contents"

Range = tuple[int, int]
"""Start and end in a text, without space at either end."""
Splitter = Callable[[str, Range], list[Range]]

_SPACE = " \t\n\r\u3000\u200b\u200c\u200d\u2060\ufeff\xa0\u2028\u2029"
_HAN = re.compile(f"[{HAN}]")
_WORD_CHARACTER = re.compile(r"[^\W_]")
_LINK = re.compile(r"!?\[[^\]\n]*\]\([^)\n]*\)")
_LISTED_LINK = re.compile(r"(?:[-*+]|\d+\.|\|)?[\s|,·]*")
_DOTTED_LINE = re.compile(r".*(?:\.{4,}|…{2,}|(?:\. ){4,})\s*\d+$")
_TABLE_RULE = re.compile(r"\|[\s:|-]+\|")
_ADDRESS = re.compile(r"https?://[^\s)\]>\"]+")
_MOST_HEADING = 200
_LONGEST_ROW = 4000
_SMALL = 4
"""Parts of a section below this fraction (1/4) of the passage length are joined to a neighbour."""
_LEAST_LISTED = 3

_BLANK_LINE = re.compile(r"\n(?:[^\S\n]|[\u200b\ufeff\u2060])*\n")
_ARTICLE_START = re.compile(rf"^[^\S\n]*(?:[#>*]+[ \t]*)?(?={ARTICLE.pattern})", re.MULTILINE)
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
_CLAUSE_END = re.compile("[，、；：,;:](?=.)", re.DOTALL)
_LOOK_BACK = 12


@dataclass(frozen=True)
class _Chunk:
    """A range of text below the same headings.

    Attributes:
        path: the headings above it, the outermost first.
        opening: start of its own heading's line if it begins right below that, else its start.
        within: the article or table header that it continues.
    """

    start: int
    end: int
    path: tuple[str, ...]
    opening: int
    within: tuple[str, ...] = ()


def measure(text: str) -> int:
    """Length of a text in characters, Chinese ones counted twice."""
    return len(text) + count_han(text)


def chunk_document(document: ReadDocument, name: str, config: DocumentsConfig) -> tuple[list[Passage], Counter[str]]:
    """Cut a document.

    Every passage holds at most `config.passage_length` (by `measure`), starts and ends with a character other than space, and
    overlaps no other. Text in no passage is a heading, space, or counted as dropped.

    Returns:
        Passages in the order of the text, without language, and the number of dropped chunks by reason.
    """
    text = document.text
    chunks = [part for section in _sections(document) for part in _divide(text, section, config.passage_length)]
    dropped: Counter[str] = Counter()
    passages = []
    for chunk in _join_short(text, chunks, config):
        said = text[chunk.start : chunk.end]
        if _is_short(text, chunk, config) or not _WORD_CHARACTER.search(said):
            dropped[TOO_SHORT] += 1
        elif _is_contents(said):
            dropped[CONTENTS] += 1
        else:
            span = Span(document=name, start=chunk.start, end=chunk.end)
            page = bisect_right(document.pages, chunk.start) or None
            passages.append(Passage(span=span, text=said, page=page, heading=chunk.path + chunk.within))
    return passages, dropped


def _sections(document: ReadDocument) -> Iterator[_Chunk]:
    """The text between headings; for a heading with nothing below it, the heading."""
    text, headings = document.text, document.headings
    above: list[Heading] = []
    start, end = _trim(text, 0, headings[0].start if headings else len(text))
    if start < end:
        yield _Chunk(start, end, (), start)
    for place, heading in enumerate(headings):
        while above and above[-1].level >= heading.level:
            above.pop()
        path = tuple(outer.title[:_MOST_HEADING] for outer in above)
        above.append(heading)
        following = headings[place + 1] if place + 1 < len(headings) else None
        start, end = _trim(text, heading.end, following.start if following else len(text))
        if start < end:
            yield _Chunk(start, end, (*path, heading.title[:_MOST_HEADING]), heading.start)
        elif following is None or following.level <= heading.level:
            start, end = _trim(text, heading.start, heading.end)
            yield _Chunk(start, end, path, heading.start)


def _divide(text: str, section: _Chunk, limit: int) -> Iterator[_Chunk]:
    """A section in parts that hold at most `limit`; a later part of an article or a table says which."""
    articles = [(match.start(), match[0]) for match in ARTICLE_LINE.finditer(text, section.start, section.end)]
    header, before_start, before = "", section.start, section.start
    for start, end in _parts(text, (section.start, section.end), limit, _FROM_BEST):
        if start == section.start:
            yield replace(section, end=end)
        else:
            continues_table = text.startswith("|", start) and text.count("\n", before, start) == 1
            header = (header or _header_within(text, before_start, before)) if continues_table else ""
            place = bisect_right(articles, start, key=lambda article: article[0])
            article = (articles[place - 1][1],) if place and articles[place - 1][0] < start else ()
            yield replace(section, start=start, end=end, opening=start, within=(header,) if header else article)
        before_start, before = start, end


def _header_within(text: str, start: int, end: int) -> str:
    """The header of the table that a chunk ends in; empty if it has none."""
    table = text[max(text.rfind("\n\n", start, end) + 2, start) : end]
    lines = [line for line in table[:_LONGEST_ROW].split("\n") if line.startswith("|")][:2]
    return lines[0][:_MOST_HEADING] if len(lines) == 2 and _TABLE_RULE.fullmatch(lines[1].strip()) else ""


def _parts(text: str, span: Range, limit: int, splitters: Sequence[Splitter]) -> Iterator[Range]:
    if measure(text[span[0] : span[1]]) <= limit:
        yield span
        return
    pieces = splitters[0](text, span)
    if len(pieces) < 2:
        yield from _parts(text, pieces[0] if pieces else span, limit, splitters[1:])
        return
    for start, end, alone in _pack(text, pieces, limit):
        yield from _parts(text, (start, end), limit, splitters[1:] if alone else splitters)


def _pack(text: str, pieces: Sequence[Range], limit: int) -> Iterator[tuple[int, int, bool]]:
    """Neighbouring pieces put together up to `limit`, as evenly as possible. Third: whether it is one piece alone."""
    total = sum(measure(text[start:end]) for start, end in pieces)
    target = total / -(-total // limit)
    start, end = pieces[0]
    held, alone = measure(text[start:end]), True
    for piece in pieces[1:]:
        size = measure(text[piece[0] : piece[1]])
        with_gap = held + measure(text[end : piece[0]]) + size
        if with_gap > limit or held + size / 2 > target:
            yield start, end, alone
            start, held, alone = piece[0], size, True
        else:
            held, alone = with_gap, False
        end = piece[1]
    yield start, end, alone


def _join_short(text: str, chunks: Sequence[_Chunk], config: DocumentsConfig) -> list[_Chunk]:
    """Short chunks put together with a neighbour, where the two have headings in common; within a section also small ones."""
    joined: list[_Chunk] = []
    for chunk in chunks:
        last = joined[-1] if joined else None
        if last and (both := _both(last, chunk)) and measure(text[both.start : both.end]) <= config.passage_length:
            smaller = min(measure(text[one.start : one.end]) for one in (last, chunk))
            is_small = last.path == chunk.path and smaller * _SMALL < config.passage_length
            if is_small or _is_short(text, last, config) or _is_short(text, chunk, config):
                joined[-1] = both
                continue
        joined.append(chunk)
    return joined


def _is_short(text: str, chunk: _Chunk, config: DocumentsConfig) -> bool:
    """Whether it holds too little text; web addresses do not count."""
    least = config.shortest_passage
    said = text[chunk.start : min(chunk.end, chunk.start + 10 * least)]
    return measure(_ADDRESS.sub("", said)) < least


def _both(first: _Chunk, second: _Chunk) -> _Chunk | None:
    """Two neighbours as one, below the headings they share, with the lines of the other headings in their text."""
    if first.path == second.path:
        return replace(first, end=second.end)
    shared = 0
    for one, two in zip(first.path, second.path, strict=False):
        if one != two:
            break
        shared += 1
    if not shared:
        return None
    start = first.opening if len(first.path) > shared else first.start
    return _Chunk(start, second.end, first.path[:shared], first.opening)


def _is_contents(said: str) -> bool:
    """Whether it is a table of contents or a list of links."""
    lines = [line.strip() for line in said.split("\n") if line.strip()]
    listed = 0
    for line in lines:
        rest = _LINK.sub("", line)
        is_link = rest != line and _LISTED_LINK.fullmatch(rest) is not None
        listed += is_link or _DOTTED_LINE.match(line) is not None
    return listed >= _LEAST_LISTED and listed >= 0.8 * len(lines)


def articles(text: str, span: Range) -> list[Range]:
    """The articles of a statute, each with all of its paragraphs."""
    starts = [match.start() for match in _ARTICLE_START.finditer(text, *span)]
    return _split_at(text, span, [start for start in starts if start > span[0]])


def sentences(text: str, span: Range) -> list[Range]:
    """Sentences of English and Chinese."""
    cuts = set()
    for match in _CHINESE_END.finditer(text, *span):
        # marks that both languages use end a Chinese sentence only after Chinese
        if match[0][0] in "。！？；…" or (match.start() and _HAN.match(text[match.start() - 1])):
            cuts.add(match.end())
    for match in _ENGLISH_END.finditer(text, *span):
        line = text.rfind("\n", span[0], match.start()) + 1
        before = text[max(span[0], line, match.start() - _LOOK_BACK) : match.start()]
        if match[0] != "." or not _ABBREVIATION.search(before):
            cuts.add(match.end())
    return _split_at(text, span, sorted(cuts))


def clauses(text: str, span: Range) -> list[Range]:
    """Text between commas and the like, numbers left whole."""
    ends = [match.end() for match in _CLAUSE_END.finditer(text, *span) if match[0] in "，、；：" or text[match.end()].isspace()]
    return _split_at(text, span, ends)


def characters(text: str, span: Range) -> list[Range]:
    """Single characters: the last resort."""
    return [(place, place + 1) for place in range(*span)]


def _after(pattern: str | re.Pattern[str]) -> Splitter:
    """A splitter that cuts behind every match."""
    compiled = re.compile(pattern)
    return lambda text, span: _split_at(text, span, [match.end() for match in compiled.finditer(text, *span)])


_FROM_BEST: tuple[Splitter, ...] = (
    articles,
    _after(_BLANK_LINE),
    _after(_ENDED_LINE),  # rows, items, ended sentences; not the lines of a wrapped text
    sentences,
    _after(r"\n"),
    clauses,
    _after(r"\s+"),
    characters,
)
"""Splitters from the best places to the worst."""


def _split_at(text: str, span: Range, cuts: list[int]) -> list[Range]:
    pieces = (_trim(text, start, end) for start, end in pairwise([span[0], *cuts, span[1]]))
    return [piece for piece in pieces if piece[0] < piece[1]]


def _trim(text: str, start: int, end: int) -> Range:
    """A range without the space at its ends; empty (start = end) if there is nothing else."""
    while start < end and text[start] in _SPACE:
        start += 1
    while end > start and text[end - 1] in _SPACE:
        end -= 1
    return start, end
