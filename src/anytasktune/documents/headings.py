"""Recognises headings: Markdown marks, the structure of Chinese statutes, numbered titles, lines in capitals."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from anytasktune.schema.passages import Heading
from anytasktune.text.plain_text import collapse_space
from anytasktune.text.scripts import HAN

LONGEST_TITLE = 120
_LONGEST_MARKED = 400
_NUMBER = "[零〇一二三四五六七八九十百千\\d]+"
_STATUTE = re.compile(rf"(?:第{_NUMBER}(?P<unit>编|分编|章|节)(?=[\s\u3000]|[^的之规所至到、，,]))|(?P<annex>附[ \u3000]*则$)")
_STATUTE_LEVELS = {"编": 1, "分编": 2, "章": 3, "节": 4}
ARTICLE = re.compile(rf"第{_NUMBER}条(?:之{_NUMBER})?(?=[\s\u3000【（(：:])")
"""An article of a statute: a place to cut, not a heading."""
ARTICLE_LINE = re.compile(rf"^{ARTICLE.pattern}", re.MULTILINE)
_CHINESE_NUMBERED = re.compile(r"[一二三四五六七八九十]{1,3}、")
_ENGLISH_UNIT = re.compile(
    r"(?P<unit>part|title|chapter|article|section|appendix|annex|schedule)\s+(?:[A-Z\d][\w.-]*)\s*(?:[:.–—-]\s*)?(?P<rest>.*)",
    re.IGNORECASE,
)
_ENGLISH_LEVELS = {"part": 1, "title": 1, "appendix": 1, "annex": 1, "schedule": 1, "chapter": 2, "article": 3, "section": 4}
_DECIMAL = re.compile(rf"§?\s?(?P<number>\d{{1,3}}(?:\.\d{{1,3}})*)\.?\s+(?=[A-Z{HAN}])")
_CAPITALS = re.compile(r"[A-Z][A-Z ,'’&/:()-]{3,}")
_ENDS = tuple(".。！？!?；;，,、…")
_ATX = re.compile(rf"(#{{1,6}})(?:[ \t\u3000]+|(?=[^\s#\w]|[{HAN}]))(.*)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_UNDERLINE = re.compile(r"(=+|-+)[ \t]*$")
_LINK = re.compile(r"!?\[([^\]\[]*)\]\([^()\s]*\)")
_EMPHASIS = re.compile(r"(\*\*|__|\*|`)(?=\S)(.+?)(?<=\S)\1")
_BLANK = " \t\u3000\u200b\ufeff\xa0"


@dataclass(frozen=True)
class Line:
    """A line of a text: its range, its text without the space around, and whether blank lines stand above and below it."""

    start: int
    end: int
    text: str
    alone: bool


def lines_of(text: str) -> list[Line]:
    """All lines that are not blank."""
    raw = text.split("\n")
    full = [line.strip(_BLANK) for line in raw]
    found, start = [], 0
    for number, line in enumerate(raw):
        if full[number]:
            above = number == 0 or not full[number - 1]
            below = number + 1 == len(raw) or not full[number + 1]
            found.append(Line(start, start + len(line), full[number], above and below))
        start += len(line) + 1
    return found


def written_headings(text: str) -> list[Heading]:
    """The headings of a text without marks.

    Chinese structure (第一编, 第一章, 第一节, 附则) wherever a line begins with it; the others (1.2 Title, Chapter 3, 一、标题,
    CAPITALS) only in lines that stand alone, are short and end like no sentence.
    """
    lines = lines_of(text)
    statute = [_heading(line, level) for line in lines if (level := statute_level(line.text))]
    if len(statute) > 1:
        return without_contents(text, statute)
    numbered = [_heading(line, level) for line in lines if line.alone and (level := numbered_level(line.text))]
    return without_contents(text, numbered)


def statute_level(line: str) -> int | None:
    """The depth of a heading as Chinese statutes have them; None if the line is none."""
    match = _STATUTE.match(line)
    if match is None or len(line) > 40 or line.endswith(_ENDS):
        return None
    return 3 if match["annex"] else _STATUTE_LEVELS[match["unit"]]


def numbered_level(line: str) -> int | None:
    """The depth of a title that begins with a number or is in capitals; None if the line is none."""
    if len(line) > LONGEST_TITLE or line.endswith(_ENDS) or line.startswith("|"):
        return None
    if _CHINESE_NUMBERED.match(line) and len(line) <= 40:
        return 5
    if (unit := _ENGLISH_UNIT.fullmatch(line)) and (not unit["rest"] or unit["rest"][0].isupper()):
        return _ENGLISH_LEVELS[unit["unit"].lower()]
    if match := _DECIMAL.match(line):
        return 5 + match["number"].count(".")
    words = line.replace(":", "").split()
    is_capitals = _CAPITALS.fullmatch(line) and any(len(word) > 3 for word in words) and len(words) <= 12
    return 1 if is_capitals else None


def markdown_headings(text: str) -> list[Heading]:
    """The headings of a Markdown text: those with marks or underlined; where there are hardly any, those of plain text."""
    marked = without_contents(text, list(_marked(text)))
    if len(marked) > 1:
        return marked
    written = [heading for heading in written_headings(text) if all(heading.start != other.start for other in marked)]
    deeper = [heading.model_copy(update={"level": heading.level + 1}) for heading in written]
    return sorted([*marked, *deeper], key=lambda heading: heading.start)


def _marked(text: str) -> Iterator[Heading]:
    start, fence, before = 0, "", (0, "")
    for line in text.split("\n"):
        end = start + len(line)
        opened = _FENCE.match(line)
        if opened and (not fence or line.strip().startswith(fence)):
            fence = "" if fence else opened[1][:3]
        elif not fence:
            if (match := _ATX.fullmatch(line)) and (title := plain(match[2][:_LONGEST_MARKED].rstrip("# \t"))):
                yield Heading(start=start, end=end, level=len(match[1]), title=title)
            elif before[1].strip() and _UNDERLINE.fullmatch(line) and len(line) > 2:
                title = before[1]  # not the end of a paragraph, a list or a table
                if len(title) <= LONGEST_TITLE and title.lstrip()[:1] not in "|-*>+#" and not title.endswith(_ENDS):
                    yield Heading(start=before[0], end=end, level=1 if line[0] == "=" else 2, title=plain(title))
        before = (start, line if not opened and not line.startswith("#") else "")
        start = end + 1


def plain(marked: str) -> str:
    """A line of Markdown without links and emphasis."""
    return collapse_space(_EMPHASIS.sub(r"\2", _LINK.sub(r"\1", marked)))


def without_contents(text: str, headings: list[Heading]) -> list[Heading]:
    """`headings` without those of a table of contents: nothing below them, and the same title again further on."""
    later: set[str] = set()
    kept: list[Heading] = []
    following = len(text)
    for heading in reversed(headings):
        name = "".join(heading.title.split())
        if name not in later or text[heading.end : following].strip():
            kept.append(heading)
        later.add(name)
        following = heading.start
    return kept[::-1]


def title_of(text: str, headings: list[Heading]) -> str:
    """The title of a document: its first heading, if that is the outermost, else its first line if that is short."""
    if headings and headings[0].level == min(heading.level for heading in headings) and not text[: headings[0].start].strip():
        return headings[0].title
    first = next((line.text for line in lines_of(text[:2000])), "")
    return plain(first.lstrip("# ")) if len(first) <= LONGEST_TITLE and not first.endswith(_ENDS) else ""


def _heading(line: Line, level: int) -> Heading:
    return Heading(start=line.start, end=line.end, level=level, title=collapse_space(line.text))
