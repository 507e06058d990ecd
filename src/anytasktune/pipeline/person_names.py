"""Names of people as they stand in files: made of a name a person gives, the name in git, or the user's account."""

import getpass
import re
import subprocess
import unicodedata
from pathlib import Path

from anytasktune.records import DEVICES, no_device

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_GIT_SECONDS = 5


def is_file_name(name: str) -> bool:
    """Whether a person's name can be that of a file, as it is."""
    return bool(_NAME.fullmatch(name)) and name not in DEVICES


def file_name_of(text: str) -> str:
    """`Anna Müller` → `anna_muller`; empty where no Latin letter is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_").lstrip("0123456789_")[:64]
    return no_device(name)


def default_person_name(folder: Path) -> str:
    """The name in git, of the repository that `folder` is in, or of the user's account; empty if neither can be a name."""
    found = file_name_of(_name_in_git(folder))
    if found:
        return found
    try:
        return file_name_of(getpass.getuser())
    except (OSError, KeyError, ImportError):
        return ""


def _name_in_git(folder: Path) -> str:
    command = ["git", "-C", str(folder), "config", "user.name"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_GIT_SECONDS)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace").strip()
