"""A command in a pseudo-terminal, as a person sees it."""

import contextlib
import os
import re
import select
import subprocess
import sys
import time

_ROWS, _COLUMNS = 30, 90
_PAUSE, _PATIENCE = 0.25, 60.0
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SETTINGS = {"EDITOR", "VISUAL", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"}
_WITH_TERMINAL = """
import fcntl, runpy, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
runpy.run_module("anytasktune", run_name="__main__", alter_sys=True)
"""


class Terminal:
    """`anytasktune` with some words in a terminal of 90 x 30 of its own."""

    def __init__(self, words: list[str], **environment: str) -> None:
        import fcntl
        import pty
        import struct
        import termios

        self._seen = ""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
        usual = {name: value for name, value in os.environ.items() if name not in _SETTINGS}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WITH_TERMINAL, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=usual | {"TERM": "xterm-256color"} | environment,
            start_new_session=True,
        )
        os.close(slave)

    def waits(self, words: str) -> str:
        """What was written since a key was last pressed, when `words` have come and nothing follows; without colours."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            ready, _, _ = select.select([self._master], [], [], _PAUSE)
            if ready:
                with contextlib.suppress(OSError):
                    self._seen += os.read(self._master, 65536).decode("utf-8", "replace")
            said = _CONTROL.sub("", self._seen).replace("\r\n", "\n")
            if words in said and (not ready or self.process.poll() is not None):
                return said
        raise AssertionError(f"{words!r} never came, but: {self._seen}")

    def press(self, keys: str, words: str) -> str:
        """Press keys; what is written then, until `words` have come."""
        self._seen = ""
        os.write(self._master, keys.encode())
        return self.waits(words)

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        return self.process.wait(timeout=_PATIENCE)

    def close(self) -> None:
        """End the command, if it did not end, and give the terminal back."""
        self.process.kill()
        self.process.wait()
        os.close(self._master)
