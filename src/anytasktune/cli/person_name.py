"""The name of the person at the keyboard, as it stands in files."""

import getpass
import re
import subprocess
import unicodedata
from pathlib import Path

from anytasktune.cli.console import UsageError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_GIT_SECONDS = 5


def person_name(given: str | None, folder: Path, option: str = "--reviewer") -> str:
    """The name that was given with `option`, or one made of the name in git or of the user's account."""
    from anytasktune.records import DEVICES

    if given is not None:
        if _NAME.fullmatch(given) and given not in DEVICES:
            return given
        near = file_name_of(given)
        fix = "use lower-case letters, digits and underscores, a letter first" + (f": {near}" if near else "")
        raise UsageError(f"{option} {given!r} cannot be the name of a file", fix=fix)
    found = file_name_of(_name_in_git(folder))
    if not found:
        try:
            found = file_name_of(getpass.getuser())
        except (OSError, KeyError, ImportError):
            found = ""
    if not found:
        raise UsageError("your name is unknown", fix=f"give it: {option} NAME")
    return found


def file_name_of(text: str) -> str:
    """`Anna Müller` → `anna_muller`; empty where no Latin letter is left."""
    from anytasktune.records import no_device

    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_").lstrip("0123456789_")[:64]
    return no_device(name)


def _name_in_git(folder: Path) -> str:
    command = ["git", "-C", str(folder), "config", "user.name"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_GIT_SECONDS)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace").strip()
