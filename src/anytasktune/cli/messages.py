"""Messages of the command line in the language of its user."""

import os
from collections.abc import Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from anytasktune.localisation.catalogue import localised
from anytasktune.localisation.spoken_language import spoken_language

if TYPE_CHECKING:
    from rich.text import Text

_SETTINGS_FILE = "settings.yaml"
_PROJECT_OPTIONS = {"-p", "--project"}
_language: ContextVar[Literal["en", "zh"]] = ContextVar("language", default="en")


def speak(arguments: Sequence[str]) -> None:
    """Choose the language of all messages from here on, by environment and project of a command."""
    _language.set(spoken_language(os.environ, _project(arguments) / _SETTINGS_FILE))


def spoken() -> Literal["en", "zh"]:
    """The language of messages."""
    return _language.get()


def message(text: str) -> str:
    """A message in the language of the user; `text` is its English form."""
    return localised(text, _language.get())


def phrase(text: str, style: str = "") -> "Text":
    """A message in the language of the user, to be shown in a style; `text` is its English form."""
    from rich.text import Text

    return Text(message(text), style=style)


def _project(arguments: Sequence[str]) -> Path:
    """The project that a command names, else the current folder."""
    for option, value in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, given = option.partition("=")
        if name in _PROJECT_OPTIONS:
            return Path(given if equals else value)
        if option.startswith("-p") and not option.startswith("--") and len(option) > 2:
            return Path(option[2:])
    return Path()
