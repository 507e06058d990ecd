"""Answers typed as lines, in a terminal or from a pipe: a line begins with a key, and a note may stand behind it."""

import io
import sys
import unicodedata

ENDED = ""
"""There is no more input."""


class TypedLines:
    """The lines of standard input, with a prompt on standard error in a terminal."""

    def __init__(self) -> None:
        self._rest = ""
        self._prompts = bool(sys.stdin and sys.stderr) and sys.stdin.isatty() and sys.stderr.isatty()
        if not self._prompts and isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace", encoding="utf-8")

    def key(self) -> str:
        """The first character of the next line that is not empty, in lower case and half width; `ENDED` at the end."""
        while line := self._line():
            if said := line.strip():
                self._rest = said[1:].strip(" :：")
                plain = unicodedata.normalize("NFKC", said[0]).casefold()
                return plain if len(plain) == 1 and plain.isprintable() else " "
        return ENDED

    def note(self) -> str:
        """The rest of the line behind the key; empty if there is none."""
        return self._rest

    def text(self) -> str | None:
        """Lines up to an empty one, joined; an empty text if the first is empty; None if the input ends."""
        found: list[str] = []
        while line := self._line():
            bare = line.rstrip("\r\n")
            if not bare:
                return "\n".join(found)
            found.append(bare)
        return "\n".join(found) if found else None

    def _line(self) -> str:
        if self._prompts:
            sys.stderr.write("> ")
            sys.stderr.flush()
        line = sys.stdin.readline() if sys.stdin else ""
        return line.removeprefix("\ufeff")
