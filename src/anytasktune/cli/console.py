"""Where output goes and how a command ends.

Results go to standard output, progress and errors to standard error. Exit codes:

    0    done
    1    something the user can mend; every fault is listed with its place and what to do
    2    the command line itself is wrong
    3    done, but rows were dropped; they are listed
    130  stopped with Ctrl-C; the same command goes on where it was
"""

import io
import json
import os
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import zip_longest
from typing import Any

from anytasktune.errors import AnyTaskTuneError, Problem

DONE, MENDABLE, USAGE, ROWS_DROPPED, INTERRUPTED = 0, 1, 2, 3, 130
_SHOWN_PROBLEMS = 12


class UsageError(AnyTaskTuneError):
    """The command line is wrong: an unknown command or option, or one too few or too many."""

    exit_code = USAGE


class StoppedError(AnyTaskTuneError):
    """The user stopped the command."""

    exit_code = INTERRUPTED


def run_safely(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code; whatever the user can mend is shown as a message."""
    _write_any_character()
    try:
        return _run_or_stop(arguments or ["--help"])
    except AnyTaskTuneError as error:
        show_error(error, as_json="--json" in arguments)
        return error.exit_code
    except BrokenPipeError:  # whoever read our output, e.g. `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return MENDABLE


def _write_any_character() -> None:
    """A terminal or pipe that knows no `✓` gets `?` in its place."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _run_or_stop(arguments: Sequence[str]) -> int:
    try:
        code = _run(arguments)
        sys.stdout.flush()  # here, where a closed pipe is dealt with
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        raise StoppedError("stopped", fix="run the same command again to go on where it was")
    return code


def _run(arguments: Sequence[str]) -> int:
    import typer
    from typer.main import get_command

    from anytasktune.cli.app import app

    # the base of typer's usage errors: its own click's or the installed one's, by version
    wrong_usage: type[Exception] = typer.BadParameter.__mro__[1]
    try:
        result = get_command(app)(args=list(arguments), prog_name="anytasktune", standalone_mode=False)
    except typer.Exit as stop:
        return int(stop.exit_code)
    except typer.Abort:
        return INTERRUPTED
    except wrong_usage as error:
        raise _usage_error(error) from None
    return result if isinstance(result, int) else DONE


def _usage_error(error: Any) -> UsageError:
    nearest = getattr(error, "possibilities", None)
    if nearest:
        return UsageError(error.message, fix=f"did you mean {' or '.join(sorted(nearest))}?")
    command = error.ctx.command_path if error.ctx else "anytasktune"
    fix = _right_choice(error) or f"{command} --help says what there is"
    return UsageError(error.format_message().replace("Value error, ", ""), fix=fix)


def _right_choice(error: Any) -> str:
    """Advice on a value that is none of an option's choices, if it is near one of them."""
    given, found, choices = error.message.partition(" is not one of ")
    near = get_close_matches(given.rpartition(" ")[2].strip("'"), re.findall("'(.*?)'", choices), n=1) if found else []
    return f"did you mean {near[0]!r}?" if near else ""


def show_error(error: AnyTaskTuneError, *, as_json: bool) -> None:
    """Every problem on a line: where, what, what to do."""
    if as_json:
        problems = [{"what": problem.what, "where": problem.where, "fix": problem.fix} for problem in error.problems]
        print_json({"error": type(error).__name__, "problems": problems})
        return
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    console.soft_wrap = not console.is_terminal  # in a log lines stay whole
    hidden = error.problems[_SHOWN_PROBLEMS:]
    shown = error.problems[:_SHOWN_PROBLEMS]
    for problem, following in zip_longest(shown, shown[1:]):
        # the same advice for many rows in a row is given once
        console.print(_line(problem, advise=following is None or following.fix != problem.fix))
    if hidden:
        console.print(f"… and {len(hidden)} more, the last one:")
        console.print(_line(hidden[-1], advise=True))


def _line(problem: Problem, *, advise: bool) -> Any:
    from rich.text import Text

    line = Text("✗ ", style="bold red")
    if problem.where:
        line.append(f"{problem.where}: ", style="bold")
    line.append(problem.what, style="default not bold")
    if problem.fix and advise:
        line.append(f"\n  → {problem.fix}", style="cyan")
    return line


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    speaks_unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(json.dumps(value, ensure_ascii=not speaks_unicode, indent=2) + "\n")
