"""One candidate on the screen: its texts, its origin, and why it is worth reviewing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from anytasktune.cli.review_words import about_in, word, words
from anytasktune.cli.terminal import PlainConsole, one_line, visible
from anytasktune.records import Language
from anytasktune.schema import Candidate, Passage, ReviewItem, Task, Verdict

_WIDEST = 100
_FRAME = 4
"""Columns of a frame and the space inside it."""
_FRAMES = 5
"""Lines of the two frames and of the cursor."""
_FEWEST_LINES = 4
_GAP = 3
"""Columns between two keys."""
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
    seconds_left: float | None = None


class ReviewScreen:
    """Draws on standard error: whole screens in a terminal, one below the other in a pipe."""

    def __init__(self, task: Task, language: Language, passages: Mapping[str, Passage], *, show_votes: bool = False) -> None:
        """`show_votes`: show the decisions of others, to settle a dispute; otherwise a second opinion would not be one."""
        self.console = PlainConsole(stderr=True)
        self._task, self._language = task, language
        self._passages, self._show_votes = passages, show_votes

    @property
    def width(self) -> int:
        """Columns that are used."""
        return min(self.console.width, _WIDEST)

    def show(self, item: ReviewItem, place: Place, message: RenderableType, *, whole: bool = False) -> None:
        """Draw a candidate; what does not fit on the screen is cut unless `whole`."""
        cut = self.console.is_terminal and not whole
        said = self._facts(item, whole=whole)
        others = []
        for number, texts in enumerate(item.outcome.versions if item.outcome and self._show_votes else (), 1):
            version = "\n\n".join(texts)
            others.append(
                self._frame(self._wrapped(version), len(version), word(self._language, "said", "version", number=number))
            )
        numbers = f"1-{len(others)}" if len(others) > 1 else "1"
        tail = Group(*others, message, self._legend((*"aersuvq?", "1" if others else ""), numbers))
        lines = [self._wrapped(text) for text in (item.candidate.input, item.candidate.output)]
        wanted = sum(map(len, lines))
        head, room = self._heading(place, said, tail, one_line=False)
        if cut and room < wanted:
            head, room = self._heading(place, said, tail, one_line=True)
        shares = _shares(lines, max(room, 2 * _FEWEST_LINES) if cut else wanted)
        spoken = f" · {word(self._language, 'language', item.candidate.language)}"
        frames = [self._frame(lines[0], shares[0], "input", spoken), self._frame(lines[1], shares[1], "output")]
        self.close()
        self.console.print(Group(head, *frames, tail), width=self.width)

    def say(self, text: RenderableType) -> None:
        """A line or more of its own."""
        self.console.print(text, width=self.width)

    def page(self, text: RenderableType) -> None:
        """A screen of its own."""
        self.close()
        self.say(text)

    def close(self) -> None:
        """Leave the terminal empty for what is printed next."""
        if self.console.is_terminal:
            self.console.clear()

    def end(self, message: RenderableType) -> None:
        """The screen after the last candidate, whose decision can still be undone."""
        keys = self._legend(("u", "q"))
        self.page(Group(Text(word(self._language, "said", "all_seen"), style="bold"), message, keys))

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

    def _heading(
        self, place: Place, said: Sequence[tuple[str, Text]], tail: RenderableType, *, one_line: bool
    ) -> tuple[Group, int]:
        """The part above the texts, and the number of lines left for them."""
        bar = Text()
        if self.console.is_terminal:
            done = self.width * (place.number - 1) // max(1, place.total)
            bar = Text("━" * done, style="green").append("━" * (self.width - done), style="bright_black")
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="dim", no_wrap=True, min_width=max((cell_len(label) for label, _ in said), default=0))
        table.add_column(no_wrap=one_line, overflow="ellipsis" if one_line else "fold")
        for label, text in said:
            table.add_row(label, text)
        head = Group(self._progress(place), bar, table, Text())
        return head, self.console.height - self._height(head) - self._height(tail) - _FRAMES

    def _height(self, part: RenderableType) -> int:
        return len(self.console.render_lines(part, self.console.options.update_width(self.width)))

    def _progress(self, place: Place) -> Table:
        language = self._language
        said = [word(language, "said", "progress", number=place.number, total=place.total)]
        said += [word(language, "said", "accepted", count=place.accepted)]
        if place.seconds_left is not None:
            said.append(word(language, "said", "time_left", time=about_in(language, place.seconds_left)))
        line = Table.grid(expand=True, padding=0)
        line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        line.add_column(justify="right", no_wrap=True)
        title = self._task.title.get(language) or self._task.name
        line.add_row(Text(f"{title} ", style="bold"), Text(" · ".join(said)))
        return line

    def _wrapped(self, text: str) -> list[Text]:
        shown = Text(visible(text)) if text else Text(word(self._language, "said", "none"), style="dim italic")
        return list(shown.wrap(self.console, self.width - _FRAME, tab_size=4))

    def _frame(self, lines: Sequence[Text], room: int, name: str, note: str = "") -> Panel:
        cut = [*lines]
        if len(lines) > room:
            hidden = len(lines) - max(1, room - 1)
            cut = [*lines[:-hidden], Text(word(self._language, "said", "more_lines", count=hidden), style="dim italic")]
        title = words(self._language)["label"].get(name, name) + note
        colour = "cyan" if name == "input" else "green" if name == "output" else "yellow"
        text = Text("\n").join(cut)
        return Panel(text, title=Text(title, style=f"{colour} bold"), title_align="left", box=box.ROUNDED, border_style=colour)

    def _legend(self, keys: Sequence[str], numbers: str = "") -> Text:
        """Keys and what they do, as many in a line as fit."""
        line = Text()
        column = 0
        for key in filter(None, keys):
            entry = Text(numbers if key == "1" else key, style="bold cyan")
            entry.append(f" {word(self._language, 'key', key)}", style="not bold dim default")
            fits = column + _GAP + entry.cell_len <= self.width
            line.append(" " * _GAP if column and fits else "\n" if column else "").append(entry)
            column = (column + _GAP if fits else 0) + entry.cell_len
        return line


def _shares(lines: Sequence[Sequence[Text]], room: int) -> tuple[int, int]:
    """Lines for the input and for the output: the output is cut only beyond a third of the room."""
    wanted, answer = len(lines[0]), len(lines[1])
    if wanted + answer <= room:
        return wanted, answer
    for_answer = min(answer, max(room // 3, room - wanted))
    return room - for_answer, for_answer


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
