"""One candidate in plain lines: its texts, its origin, and why it is worth reviewing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from anytasktune.cli.review_words import word
from anytasktune.cli.terminal import PlainConsole, one_line, visible
from anytasktune.records import Language
from anytasktune.schema import Candidate, Passage, ReviewItem, Task, Verdict

_QUOTED = 160
_DETAIL = 240
_GOOD, _FAIR = 0.8, 0.6
_COLOURS = {"accept": "green", "edit": "yellow", "reject": "red"}


@dataclass(frozen=True)
class Place:
    """Progress of a reviewer."""

    number: int
    total: int
    accepted: int


class ReviewLines:
    """Writes candidates on standard error, one below the other."""

    def __init__(self, task: Task, language: Language, passages: Mapping[str, Passage], *, show_votes: bool = False) -> None:
        """`show_votes`: show the decisions of others, to settle a dispute; otherwise a second opinion would not be one."""
        self._console = PlainConsole(stderr=True)
        self._task, self._language = task, language
        self._passages, self._show_votes = passages, show_votes

    def show(self, item: ReviewItem, place: Place, *, whole: bool = False) -> None:
        """Write a candidate; with `whole`, the passage and details are not cut."""
        candidate = item.candidate
        progress = word(self._language, "said", "progress", number=place.number, total=place.total)
        accepted = word(self._language, "said", "accepted", count=place.accepted)
        self.say(Text(f"\n{progress} · {accepted}", style="bold"))
        for label, text in self._facts(item, whole=whole):
            self.say(Text(f"{label}  ", style="dim").append(text))
        spoken = word(self._language, "language", candidate.language)
        self._text(f"{word(self._language, 'label', 'input')} · {spoken}", candidate.input)
        self._text(word(self._language, "label", "output"), candidate.output)
        versions = item.outcome.versions if item.outcome and self._show_votes else []
        for number, texts in enumerate(versions, 1):
            self._text(word(self._language, "said", "version", number=number), "\n\n".join(texts))
        self.keys((*"aersuvq?", "1" if versions else ""))

    def say(self, text: Text) -> None:
        """A line or more of its own."""
        self._console.print(text, soft_wrap=True)

    def keys(self, keys: tuple[str, ...]) -> None:
        """Keys and their meaning, in one line."""
        said = (f"{key} {word(self._language, 'key', key)}" for key in keys if key)
        self.say(Text("   ".join(said), style="dim"))

    def _text(self, name: str, text: str) -> None:
        self.say(Text(f"— {name}", style="cyan"))
        self.say(Text(text or word(self._language, "said", "none")))

    def _facts(self, item: ReviewItem, *, whole: bool) -> list[tuple[str, Text]]:
        """Label and text, line by line; with `whole`, the passage and details are not cut."""
        language = self._language
        passage = self._passages.get(item.candidate.origin.passage or "")
        votes = Text()
        for reviewer, vote in item.outcome.votes.items() if item.outcome and self._show_votes else ():
            votes.append("\n" if votes else "").append(f"{reviewer}: ").append(vote.decision, style=_COLOURS[vote.decision])
            votes.append(f" — {one_line(vote.note, _DETAIL)}" if vote.note else "", style="dim")
        lines = [
            ("why", Text(" · ".join(word(language, "reason", reason) for reason in item.reasons), style="magenta")),
            ("votes", votes),
            *_verdict_lines(item.verdicts, whole=whole),
            ("made", _origin(item.candidate, language)),
            ("from", _source(item.candidate, passage, language)),
            ("rests", _quote(item.candidate, passage, whole=whole)),
        ]
        return [(word(language, "label", label), text) for label, text in lines if text]


def _verdict_lines(verdicts: Sequence[Verdict], *, whole: bool) -> Iterator[tuple[str, Text]]:
    for verdict in verdicts:
        detail = visible(verdict.detail) if whole else one_line(verdict.detail, _DETAIL)
        named = verdict.gate if verdict.reason in {"", verdict.gate} else f"{verdict.gate}: {verdict.reason}"
        if verdict.score is not None:
            colour = "green" if verdict.score >= _GOOD else "yellow" if verdict.score >= _FAIR else "red"
            line = Text(f"{verdict.score:.2f} ", style=f"bold {colour}")
            yield "judge", line.append(detail or verdict.reason, style="default not bold")
        elif not verdict.passed:
            yield "gate", Text(named, style="bold red").append(f" {detail}", style="default not bold")
        elif verdict.reason or verdict.detail:
            yield "remark", Text(named, style="yellow").append(f" {detail}", style="default")


def _origin(candidate: Candidate, language: Language) -> Text:
    """Origin of a candidate: its kind, the cell of the plan, the teacher."""
    origin, cell = candidate.origin, candidate.origin.cell
    said = [word(language, "origin", origin.kind), cell.situation]
    said += [word(language, "cell", each) for each in (cell.difficulty, cell.length) if each]
    said += [word(language, "cell", "asked", label=cell.label)] if cell.label else []
    said += [word(language, "cell", "agreed", share=f"{origin.agreement:.0%}")] if origin.agreement is not None else []
    said += [word(language, "cell", "by", teacher=origin.teacher)] if origin.teacher else []
    return Text(visible(" · ".join(each for each in said if each)), style="dim")


def _source(candidate: Candidate, passage: Passage | None, language: Language) -> Text:
    """Document, page and headings."""
    span = candidate.origin.span or (passage.span if passage else None)
    document = span.document if span else candidate.source or ""
    page = f", {word(language, 'cell', 'page', page=passage.page)}" if passage and passage.page else ""
    headings = passage.heading if passage else ()
    return Text(visible(" › ".join([f"{document}{page}", *headings])) if document else "")


def _quote(candidate: Candidate, passage: Passage | None, *, whole: bool) -> Text:
    """The words of the passage that it rests on, or the `whole` passage."""
    span = candidate.origin.span
    if passage is None:
        return Text()
    if whole:
        return Text(visible(passage.text), style="italic")
    if span is None or span.document != passage.span.document or span.start < passage.span.start:
        return Text()
    begin = passage.span.start
    return Text(one_line(passage.text[span.start - begin : span.end - begin], _QUOTED), style="italic")
