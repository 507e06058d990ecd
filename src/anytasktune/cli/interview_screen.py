"""The interview in a terminal or through a pipe: one question at a time, on standard error."""

import contextlib
import io
import sys
from typing import TYPE_CHECKING

from anytasktune.errors import DataError

if TYPE_CHECKING:
    from anytasktune.pipeline.hold_interview import InterviewLog
    from anytasktune.tasks.interview import Question


def hold(held: "InterviewLog") -> None:
    """Ask until everything is answered; each answer is kept before the next question.

    Raises:
        DataError: the input ended before the interview did.
    """
    _read_any_character()
    if _is_person() or not held.interview.draft().actions:
        held.reopen()
    _greet(held)
    while (question := held.next()) is not None:
        _ask(held, question)


def _ask(held: "InterviewLog", question: "Question") -> None:
    from anytasktune.tasks.interview_answers import AnswerError
    from anytasktune.tasks.interview_words import means, word

    language = held.language
    _say(f"\n{question.said_in(language)}")
    text = _typed(held)
    if text in {"?", "？"}:
        _say(f"  {question.help_in(language)}")
    elif means("back", text):
        if not held.back():
            _say(f"  {word('nothing_before', language)}")
    elif means("skip", text) or (question.ends_list and (not text or means("done", text))):
        held.skip(question)
    elif not text:
        _say(f"  {word('empty', language)}")
    else:
        try:
            held.answer(question, text)
        except AnswerError as error:
            _say(f"  {error.said_in(language)}")


def _greet(held: "InterviewLog") -> None:
    from anytasktune.tasks.interview_words import word

    _say(word("begin", held.language))
    if held.answered:
        _say(word("resumed", held.language).format(count=held.answered))


def _typed(held: "InterviewLog") -> str:
    """One line without the space around it."""
    if _is_person():
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401  (line editing, where the system has it)
        try:
            return input("> ").strip()
        except EOFError:
            raise _ended(held) from None
    line = sys.stdin.readline() if sys.stdin else ""
    if not line:
        raise _ended(held)
    return line.strip().removeprefix("\ufeff")


def _ended(held: "InterviewLog") -> DataError:
    fix = "run the same command again to go on with the next question"
    return DataError(f"the input ended after {held.answered} answers, which are kept", where="--interview", fix=fix)


def _is_person() -> bool:
    return bool(sys.stdin and sys.stdout) and sys.stdin.isatty() and sys.stdout.isatty()


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _read_any_character() -> None:
    """What is piped in is UTF-8; a character that is not becomes a mark instead of an error."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace", encoding=None if sys.stdin.isatty() else "utf-8")
