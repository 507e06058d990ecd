"""Output of the command line and how a command ends.

Results go to standard output, progress and errors to standard error. Exit codes:

    0    done
    1    something the user can mend; every fault is listed with its place and what to do
    2    the command line itself is wrong
    3    done, but rows were dropped; they are listed
    4    an action waits for a person; the output says how to continue
    5    done, but a Task-LM has forgotten more than `eval.forgetting_budget` allows; the report names it
    130  stopped with Ctrl-C; the same command goes on where it was
"""

import io
import json
import re
import sys
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from anytasktune.cli.messages import message, phrase
from anytasktune.errors import AnyTaskTuneError, Problem

if TYPE_CHECKING:
    from rich.console import RenderableType

DONE, MENDABLE, USAGE, ROWS_DROPPED, WAITING, FORGOTTEN, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
_SHOWN_PROBLEMS = 12
_STEERING = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Characters that JSON may hold as they are."""


class UsageError(AnyTaskTuneError):
    """The command line is wrong: an unknown command or option, or one too few or too many."""

    exit_code = USAGE


class StoppedError(AnyTaskTuneError):
    """The user stopped the command."""

    exit_code = INTERRUPTED


def accept_any_character() -> None:
    """Let a terminal or pipe that cannot write a `✓` write `?` in its place."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def show(renderable: "RenderableType", *, whole_lines: bool = False) -> None:
    """Print on standard output, see `terminal.show`; loads the terminal library only when there is text to show."""
    from anytasktune.cli import terminal

    terminal.show(renderable, whole_lines=whole_lines)


def say(text: str) -> None:
    """Print a line on standard output."""
    show(phrase(text), whole_lines=True)


def show_error(error: AnyTaskTuneError, *, as_json: bool) -> None:
    """List every problem: where, what, what to do."""
    if as_json:
        problems = [{"what": problem.what, "where": problem.where, "fix": problem.fix} for problem in error.problems]
        print_json({"error": type(error).__name__, "problems": problems})
        return
    from anytasktune.cli.terminal import PlainConsole

    console = PlainConsole(stderr=True)
    console.soft_wrap = not console.is_terminal  # in a log lines stay whole
    hidden = error.problems[_SHOWN_PROBLEMS:]
    shown = error.problems[:_SHOWN_PROBLEMS]
    for problem, following in zip_longest(shown, shown[1:]):
        # the same advice for many rows in a row is given once
        console.print(_line(problem, advise=following is None or following.fix != problem.fix))
    if hidden:
        console.print(message(f"… and {len(hidden)} more, the last one:"))
        console.print(_line(hidden[-1], advise=True))


def _line(problem: Problem, *, advise: bool) -> Any:
    from rich.text import Text

    line = Text("✗ ", style="bold red")
    if problem.where:
        line.append(f"{message(problem.where)}: ", style="bold")
    line.append(message(problem.what), style="default not bold")
    if problem.fix and advise:
        line.append(f"\n  → {message(problem.fix)}", style="cyan")
    return line


def print_json(value: Any) -> None:
    """Print one JSON document on standard output; characters that would steer a terminal are escaped."""
    speaks_unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, ensure_ascii=not speaks_unicode, indent=2)
    sys.stdout.write(escape_steering(text) + "\n")
    sys.stdout.flush()  # a server prints its address and goes on


def escape_steering(text: str) -> str:
    """The same JSON with characters escaped that would steer a terminal."""
    return _STEERING.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
