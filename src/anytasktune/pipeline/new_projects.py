"""New projects in a folder of projects: their names, and those whose interview is not finished."""

import re
from pathlib import Path

from anytasktune.errors import ConfigError
from anytasktune.pipeline.initializing import init_project
from anytasktune.pipeline.interviewing import InterviewLog
from anytasktune.records import Language
from anytasktune.store import DOMAIN_FILE, Project

_FOLDER_NAME = re.compile(r"\w(?:[\w .-]{0,58}[\w-])?")
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.I)


def new_folder(root: Path, name: str) -> Path:
    """The folder of a new project below `root`, which is not made.

    Raises:
        ConfigError: the name is no name of a folder, or something of that name is there.
    """
    name = name.strip()
    if not _FOLDER_NAME.fullmatch(name) or _DEVICES.fullmatch(name):
        fix = "use letters, digits, spaces, hyphens and underscores, at most 60 in all"
        raise ConfigError(f"a folder cannot be called {name[:80]!r}", fix=fix)
    folder = root / name
    if (folder / DOMAIN_FILE).exists():
        raise ConfigError(f"there is a project {name!r} already", where=str(folder), fix="choose another name")
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ConfigError(f"a file is called {name!r} already", where=str(folder), fix="choose another name")
    return folder


def start_project(root: Path, name: str, pack: str = "empty", language: Language | None = None) -> Project:
    """A new project below `root`, empty or from a pack; arguments and errors as `new_folder` and `init_project`."""
    return init_project(new_folder(root, name), pack=pack, language=language if pack != "empty" else None)


def open_interview(root: Path, name: str, language: Language) -> InterviewLog:
    """The interview of a project that is not made yet; errors as `new_folder` and `InterviewLog.open`."""
    return InterviewLog.open(new_folder(root, name), language)


def unfinished_interviews(root: Path) -> list[str]:
    """Folders below `root` with an interview and no project yet."""
    files = sorted(root.glob("*/interview.jsonl"))
    return [file.parent.name for file in files if not (file.parent / DOMAIN_FILE).exists()]
