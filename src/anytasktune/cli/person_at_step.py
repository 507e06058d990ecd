"""A person at a step of an action, in a terminal: approves, edits, takes over, or stops it."""

import os
from dataclasses import dataclass
from typing import Literal

from rich.text import Text

from anytasktune.cli.keyboard import ENDED, Keys
from anytasktune.cli.review_words import word
from anytasktune.cli.terminal import PlainConsole
from anytasktune.cli.text_editor import Texts, edit_in, editor_of
from anytasktune.pipeline.running_actions import PersonDecision, PersonTurn
from anytasktune.records import Language


@dataclass(frozen=True)
class StepScreen:
    """Shows a step on standard error and reads a person's keys."""

    keys: Keys
    language: Language

    def ask(self, turn: PersonTurn) -> PersonDecision | None:
        """The decision of the person; None for later."""
        line, role, console = turn.line, turn.role, PlainConsole(stderr=True)
        given = line.answer.answer if line.answer else ""
        console.print(Text(self._word(role, step=line.step), style="bold"))
        console.print(Text(f"{self._word('input')}: {line.input}"))
        if line.answer:
            console.print(Text(f"{self._word('answer')}: "), Text(given, style="bold"))
        for broken in line.violations:
            console.print(Text(f"  ! {broken.rule}: {broken.what}", style="yellow"))
        console.print(Text(self._word(f"keys_{role}"), style="dim"))
        while (key := self.keys.key()) not in {ENDED, "q"}:
            if key == "n":
                return PersonDecision("rejected")
            if key == "y" and role != "takeover":
                return PersonDecision("approved")
            if key == "e" and role != "approve" and (text := self._edited(console, line.input, given)):
                decision: Literal["edited", "taken_over"] = "taken_over" if role == "takeover" else "edited"
                return PersonDecision(decision, text)
            console.print(Text(self._word("unknown"), style="yellow"))
        return None

    def _edited(self, console: PlainConsole, given: str, answer: str) -> str:
        """The person's own text; empty if there is none."""
        if editor := editor_of(os.environ):
            return edit_in(editor, Texts.of(given, answer), ()).output.strip()
        console.print(Text(self._word("type"), style="dim"))
        return (self.keys.text() or "").strip()

    def _word(self, name: str, **values: object) -> str:
        return word(self.language, "step", name, **values)
