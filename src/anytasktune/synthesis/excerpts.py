"""Words that stand in a text: quotations found exactly in a passage, excerpts that can be inputs, and copied text."""

import re
from collections.abc import Iterator, Sequence

from anytasktune.schema import Passage, Span
from anytasktune.text.scripts import tokens

FEWEST_QUOTED = 3
"""Words (or Chinese characters) a quote has at least; less would stand nearly anywhere."""
COPIED = 0.6
"""A text of which so many 5-grams stand in what the teacher was told is nothing new."""
_QUOTES = "\"'“”‘’「」『』《》«» \t\r\n"
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；])|\n\s*\n")


def quoted_span(passage: Passage, quote: str) -> Span | None:
    """Span of `quote` in the passage's document; None where it does not stand there, or is too short to prove anything.

    White space is passed over: a quote may be broken into lines otherwise than the passage, and Chinese text is often broken in
    the middle of a word. Everything else has to be equal. Quotation marks around the quote are not part of it.
    """
    places = [place for place, char in enumerate(passage.text) if not char.isspace()]
    text = "".join(passage.text.split())
    for wanted in (quote.strip(), quote.strip(_QUOTES)):
        needle = "".join(wanted.split())
        start = text.find(needle) if len(tokens(wanted)) >= FEWEST_QUOTED else -1
        if start >= 0:
            return within(passage, places[start], places[start + len(needle) - 1] + 1)
    return None


def within(passage: Passage, start: int, end: int) -> Span:
    """The characters `start` to `end` of a passage, counted in its document."""
    first = passage.span.start
    return Span(document=passage.span.document, start=first + start, end=first + end)


def excerpts(passage: Passage, shortest: int, longest: int) -> list[Span]:
    """The passage in stretches of whole sentences of so many characters each, without white space around them.

    A sentence that is longer by itself is left out: half a sentence is no input.
    """
    found: list[Span] = []
    start: int | None = None
    end = 0
    for first, last in _sentences(passage.text):
        if start is not None and last - start > longest:
            found.append(within(passage, start, end))
            start = None
        if last - first > longest:
            continue
        start, end = first if start is None else start, last
    if start is not None:
        found.append(within(passage, start, end))
    return [span for span in found if span.end - span.start >= shortest]


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    edges = [0, *(edge for match in _SENTENCE_ENDS.finditer(text) for edge in match.span()), len(text)]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        piece = text[start:end]
        inner = piece.strip()
        if inner:
            first = start + len(piece) - len(piece.lstrip())
            yield first, first + len(inner)


def text_at(passage: Passage, span: Span) -> str:
    """Text at `span`, which lies within the passage."""
    first = passage.span.start
    return passage.text[span.start - first : span.end - first]


def by_turns(passages: Sequence[Passage]) -> list[Passage]:
    """The passages with those of one document as far apart as can be: each document's first, then each one's second, ..."""
    seen: dict[str, int] = {}
    turns: list[tuple[int, int]] = []
    for place, passage in enumerate(passages):
        document = passage.span.document
        turns.append((seen.get(document, 0), place))
        seen[document] = seen.get(document, 0) + 1
    return [passages[place] for _, place in sorted(turns)]
