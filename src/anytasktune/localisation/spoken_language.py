"""The language in which the program speaks to its user."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

VARIABLE = "ANYTASKTUNE_LANG"
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
_SETTING = re.compile(r"^language[ \t]*[:：][ \t]*[\"']?(en|zh)\b", re.MULTILINE)
"""The line of settings.yaml; read by itself, since faults of that file are also told in this language."""


def spoken_language(environment: Mapping[str, str], settings_file: Path | None = None) -> Literal["en", "zh"]:
    """That of `ANYTASKTUNE_LANG`, else `language` in settings.yaml, else of the system's locale; English for any other.

    Args:
        settings_file: settings.yaml of the project; it need not exist, or be right.
    """
    if chosen := environment.get(VARIABLE, ""):
        return _known(chosen)
    if settings_file is not None and (found := _SETTING.search(_text(settings_file))):
        return _known(found[1])
    return _known(next((environment[name] for name in _LOCALE if environment.get(name)), ""))


def _known(name: str) -> Literal["en", "zh"]:
    return "zh" if name.lower().startswith("zh") else "en"


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
