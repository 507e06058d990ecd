"""The texts of the studio's pages, a file per page and language; the texts of the frame serve every page."""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anytasktune.records import Language

WORDS = Path(__file__).parent / "words"


@dataclass(frozen=True)
class PageWords:
    """The texts of one page in one language, with those of the frame."""

    language: Language
    table: Mapping[str, Any]

    def say(self, key: str, **values: Any) -> str:
        """The text `key` filled with `values`; `count` chooses between `one` and `other` where a text has both.

        Raises:
            KeyError: there is no such text, or a value is missing.
        """
        entry = self.table[key]
        if isinstance(entry, Mapping):
            entry = entry["one" if values.get("count") == 1 else "other"]
        return str(entry).format(**values) if values else str(entry)

    def says(self, key: str) -> bool:
        """Whether there is a text `key`."""
        return key in self.table

    def seconds(self, seconds: float) -> str:
        """A length of time in the two units that matter: `40 s`, `3 min 5 s`, `1 h 20 min`."""
        whole = max(0, round(seconds))
        if whole < 60:
            return self.say("seconds", seconds=whole)
        if whole < 3600:
            return self.say("minutes", minutes=whole // 60, seconds=whole % 60)
        return self.say("hours", hours=whole // 3600, minutes=whole % 3600 // 60)


@functools.cache
def page_words(page: str, language: Language) -> PageWords:
    """The texts of `words/<page>_<language>.toml` before those of the frame."""
    return PageWords(language, _table("frame", language) | (_table(page, language) if page != "frame" else {}))


def _table(page: str, language: Language) -> dict[str, Any]:
    return tomllib.loads((WORDS / f"{page}_{language}.toml").read_text(encoding="utf-8"))
