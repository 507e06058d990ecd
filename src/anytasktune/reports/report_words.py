"""The fixed texts of a report in English and Chinese."""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anytasktune.records import Language

TEMPLATES = Path(__file__).parent / "templates"
VERDICT_SYMBOLS = {"better": "▲", "worse": "▼", "cannot_tell": "≈"}


@dataclass(frozen=True)
class Words:
    """The texts in one language.

    Attributes:
        language: which one.
        table: section → name → a sentence, or `{one, other}` for two grammatical numbers.
    """

    language: Language
    table: Mapping[str, Mapping[str, Any]]

    def say(self, key: str, **values: Any) -> str:
        """The text `section.name` filled with `values`.

        `count` chooses between `one` and `other`; a `system` or `metric` is filled in by its name inside a sentence.

        Raises:
            KeyError: there is no such text, or a value is missing.
        """
        section, _, place = key.partition(".")
        entry = self.table[section][place]
        if isinstance(entry, Mapping):
            entry = entry["one" if values.get("count") == 1 else "other"]
        sections = {"system": "system_inline", "metric": "metric"}
        named = {kind: self.table[name].get(values[kind], values[kind]) for kind, name in sections.items() if kind in values}
        return str(entry).format(**values | named)

    def remark(self, code: str, values: Mapping[str, int | float | str]) -> str:
        """The sentence of the remark called `code`."""
        return self.say(f"remark.{code}", **values)

    def knows(self, key: str) -> bool:
        """Whether there is a text `section.name`."""
        section, _, name = key.partition(".")
        return name in self.table.get(section, {})

    def section(self, name: str) -> Mapping[str, Any]:
        """All texts of a section, unfilled."""
        return self.table[name]


@functools.cache
def words(language: Language) -> Words:
    """The texts in `language`."""
    text = (TEMPLATES / f"words_{language}.toml").read_text(encoding="utf-8")
    return Words(language, tomllib.loads(text))


def clean(text: str) -> str:
    """`text` without characters that steer a terminal or turn the writing direction."""
    return "".join(char if char.isprintable() or char in "\n\t" else " " if char.isspace() else "�" for char in text.strip())
