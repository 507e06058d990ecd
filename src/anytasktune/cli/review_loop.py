"""The loop of a review: writes a candidate, reads a line, writes the decision to disk."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from anytasktune.cli.review_lines import Place, ReviewLines
from anytasktune.cli.review_words import word
from anytasktune.cli.terminal import one_line, visible
from anytasktune.cli.typed_lines import ENDED, TypedLines
from anytasktune.errors import Problem
from anytasktune.pipeline.reviewing import RefusedDecisionError, ReviewSession
from anytasktune.records import Language
from anytasktune.schema import ReviewItem

_LONGEST_INPUT = 100


@dataclass(frozen=True)
class _Draft:
    """Texts of a refused edit of a candidate, to go on with."""

    candidate: str
    input: str
    output: str


class ReviewLoop:
    """One run of reviewing."""

    def __init__(
        self, session: ReviewSession, items: Sequence[ReviewItem], lines: ReviewLines, typed: TypedLines, language: Language
    ) -> None:
        """`items` are shown in their order."""
        self._session, self._lines, self._typed, self._language = session, lines, typed, language
        self._pending = deque(items)
        self._before = set(session.decided) - {item.candidate.id for item in items}
        self._steps: list[ReviewItem] = []
        self._draft: _Draft | None = None
        self._shown = ""

    def run(self, greeting: Text) -> None:
        """Show candidates, the first one after a greeting, until none is left or the reviewer quits."""
        self._lines.say(greeting)
        if not self._pending and not self._session.own:
            return
        key = ""
        while True:
            self._show(whole=key == "v")
            key = self._typed.key()
            if key in {ENDED, "q"} or (not self._pending and key not in {"u", "?"}):
                return
            self._answer(key)

    def _show(self, *, whole: bool) -> None:
        if not self._pending:
            self._lines.say(Text(word(self._language, "said", "all_seen"), style="bold"))
            self._lines.keys(("u", "q"))
        elif whole or self._shown != self._pending[0].candidate.id:
            done = len(self._before) + len(self._steps)
            accepted = sum(review.decision in {"accept", "edit"} for review in self._session.decided.values())
            self._lines.show(self._pending[0], Place(done + 1, done + len(self._pending), accepted), whole=whole)
            self._shown = self._pending[0].candidate.id

    def _answer(self, key: str) -> None:
        if key == "u":
            self._undo()
        elif key == "?":
            self._lines.say(Text(word(self._language, "help", "text").strip()))
        elif key in {*"aers"} or key.isdecimal():
            try:
                self._decide(key, self._pending[0])
            except RefusedDecisionError as error:
                self._refuse(error.problems)
        elif key != "v":
            self._note("unknown_key")

    def _decide(self, key: str, item: ReviewItem) -> None:
        if key == "e":
            self._edit(item)
        elif key == "a":
            self._session.accept(item.candidate)
            self._done("accept")
        elif key == "r":
            self._session.reject(item.candidate, self._typed.note())
            self._done("reject")
        elif key == "s":
            self._session.skip(item.candidate)
            self._done("skip")
        else:
            self._take_version(item, int(key))

    def _take_version(self, item: ReviewItem, number: int) -> None:
        made = item.outcome.versions if item.outcome else []
        if not 1 <= number <= len(made):
            self._note("no_version", number=number)
            return
        self._session.edit(item.candidate, *made[number - 1])
        self._done("edit")

    def _edit(self, item: ReviewItem) -> None:
        candidate = item.candidate
        draft = self._draft if self._draft and self._draft.candidate == candidate.id else None
        before = draft or _Draft(candidate.id, candidate.input, candidate.output)
        found: list[str] = []
        for name, text in (("new_input", before.input), ("new_output", before.output)):
            self._note(name)
            typed = self._typed.text()
            if typed is None:
                return
            found.append(typed or text)
        texts = _Draft(candidate.id, *found)
        if (texts.input, texts.output) == (candidate.input, candidate.output):
            self._note("unchanged")
            return
        self._draft = texts
        self._session.edit(candidate, texts.input, texts.output)
        self._done("edit")

    def _undo(self) -> None:
        last = self._session.undo()
        if last is None:
            self._note("nothing_to_undo")
            return
        item = self._steps.pop() if self._steps else self._session.item(last.candidate)
        self._note("undone" if item else "undone_elsewhere", decision=word(self._language, "decision", last.decision))
        if item:
            self._before.discard(last.candidate)
            self._pending = deque(each for each in self._pending if each.candidate.id != last.candidate)
            self._pending.appendleft(item)
        self._shown = ""

    def _done(self, decision: str) -> None:
        item = self._pending.popleft()
        self._steps.append(item)
        self._shown, self._draft = "", None
        said = f"{word(self._language, 'decision', decision)}: {one_line(item.candidate.input, _LONGEST_INPUT)}"
        self._lines.say(Text(said, style="dim"))

    def _note(self, name: str, **values: object) -> None:
        self._lines.say(Text(word(self._language, "said", name, **values), style="yellow"))

    def _refuse(self, problems: Sequence[Problem]) -> None:
        self._lines.say(Text(word(self._language, "said", "refused"), style="bold red"))
        for problem in problems:
            fix = f" → {visible(problem.fix)}" if problem.fix else ""
            self._lines.say(Text(f"✗ {visible(problem.what)}{fix}", style="red"))
        self._note("refused_again")
