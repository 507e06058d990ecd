"""The loop of a review: shows a candidate, reads a key, writes the decision to disk."""

import os
import statistics
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from anytasktune.cli.keyboard import ENDED, Keys
from anytasktune.cli.review_screen import Place, ReviewScreen
from anytasktune.cli.review_words import word
from anytasktune.cli.terminal import one_line, visible
from anytasktune.cli.text_editor import Texts, edit_in, editor_of
from anytasktune.errors import ConfigError, Problem
from anytasktune.pipeline.reviewing import RefusedDecisionError, ReviewSession
from anytasktune.records import Language
from anytasktune.schema import ReviewItem

_PACE_FROM = 3
"""Decisions after which the time left is estimated."""
_LONGEST_INPUT = 100


@dataclass(frozen=True)
class _Step:
    """A decision of this run that was not taken back, and the time it took."""

    item: ReviewItem
    seconds: float


@dataclass(frozen=True)
class _Draft:
    """A refused edit of a candidate, to go on with, and the reasons."""

    candidate: str
    texts: Texts
    remarks: tuple[str, ...]


class ReviewLoop:
    """One run of reviewing."""

    def __init__(
        self, session: ReviewSession, items: Sequence[ReviewItem], screen: ReviewScreen, keys: Keys, language: Language
    ) -> None:
        """`items` are shown in their order."""
        self._session, self._screen, self._keys, self._language = session, screen, keys, language
        self._pending = deque(items)
        self._before = set(session.decided) - {item.candidate.id for item in items}
        self._steps: list[_Step] = []
        self._message: RenderableType = Text()
        self._draft: _Draft | None = None
        self._shown: tuple[str, float] = ("", 0.0)
        self._whole = self._over = False

    def run(self, greeting: RenderableType) -> None:
        """Show candidates, the first one with a greeting, until none is left or the reviewer quits."""
        self._message = greeting
        if not self._pending and not self._session.own:
            return
        while not self._over:
            if not self._pending:
                self._screen.end(self._message)
            else:
                item = self._pending[0]
                if self._shown[0] != item.candidate.id:
                    self._shown = (item.candidate.id, time.monotonic())
                    self._whole = False
                self._screen.show(item, self._place(), self._message, whole=self._whole)
            self._answer(self._keys.key())
        self._screen.close()

    def _answer(self, key: str) -> None:
        self._message = Text()
        if key in {ENDED, "q"} or (not self._pending and key not in {"u", "?", "？"}):
            self._over = True
        elif key == "u":
            self._undo()
        elif key in {"?", "？"}:
            self._screen.page(Text(word(self._language, "help", "text").strip() + "\n"))
            if self._keys.is_terminal:
                self._screen.say(Text(word(self._language, "said", "any_key"), style="dim"))
                self._over = self._keys.key() == ENDED
        elif key == "v":
            self._whole = not self._whole
        elif key in {*"aers"} or key.isdecimal():
            try:
                self._decide(key, self._pending[0])
            except RefusedDecisionError as error:
                self._message = self._refusal(error.problems)
            except ConfigError as error:
                self._message = Text(str(error), style="yellow")
        else:
            self._note("unknown_key")

    def _decide(self, key: str, item: ReviewItem) -> None:
        if key == "e":
            self._edit(item)
        elif key == "a":
            self._session.accept(item.candidate)
            self._done("accept")
        elif key == "r":
            self._session.reject(item.candidate, self._keys.note(word(self._language, "said", "note")))
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
        original = Texts.of(candidate.input, candidate.output)
        draft = self._draft if self._draft and self._draft.candidate == candidate.id else _Draft(candidate.id, original, ())
        texts = self._edited(draft)
        if texts is None:
            return
        if texts == original:
            self._draft = None
            self._note("unchanged")
            return
        try:
            # what was not touched keeps the line ends around it
            input_text = candidate.input if texts.input == original.input else texts.input
            output_text = candidate.output if texts.output == original.output else texts.output
            self._session.edit(candidate, input_text, output_text)
        except RefusedDecisionError as error:
            self._draft = _Draft(candidate.id, texts, tuple(str(problem) for problem in error.problems))
            raise
        self._done("edit")

    def _edited(self, draft: _Draft) -> Texts | None:
        """The texts after an editor or, without one, as they are typed; None if the input ended."""
        editor = editor_of(os.environ) if self._keys.is_terminal else []
        if editor:
            return edit_in(editor, draft.texts, [word(self._language, "said", "edit_page"), *draft.remarks])
        found: list[str] = []
        for name, text in (("new_input", draft.texts.input), ("new_output", draft.texts.output)):
            self._screen.say(Text(word(self._language, "said", name), style="bold"))
            typed = self._keys.text()
            if typed is None:
                return None
            found.append(typed or text)
        return Texts.of(*found)

    def _undo(self) -> None:
        last = self._session.undo()
        if last is None:
            self._note("nothing_to_undo")
            return
        item = self._steps.pop().item if self._steps else self._session.item(last.candidate)
        self._note("undone" if item else "undone_elsewhere", decision=word(self._language, "decision", last.decision))
        if item:
            self._before.discard(last.candidate)
            self._pending = deque(each for each in self._pending if each.candidate.id != last.candidate)
            self._pending.appendleft(item)
        self._shown = ("", 0.0)

    def _done(self, decision: str) -> None:
        item = self._pending.popleft()
        self._steps.append(_Step(item, time.monotonic() - self._shown[1]))
        self._shown, self._draft = ("", 0.0), None
        said = Text(f"{word(self._language, 'decision', decision)}: ", style="bold dim", no_wrap=True, overflow="ellipsis")
        self._message = said.append(one_line(item.candidate.input, _LONGEST_INPUT), style="not bold")

    def _note(self, name: str, **values: object) -> None:
        self._message = Text(word(self._language, "said", name, **values), style="yellow")

    def _refusal(self, problems: Sequence[Problem]) -> RenderableType:
        lines = [Text(word(self._language, "said", "refused"), style="bold red")]
        for problem in problems:
            fix = f" → {visible(problem.fix)}" if problem.fix else ""
            lines.append(Text(f"✗ {visible(problem.what)}", style="red").append(fix, style="cyan"))
        return Group(*lines, Text(word(self._language, "said", "refused_again"), style="dim"))

    def _place(self) -> Place:
        done = len(self._before) + len(self._steps)
        accepted = sum(review.decision in {"accept", "edit"} for review in self._session.decided.values())
        left = None
        if self._keys.is_terminal and len(self._steps) >= _PACE_FROM:
            left = statistics.median(step.seconds for step in self._steps) * len(self._pending)
        return Place(done + 1, done + len(self._pending), accepted, left)
