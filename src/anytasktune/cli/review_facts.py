"""What is known of a candidate besides its texts, in words."""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rich.text import Text

from anytasktune.cli.review_words import word
from anytasktune.records import Language
from anytasktune.schema import Candidate, Passage, Verdict
from anytasktune.text.plain_text import shorten

if TYPE_CHECKING:
    from anytasktune.review import QueueItem

_QUOTED = 160
_DETAIL = 240
_GOOD, _FAIR = 0.8, 0.6
_COLOURS = {"accept": "green", "edit": "yellow", "reject": "red"}


def facts(
    item: "QueueItem", passages: Mapping[str, Passage], language: Language, *, settles: bool = False, whole: bool = False
) -> list[tuple[str, Text]]:
    """Label and text, line by line.

    Args:
        settles: whether to say what others decided; otherwise a second opinion would not be one.
        whole: whether to show the passage and the details whole.
    """
    passage = passages.get(item.candidate.origin.passage or "")
    lines = [
        ("why", _why(item, language)),
        ("votes", _votes(item) if settles else Text()),
        *_verdicts(item, whole),
        ("made", _made(item.candidate, language)),
        ("from", _from(item.candidate, passage, language)),
        ("rests", _rests(item.candidate, passage, whole)),
    ]
    return [(word(language, "label", label), text) for label, text in lines if text]


def versions(item: "QueueItem") -> list[tuple[str, str]]:
    """What others made of the candidate: input and output."""
    return item.outcome.versions if item.outcome else []


def _why(item: "QueueItem", language: Language) -> Text:
    return Text(" · ".join(word(language, "ground", ground) for ground in item.grounds), style="magenta")


def _votes(item: "QueueItem") -> Text:
    said = Text()
    for reviewer, vote in item.outcome.votes.items() if item.outcome else ():
        said.append("\n" if said else "").append(f"{reviewer}: ").append(vote.decision, style=_COLOURS[vote.decision])
        said.append(f" — {in_one_line(vote.note, _DETAIL)}" if vote.note else "", style="dim")
    return said


def _verdicts(item: "QueueItem", whole: bool) -> Iterator[tuple[str, Text]]:
    for verdict in item.verdicts:
        detail = visible(verdict.detail) if whole else in_one_line(verdict.detail, _DETAIL)
        if verdict.score is not None:
            colour = "green" if verdict.score >= _GOOD else "yellow" if verdict.score >= _FAIR else "red"
            line = Text(f"{verdict.score:.2f} ", style=f"bold {colour}")
            yield "judge", line.append(detail or verdict.reason, style="default not bold")
        elif not verdict.passed:
            yield "gate", Text(_named(verdict), style="bold red").append(f" {detail}", style="default not bold")
        elif verdict.reason or verdict.detail:
            yield "remark", Text(_named(verdict), style="yellow").append(f" {detail}", style="default")


def _named(verdict: Verdict) -> str:
    return verdict.gate if verdict.reason in {"", verdict.gate} else f"{verdict.gate}: {verdict.reason}"


def _made(candidate: Candidate, language: Language) -> Text:
    origin, cell = candidate.origin, candidate.origin.cell
    said = [word(language, "origin", origin.kind), cell.situation]
    said += [word(language, "cell", each) for each in (cell.difficulty, cell.length) if each]
    said += [word(language, "cell", "asked", label=cell.label)] if cell.label else []
    said += [word(language, "cell", "agreed", share=f"{origin.agreement:.0%}")] if origin.agreement is not None else []
    said += [word(language, "cell", "by", teacher=origin.teacher)] if origin.teacher else []
    return Text(visible(" · ".join(each for each in said if each)), style="dim")


def _from(candidate: Candidate, passage: Passage | None, language: Language) -> Text:
    span = candidate.origin.span or (passage.span if passage else None)
    document = span.document if span else candidate.source or ""
    page = f", {word(language, 'cell', 'page', page=passage.page)}" if passage and passage.page else ""
    headings = passage.heading if passage else ()
    return Text(visible(" › ".join([f"{document}{page}", *headings])) if document else "")


def _rests(candidate: Candidate, passage: Passage | None, whole: bool) -> Text:
    span = candidate.origin.span
    if passage is None:
        return Text()
    if whole:
        return Text(visible(passage.text), style="italic")
    if span is None or span.document != passage.span.document or span.start < passage.span.start:
        return Text()
    begin = passage.span.start
    return Text(in_one_line(passage.text[span.start - begin : span.end - begin], _QUOTED), style="italic")


def visible(text: str) -> str:
    """`text` with characters that would steer the terminal, or turn its writing round, as a mark that can be seen."""
    return "".join("\ufffd" if _steers(character) else character for character in text.replace("\r\n", "\n"))


def in_one_line(text: str, length: int) -> str:
    """The same on one line, cut to `length` characters."""
    return shorten(visible(text), length)


def _steers(character: str) -> bool:
    return (
        character not in "\n\t" and unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and character != "\u200d"
    )
