"""Where output goes and how a command ends.

Results go to standard output, progress and errors to standard error. Exit codes:

    0    done
    1    something the user can mend; every fault is listed with its place and what to do
    2    the command line itself is wrong
    3    done, but rows were dropped; they are listed
    130  stopped with Ctrl-C; the same command goes on where it was
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

from anytasktune.errors import AnyTaskTuneError, Problem

DONE, MENDABLE, USAGE, ROWS_DROPPED, INTERRUPTED = 0, 1, 2, 3, 130
_SHOWN_PROBLEMS = 20


def run_safely(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code; whatever the user can mend is shown as a message."""
    as_json = "--json" in arguments
    try:
        return _run(arguments)
    except AnyTaskTuneError as error:
        show_error(error, as_json=as_json)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on where it was.", file=sys.stderr)
        return INTERRUPTED


def _run(arguments: Sequence[str]) -> int:
    import click
    from typer.main import get_command

    from anytasktune.cli.app import app

    try:
        result = get_command(app)(args=list(arguments), prog_name="anytasktune", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return int(stop.exit_code)
    except click.exceptions.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        error.show()
        return int(error.exit_code)
    return result if isinstance(result, int) else DONE


def show_error(error: AnyTaskTuneError, *, as_json: bool) -> None:
    """Every problem on a line: where, what, what to do."""
    if as_json:
        problems = [{"what": problem.what, "where": problem.where, "fix": problem.fix} for problem in error.problems]
        print_json({"error": type(error).__name__, "problems": problems})
        return
    from rich.console import Console

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    for problem in error.problems[:_SHOWN_PROBLEMS]:
        console.print(_line(problem))
    hidden = error.problems[_SHOWN_PROBLEMS:]
    if hidden:
        console.print(f"… and {len(hidden)} more, the last one:")
        console.print(_line(hidden[-1]))


def _line(problem: Problem) -> Any:
    from rich.text import Text

    line = Text("✗ ", style="bold red")
    if problem.where:
        line.append(f"{problem.where}: ", style="bold")
    line.append(problem.what, style="default not bold")
    if problem.fix:
        line.append(f"\n  → {problem.fix}", style="cyan")
    return line


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
