"""A person at a step of an action, in a terminal: approves, edits, takes over, or stops it."""

from dataclasses import dataclass
from typing import Literal

from rich.text import Text

from anytasktune.cli.review_words import word
from anytasktune.cli.terminal import PlainConsole
from anytasktune.cli.typed_lines import ENDED, TypedLines
from anytasktune.pipeline.running_actions import PersonDecision, PersonTurn
from anytasktune.records import Language


@dataclass(frozen=True)
class StepScreen:
    """Shows a step on standard error and reads a person's lines."""

    typed: TypedLines
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
        while (key := self.typed.key()) not in {ENDED, "q"}:
            if key == "n":
                return PersonDecision("rejected")
            if key == "y" and role != "takeover":
                return PersonDecision("approved")
            if key == "e" and role != "approve":
                console.print(Text(self._word("type"), style="dim"))
                if text := (self.typed.text() or "").strip():
                    decision: Literal["edited", "taken_over"] = "taken_over" if role == "takeover" else "edited"
                    return PersonDecision(decision, text)
            console.print(Text(self._word("unknown"), style="yellow"))
        return None

    def _word(self, name: str, **values: object) -> str:
        return word(self.language, "step", name, **values)
