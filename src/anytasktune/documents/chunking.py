"""A document's text to passages: along headings, then articles, paragraphs, lines, sentences."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from anytasktune.documents.headings import ARTICLE_LINE
from anytasktune.documents.sentences import FROM_BEST, Span, Splitter, trimmed
from anytasktune.schema.passages import Heading, Passage, ReadDocument
from anytasktune.schema.passages import Span as Place
from anytasktune.settings import IngestConfig
from anytasktune.text.scripts import count_han

TOO_SHORT, CONTENTS = "too_short", "contents"

_WORDS = re.compile(r"[^\W_]")
_LINK = re.compile(r"!?\[[^\]\n]*\]\([^)\n]*\)")
_LISTED_LINK = re.compile(r"(?:[-*+]|\d+\.|\|)?[\s|,·]*")
_DOTTED_LINE = re.compile(r".*(?:\.{4,}|…{2,}|(?:\. ){4,})\s*\d+$")
_TABLE_RULE = re.compile(r"\|[\s:|-]+\|")
_ADDRESS = re.compile(r"https?://[^\s)\]>\"]+")
_MOST_HEADING = 200
_LONGEST_ROW = 4000
_SMALL = 4
"""Parts of a section with less than this part of what a passage holds are joined to one beside them."""
_LEAST_LISTED = 3


@dataclass(frozen=True)
class Cut:
    """What cutting gave.

    Attributes:
        passages: in the order of the text, without language.
        left_out: stretches that are no passages, by reason.
    """

    passages: list[Passage]
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Stretch:
    """A stretch of text below the same headings; `opening` is where the line of its own heading starts, if it begins there."""

    start: int
    end: int
    path: tuple[str, ...]
    opening: int
    within: tuple[str, ...] = ()
    """What else it stands in: the article, the header of the table."""


def measure(text: str) -> int:
    """Length of a text in characters, Chinese ones counted twice."""
    return len(text) + count_han(text)


def cut(document: ReadDocument, name: str, config: IngestConfig) -> Cut:
    """Cut a document.

    Every passage holds at most `config.passage_length` (by `measure`), starts and ends with what is no space, and overlaps no
    other. What is in no passage is a heading, space, or counted in `left_out`.
    """
    text = document.text
    stretches = [part for section in _sections(document) for part in _divided(text, section, config.passage_length)]
    joined = _joined(text, stretches, config)
    left_out: Counter[str] = Counter()
    passages = []
    for stretch in joined:
        said = text[stretch.start : stretch.end]
        if _is_short(text, stretch, config) or not _WORDS.search(said):
            left_out[TOO_SHORT] += 1
        elif _is_contents(said):
            left_out[CONTENTS] += 1
        else:
            passages.append(_passage(document, name, stretch, said))
    return Cut(passages, left_out)


def _sections(document: ReadDocument) -> Iterator[_Stretch]:
    """What stands between headings; of a heading with nothing below it, the heading."""
    text, headings = document.text, document.headings
    above: list[Heading] = []
    start, end = trimmed(text, 0, headings[0].start if headings else len(text))
    if start < end:
        yield _Stretch(start, end, (), start)
    for place, heading in enumerate(headings):
        while above and above[-1].level >= heading.level:
            above.pop()
        path = tuple(outer.title[:_MOST_HEADING] for outer in above)
        above.append(heading)
        following = headings[place + 1] if place + 1 < len(headings) else None
        start, end = trimmed(text, heading.end, following.start if following else len(text))
        if start < end:
            yield _Stretch(start, end, (*path, heading.title[:_MOST_HEADING]), heading.start)
        elif following is None or following.level <= heading.level:
            start, end = trimmed(text, heading.start, heading.end)
            yield _Stretch(start, end, path, heading.start)


def _divided(text: str, section: _Stretch, limit: int) -> Iterator[_Stretch]:
    """A section in parts that hold at most `limit`; a later part of an article or a table says which."""
    articles = [(match.start(), match[0]) for match in ARTICLE_LINE.finditer(text, section.start, section.end)]
    header, before_start, before = "", section.start, section.start
    for start, end in _parts(text, (section.start, section.end), limit, FROM_BEST):
        if start == section.start:
            yield replace(section, end=end)
        else:
            goes_on = text.startswith("|", start) and text.count("\n", before, start) == 1
            header = (header or _header_within(text, before_start, before)) if goes_on else ""
            within = (header,) if header else _article_around(articles, start)
            yield replace(section, start=start, end=end, opening=start, within=within)
        before_start, before = start, end


def _header_within(text: str, start: int, end: int) -> str:
    """The header of the table that a stretch ends in; empty if it has none."""
    table = text[max(text.rfind("\n\n", start, end) + 2, start) : end]
    lines = [line for line in table[:_LONGEST_ROW].split("\n") if line.startswith("|")][:2]
    return lines[0][:_MOST_HEADING] if len(lines) == 2 and _TABLE_RULE.fullmatch(lines[1].strip()) else ""


def _article_around(articles: Sequence[tuple[int, str]], start: int) -> tuple[str, ...]:
    """The article that a part which begins at `start` goes on with; none if one begins there."""
    place = bisect_right(articles, start, key=lambda article: article[0])
    return (articles[place - 1][1],) if place and articles[place - 1][0] < start else ()


def _parts(text: str, span: Span, limit: int, splitters: Sequence[Splitter]) -> Iterator[Span]:
    if measure(text[span[0] : span[1]]) <= limit:
        yield span
        return
    pieces = splitters[0](text, span)
    if len(pieces) < 2:
        yield from _parts(text, pieces[0] if pieces else span, limit, splitters[1:])
        return
    for start, end, alone in _packed(text, pieces, limit):
        yield from _parts(text, (start, end), limit, splitters[1:] if alone else splitters)


def _packed(text: str, pieces: Sequence[Span], limit: int) -> Iterator[tuple[int, int, bool]]:
    """Neighbouring pieces put together up to `limit`, as evenly as they come. Third: whether it is one piece alone."""
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


def _joined(text: str, stretches: Sequence[_Stretch], config: IngestConfig) -> list[_Stretch]:
    """Stretches that are too short put together with a neighbour, where the two have headings in common."""
    joined: list[_Stretch] = []
    for stretch in stretches:
        last = joined[-1] if joined else None
        if last and _belong_together(text, last, stretch, config):
            both = _both(last, stretch)
            if both and measure(text[both.start : both.end]) <= config.passage_length:
                joined[-1] = both
                continue
        joined.append(stretch)
    return joined


def _belong_together(text: str, first: _Stretch, second: _Stretch, config: IngestConfig) -> bool:
    """Whether one of two neighbours says too little by itself; within a section more is asked than beyond it."""
    if _is_short(text, first, config) or _is_short(text, second, config):
        return True
    smaller = min(measure(text[one.start : one.end]) for one in (first, second))
    return first.path == second.path and smaller * _SMALL < config.passage_length


def _is_short(text: str, stretch: _Stretch, config: IngestConfig) -> bool:
    """Whether it says too little; addresses of the web say nothing."""
    least = config.shortest_passage
    said = text[stretch.start : min(stretch.end, stretch.start + 10 * least)]
    return measure(_ADDRESS.sub("", said)) < least


def _both(first: _Stretch, second: _Stretch) -> _Stretch | None:
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
    return _Stretch(start, second.end, first.path[:shared], first.opening)


def _is_contents(said: str) -> bool:
    """Whether it only says where other things are."""
    lines = [line.strip() for line in said.split("\n") if line.strip()]
    listed = sum(1 for line in lines if _is_link(line) or _DOTTED_LINE.match(line))
    return listed >= _LEAST_LISTED and listed >= 0.8 * len(lines)


def _is_link(line: str) -> bool:
    rest = _LINK.sub("", line)
    return rest != line and _LISTED_LINK.fullmatch(rest) is not None


def _passage(document: ReadDocument, name: str, stretch: _Stretch, said: str) -> Passage:
    page = bisect_right(document.pages, stretch.start) or None
    return Passage(
        span=Place(document=name, start=stretch.start, end=stretch.end),
        text=said,
        page=page,
        heading=stretch.path + stretch.within,
    )
