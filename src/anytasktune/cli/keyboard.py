"""Keyboard input: single keys in a terminal, lines from a pipe."""

import contextlib
import io
import os
import re
import sys
import unicodedata
from collections.abc import Iterator
from typing import Protocol

ENDED = ""
"""There is no more input."""
ENTER = "\n"
_END_OF_INPUT = "\x04"
_INTERRUPT = "\x03"
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?", re.S)
_LONGEST_SEQUENCE = 64


class Keys(Protocol):
    """A source of keys."""

    is_terminal: bool

    def key(self) -> str:
        """The next key in lower case, half width; `ENTER`; `ENDED`. Other keys, such as arrows, are a blank."""

    def note(self, prompt: str) -> str:
        """A note of one line on the key pressed last; empty if there is none."""

    def text(self) -> str | None:
        """Lines up to an empty one, joined; an empty text if the first is empty; None if the input ends."""


def keys_of_process() -> Keys:
    """Single keys where both sides are a terminal, else lines."""
    is_terminal = bool(sys.stdin and sys.stderr) and sys.stdin.isatty() and sys.stderr.isatty()
    if not is_terminal and isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace", encoding="utf-8")
    return TerminalKeys() if is_terminal else LineKeys()


class LineKeys:
    """Each line begins with a key; behind it may stand a note."""

    is_terminal = False

    def __init__(self) -> None:
        self._rest = ""

    def key(self) -> str:
        """The first character of the next line that is not empty."""
        while line := self._line():
            if said := line.strip():
                self._rest = said[1:].strip(" :：")
                return _plain(said[0])
        return ENDED

    def note(self, prompt: str) -> str:
        """The rest of the line behind the key; `prompt` is not shown."""
        return self._rest

    def text(self) -> str | None:
        """Lines up to an empty one."""
        return _until_empty(iter(self._line, ""))

    def _line(self) -> str:
        line = sys.stdin.readline() if sys.stdin else ""
        return line.removeprefix("\ufeff")


class TerminalKeys:
    """Keys as they are pressed, without Enter. Keys pressed before one is waited for are dropped."""

    is_terminal = True

    def key(self) -> str:
        """The next key; KeyboardInterrupt for Ctrl-C."""
        pressed = _pressed_windows() if os.name == "nt" else _pressed()
        return ENDED if pressed == _END_OF_INPUT else _plain(pressed)

    def note(self, prompt: str) -> str:
        """One line after `prompt`; empty at the end of the input."""
        sys.stderr.write(prompt + "\n")
        sys.stderr.flush()
        return (_typed() or "").strip()

    def text(self) -> str | None:
        """Lines up to an empty one."""
        return _until_empty(iter(_typed, None))


def _until_empty(lines: Iterator[str | None]) -> str | None:
    found: list[str] = []
    for line in lines:
        bare = (line or "").rstrip("\r\n")
        if not bare:
            return "\n".join(found)
        found.append(bare)
    return "\n".join(found) if found else None


def _typed() -> str | None:
    """A line from the terminal, with editing where the system has it; None at its end."""
    sys.stderr.flush()
    try:
        if sys.stdout and sys.stdout.isatty():
            with contextlib.suppress(ImportError):
                import readline  # noqa: F401
            return input("> ")
        line = sys.stdin.readline()
    except EOFError:
        return None
    return line.rstrip("\n") if line else None


def _plain(pressed: str) -> str:
    """One character in lower case and half width; a blank for any other key."""
    if pressed in {"\r", "\n"}:
        return ENTER
    plain = unicodedata.normalize("NFKC", pressed).casefold()
    return plain if len(plain) == 1 and plain.isprintable() else " " if pressed else ENDED


def _pressed() -> str:
    """One character from the terminal, nothing at its end; a sequence such as that of an arrow key is a blank."""
    import termios
    import tty

    place = sys.stdin.fileno()
    usual = termios.tcgetattr(place)
    try:
        tty.setcbreak(place, termios.TCSAFLUSH)
        read = os.read(place, _LONGEST_SEQUENCE).decode(sys.stdin.encoding or "utf-8", "replace")
    finally:
        termios.tcsetattr(place, termios.TCSADRAIN, usual)
    return " " if _SEQUENCE.match(read) else read[:1]


def _pressed_windows() -> str:
    import msvcrt

    pressed: str = msvcrt.getwch()  # type: ignore[attr-defined,unused-ignore]
    if pressed == _INTERRUPT:
        raise KeyboardInterrupt
    if pressed in {"\x00", "\xe0"}:
        msvcrt.getwch()  # type: ignore[attr-defined,unused-ignore]
        return " "
    return pressed
