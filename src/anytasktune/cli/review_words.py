"""Texts of the review, per language."""

import tomllib
from functools import cache
from pathlib import Path

from anytasktune.records import Language


@cache
def words(language: Language) -> dict[str, dict[str, str]]:
    """Topic → name → text with `{…}` to fill in."""
    path = Path(__file__).with_name(f"review_{language}.toml")
    return {topic: dict(texts) for topic, texts in tomllib.loads(path.read_text(encoding="utf-8")).items()}


def word(language: Language, topic: str, name: str, **values: object) -> str:
    """A text with its `{…}` filled in."""
    text = words(language)[topic][name]
    return text.format(**values) if values else text
