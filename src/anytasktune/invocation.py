"""How the program was called: a command in a message begins in the same way, so that it works when it is pasted."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

NAME = "anytasktune"


def program() -> str:
    """The program as a shell finds it: `anytasktune`, `.venv/bin/anytasktune` or `python -m anytasktune`."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py" and called.parent.name == NAME:
        return f"{quoted(sys.orig_argv[0])} -m {NAME}"
    found = shutil.which(NAME)
    is_script = called.stem == NAME and called.parent != Path()  # else called from Python
    if not is_script or (found and _without_ending(found) == _without_ending(called)):
        return NAME
    return quoted(str(called))


def command(*words: str | Path) -> str:
    """A command of the program that works when it is pasted."""
    return " ".join([program(), *(quoted(str(word)) for word in words)])


def quoted(word: str) -> str:
    """`word` for a shell; in double quotes, which Windows knows too, unless something in it would be expanded there."""
    if os.name == "nt":
        return subprocess.list2cmdline([word])
    safe = shlex.quote(word)
    return safe if safe == word or set(word) & set('"$`\\!') else f'"{word}"'


def _without_ending(file: Path | str) -> Path:
    return Path(file).resolve().with_suffix("")
