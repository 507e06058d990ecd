"""Help of commands in the language of the user."""

from typing import Any

from rich.text import Text
from typer import rich_utils

from anytasktune.cli.messages import message

_TEXTS = ("help", "short_help", "epilog", "rich_help_panel")
_HEADINGS = ("ARGUMENTS_PANEL_TITLE", "OPTIONS_PANEL_TITLE", "COMMANDS_PANEL_TITLE", "DEFAULT_STRING", "REQUIRED_LONG_STRING")
_USAGE = "Usage: "


class _Folded(rich_utils.OptionHighlighter):
    """Lets lines of text without spaces, as Chinese is written, go on in the next line; they would be cut off."""

    def __call__(self, text: str | Text) -> Text:
        found = super().__call__(text)
        found.overflow = "fold"
        return found


def localise_help(root: Any) -> None:
    """Put the help of a command and of all commands below it into the language of the user."""

    class Usage(root.context_class.formatter_class):
        def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
            super().write_usage(prog, args, prefix or message(_USAGE))

    root.context_class.formatter_class = Usage
    rich_utils.highlighter = _Folded()
    for heading in _HEADINGS:
        setattr(rich_utils, heading, message(getattr(rich_utils, heading)))
    _localise(root)


def _localise(command: Any) -> None:
    option = command.get_help_option(command.context_class(command))
    for part in (command, option, *command.params):
        for name in _TEXTS:
            if isinstance(text := getattr(part, name, None), str):
                setattr(part, name, message(text))
    for below in getattr(command, "commands", {}).values():
        _localise(below)
