"""A reviewer at the screen: a key, a decision on disk, the next candidate."""

import os
import statistics
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from anytasktune.cli.keys import ENDED, Keys
from anytasktune.cli.review_facts import in_one_line, versions, visible
from anytasktune.cli.review_screen import Place, Screen
from anytasktune.cli.review_words import word
from anytasktune.cli.text_editor import Texts, edit_in, editor_of
from anytasktune.errors import ConfigError, Problem
from anytasktune.pipeline.reviewing import RefusedError, ReviewLog
from anytasktune.records import Language
from anytasktune.review import QueueItem

_PACE_FROM = 3
"""Decisions after which a pace is named."""
_NAMED = 100


@dataclass(frozen=True)
class _Step:
    """A line that was written in this run and not taken back."""

    item: QueueItem
    seconds: float


@dataclass(frozen=True)
class _Draft:
    """An edit that was refused, to go on with."""

    candidate: str
    texts: Texts
    remarks: tuple[str, ...]


class Session:
    """One run of reviewing."""

    def __init__(self, held: ReviewLog, items: Sequence[QueueItem], screen: Screen, keys: Keys, language: Language) -> None:
        """`items` are shown in their order; those decided in earlier runs are counted where they can be told."""
        self._held, self._screen, self._keys, self._language = held, screen, keys, language
        self._pending = deque(items)
        self._before = set(held.decided) - {item.candidate.id for item in items}
        self._steps: list[_Step] = []
        self._message: RenderableType = Text()
        self._draft: _Draft | None = None
        self._shown: tuple[str, float] = ("", 0.0)
        self._whole = self._over = False
        self._actions: dict[str, Callable[[QueueItem], None]] = {
            "a": self._accept,
            "e": self._edit,
            "r": self._reject,
            "s": self._skip,
        }

    def run(self, greeting: RenderableType) -> None:
        """Show candidates, the first one with a greeting, until there are none left or the reviewer has had enough."""
        self._message = greeting
        if not self._pending and not self._held.mine:
            return
        while not self._over:
            if self._pending:
                self._show(self._pending[0])
            else:
                self._screen.end(self._message)
            self._answer(self._keys.key())
        self._screen.close()

    def _show(self, item: QueueItem) -> None:
        if self._shown[0] != item.candidate.id:
            self._shown = (item.candidate.id, time.monotonic())
            self._whole = False
        self._screen.show(item, self._place(), self._message, whole=self._whole)

    def _answer(self, key: str) -> None:
        self._message = Text()
        if key in {ENDED, "q"} or (not self._pending and key not in {"u", "?", "？"}):
            self._over = True
        elif key == "u":
            self._undo()
        elif key in {"?", "？"}:
            self._help()
        elif key == "v":
            self._whole = not self._whole
        elif key in self._actions:
            self._tried(lambda: self._actions[key](self._pending[0]))
        elif key.isdecimal():
            self._tried(lambda: self._take_version(self._pending[0], int(key)))
        else:
            self._note("unknown_key")

    def _tried(self, action: Callable[[], None]) -> None:
        try:
            action()
        except RefusedError as error:
            self._message = self._refusal(error.problems)
        except ConfigError as error:
            self._message = Text(str(error), style="yellow")

    def _accept(self, item: QueueItem) -> None:
        self._held.accept(item.candidate)
        self._done("accept")

    def _reject(self, item: QueueItem) -> None:
        self._held.reject(item.candidate, self._keys.note(word(self._language, "said", "note")))
        self._done("reject")

    def _skip(self, item: QueueItem) -> None:
        self._held.skip(item.candidate)
        self._done("skip")

    def _take_version(self, item: QueueItem, number: int) -> None:
        made = versions(item)
        if not 1 <= number <= len(made):
            self._note("no_version", number=number)
            return
        self._held.edit(item.candidate, *made[number - 1])
        self._done("edit")

    def _edit(self, item: QueueItem) -> None:
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
            self._held.edit(candidate, input_text, output_text)
        except RefusedError as error:
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
        last = self._held.undo()
        if last is None:
            self._note("nothing_to_undo")
            return
        item = self._steps.pop().item if self._steps else self._held.item(last.candidate)
        self._note("undone" if item else "undone_elsewhere", decision=word(self._language, "decision", last.decision))
        if item:
            self._before.discard(last.candidate)
            self._pending = deque(each for each in self._pending if each.candidate.id != last.candidate)
            self._pending.appendleft(item)
        self._shown = ("", 0.0)

    def _help(self) -> None:
        self._screen.page(Text(word(self._language, "help", "text").strip() + "\n"))
        if self._keys.is_terminal:
            self._screen.say(Text(word(self._language, "said", "any_key"), style="dim"))
            self._over = self._keys.key() == ENDED

    def _done(self, decision: str) -> None:
        item = self._pending.popleft()
        self._steps.append(_Step(item, time.monotonic() - self._shown[1]))
        self._shown, self._draft = ("", 0.0), None
        said = Text(f"{word(self._language, 'decision', decision)}: ", style="bold dim", no_wrap=True, overflow="ellipsis")
        self._message = said.append(in_one_line(item.candidate.input, _NAMED), style="not bold")

    def _note(self, name: str, **values: object) -> None:
        self._message = Text(word(self._language, "said", name, **values), style="yellow")

    def _refusal(self, problems: Sequence[Problem]) -> RenderableType:
        language = self._language
        lines = [Text(f"✗ {visible(problem.what)}", style="red").append(_advice(problem), style="cyan") for problem in problems]
        heading = Text(word(language, "said", "refused"), style="bold red")
        return Group(heading, *lines, Text(word(language, "said", "refused_again"), style="dim"))

    def _place(self) -> Place:
        done = len(self._before) + len(self._steps)
        accepted = sum(review.decision in {"accept", "edit"} for review in self._held.decided.values())
        left = None
        if self._keys.is_terminal and len(self._steps) >= _PACE_FROM:
            left = statistics.median(step.seconds for step in self._steps) * len(self._pending)
        return Place(done + 1, done + len(self._pending), accepted, left)


def _advice(problem: Problem) -> str:
    return f" → {visible(problem.fix)}" if problem.fix else ""
