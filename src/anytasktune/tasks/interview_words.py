"""The words of the interview, per language."""

import tomllib
from functools import cache
from pathlib import Path

from anytasktune.records import Language

_GENERAL = "words"


@cache
def _words(language: Language) -> dict[str, dict[str, str]]:
    path = Path(__file__).with_name(f"interview_{language}.toml")
    return {topic: dict(texts) for topic, texts in tomllib.loads(path.read_text(encoding="utf-8")).items()}


def topics(language: Language) -> dict[str, set[str]]:
    """Topic → which texts there are for it."""
    return {topic: set(texts) for topic, texts in _words(language).items()}


def asked(topic: str, language: Language, part: str = "ask") -> str:
    """What is said about a topic: `ask`, `help` or `example`; `{…}` is still to be filled in."""
    return _words(language)[topic][part]


def word(name: str, language: Language) -> str:
    """A word or sentence that belongs to no topic."""
    return _words(language)[_GENERAL][name]


def means(name: str, text: str) -> bool:
    """Whether `text` is the word `name` (or one of several with commas between) in any language."""
    said = text.strip().casefold()
    languages: tuple[Language, ...] = ("en", "zh")
    return any(said == one.strip() for language in languages for one in word(name, language).split(","))
