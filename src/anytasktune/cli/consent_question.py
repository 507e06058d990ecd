"""The question before documents and rows leave the machine for the first time."""

import sys
from typing import TYPE_CHECKING

from anytasktune.cli.messages import message
from anytasktune.cli.terminal import PlainConsole

if TYPE_CHECKING:
    from anytasktune.cli.progress import Reporter
    from anytasktune.pipeline.teacher_access import Agreed, Decision, Disclosure

_ANSWERS: "dict[str, Decision]" = {"y": "masked", "yes": "masked", "a": "as_is", "n": "no", "no": "no"}
_WIDE = {"ｙ": "y", "ａ": "a", "ｎ": "n", "是": "y", "否": "n"}


def agreement(yes: bool, events: "Reporter | None" = None) -> "Agreed":
    """Consent by `--yes` (personal data masked), by asking in a terminal, or none where nobody can be asked."""
    if yes:
        return "masked"
    is_person = bool(sys.stdin and sys.stderr) and sys.stdin.isatty() and sys.stderr.isatty()
    return (lambda told: _ask(told, events)) if is_person else None


def _ask(told: "Disclosure", events: "Reporter | None") -> "Decision":
    """Ask until there is an answer; the end of the input is a no."""
    if events is not None:
        events.pause()
    console = PlainConsole(stderr=True)
    console.print(
        message(f"{told.subject.capitalize()} go to {told.host} ({told.place}, not this machine):\n  {told.in_detail}")
    )
    console.print(message("May they be sent? This is asked once for this project and host."))
    if told.masking is None:
        console.print(message("  y  yes, with phone numbers, addresses and the like replaced by placeholders (names stay)"))
        console.print(message("  a  yes, all as it is\n  n  no"))
    else:
        console.print(
            message(f"  y  yes (personal data is {'replaced by placeholders' if told.masking else 'sent as it is'})\n  n  no")
        )
    decision: Decision | None = None
    while decision is None:
        console.print("[y/a/n] " if told.masking is None else "[y/n] ", end="")
        line = sys.stdin.readline()
        key = line.strip().lower()
        decision = _ANSWERS.get(_WIDE.get(key, key)) if line else "no"
    if events is not None:
        events.resume()
    return decision
