"""The interview in a terminal or through a pipe: one question at a time, on standard error."""

import contextlib
import io
import sys
from typing import TYPE_CHECKING

from anytasktune.errors import DataError, counted

if TYPE_CHECKING:
    from anytasktune.pipeline.interviewing import InterviewLog


def hold(log: "InterviewLog") -> None:
    """Ask until everything is answered; each answer is kept before the next question.

    Raises:
        DataError: the input ended before the interview did.
    """
    is_person = bool(sys.stdin and sys.stdout) and sys.stdin.isatty() and sys.stdout.isatty()
    if isinstance(sys.stdin, io.TextIOWrapper):  # pipes are UTF-8; other bytes become a mark instead of an error
        sys.stdin.reconfigure(errors="replace", encoding=None if sys.stdin.isatty() else "utf-8")
    if is_person:
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401  (line editing, where the system has it)
    _say(*log.begin(reopen=is_person or log.is_empty))
    while (question := log.next()) is not None:
        _say(f"\n{question.said_in(log.language)}")
        if remark := log.reply(question, _typed(log, is_person)):
            _say(f"  {remark}")


def _typed(log: "InterviewLog", is_person: bool) -> str:
    """One line without the space around it."""
    try:
        line = input("> ") + "\n" if is_person else sys.stdin.readline() if sys.stdin else ""
    except EOFError:
        line = ""
    if not line:
        fix = "run the same command again to go on with the next question"
        raise DataError(
            f"the input ended after {counted(log.answered, 'answer')}; all answers are kept", where="--interview", fix=fix
        )
    return line.strip().removeprefix("\ufeff")


def _say(*lines: str) -> None:
    from anytasktune.cli.terminal import visible

    sys.stderr.write("".join(f"{visible(line)}\n" for line in lines))  # questions repeat what was typed
    sys.stderr.flush()
