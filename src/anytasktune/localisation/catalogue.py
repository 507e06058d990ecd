"""Translations of messages: templates in English with numbered values, `{0} has {1} now`, and the same in Chinese."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

VALUE = re.compile(r"\{(\d+)#?\}")
"""A value in a template, by its number; `{0#}` is one that is a number itself."""
_NUMBER = r"([\d.,]+)"
_FEW_LETTERS = 4
_KEPT = 1024
"""Messages whose translations are kept: parts come again in the same message, and messages on the same page."""
_LONGEST = 8000
"""Characters of a message; longer ones hold data, and stay as they are."""
_BETWEEN = {"\n": "\n", "; ": "；", ": ": "：", ", ": "，", " → ": " → "}
"""Separators of messages that are joined to one, and what stands in their place in Chinese."""


@dataclass(frozen=True)
class _Template:
    english: str
    translation: str

    @cached_property
    def longest_part(self) -> str:
        """The most characters in a row that every message of this template has."""
        return max(VALUE.split(self.english)[::2], key=len)

    @cached_property
    def own_words(self) -> list[str]:
        return re.findall(r"[^\W\d_]+", VALUE.sub(" ", self.english))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """A template of hardly any words takes only values of one word: else it would fit what is no message of its own."""
        is_telling = len(self.own_words) > 1 or len("".join(self.own_words)) > _FEW_LETTERS or ": {" in self.english
        value = "(.*?)" if is_telling else r"(\S*?)"
        parts = re.split(r"(\{\d+#?\})", self.english)
        kinds = {part: _NUMBER if part.endswith("#}") else value for part in parts[1::2]}
        return re.compile("".join(kinds.get(part) or re.escape(part) for part in parts), re.DOTALL)

    def values_in(self, message: str) -> dict[str, str] | None:
        """The values of a message that was made by this template, by their numbers; None if it was not."""
        if self.longest_part not in message or (found := self.pattern.fullmatch(message)) is None:
            return None
        return dict(zip(VALUE.findall(self.english), found.groups(), strict=True))

    def filled(self, values: Mapping[str, str]) -> str:
        """The translation with these values."""
        return VALUE.sub(lambda place: values[place[1]], self.translation)


class Catalogue:
    """Translations into one language.

    Args:
        entries: English template → template in the language. Where several fit a message, the one with most words of its own
            is used. Values with a space in them are messages of their own where the catalogue has them.
    """

    def __init__(self, entries: Mapping[str, str]) -> None:
        self._exact = {english: text for english, text in entries.items() if not VALUE.search(english)}
        templates = (_Template(english, text) for english, text in entries.items() if VALUE.search(english))
        self._templates = sorted(templates, key=lambda template: -len("".join(template.own_words)))
        self._translated = lru_cache(_KEPT)(self._translation)

    def translate(self, message: str) -> str:
        """The message in the language; a message that the catalogue does not have as it is."""
        core = message.strip()
        if not core or len(core) > _LONGEST:
            return message
        start = message.index(core)
        return message[:start] + self._translated(core) + message[start + len(core) :]

    def _translation(self, core: str) -> str:
        if (exact := self._exact.get(core)) is not None:
            return exact
        for template in self._templates:
            if (values := template.values_in(core)) is not None:
                return template.filled({number: self._value(value) for number, value in values.items()})
        return self._in_parts(core)

    def _value(self, text: str) -> str:
        """A value of a message: one word is data, several may be a message."""
        return self.translate(text) if " " in text.strip() else text

    def _in_parts(self, core: str) -> str:
        """A message of several, each translated by itself; as it is where none is known."""
        for separator, other in _BETWEEN.items():
            parts = core.split(separator)
            if len(parts) > 1 and (found := [self._value(part) for part in parts]) != parts:
                return other.join(found)
        return core


@cache
def catalogue(language: str) -> Catalogue | None:
    """The catalogue of a language; None for English, in which messages are written."""
    folder = Path(__file__).with_name(language)
    return Catalogue(dict(_entries(folder))) if folder.is_dir() else None


def _entries(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.glob("*.json")):
        yield from json.loads(file.read_text(encoding="utf-8")).items()


def localised(message: str, language: str) -> str:
    """A message in a language; in English, or where the catalogue does not have it, as it is."""
    found = catalogue(language)
    return message if found is None else found.translate(message)
