"""Texts of the review screen, per language."""

import tomllib
from functools import cache
from pathlib import Path

from anytasktune.cli.amounts import about
from anytasktune.records import Language

_UNITS_ZH = ((" h", " 小时"), (" min", " 分钟"), (" s", " 秒"))


@cache
def words(language: Language) -> dict[str, dict[str, str]]:
    """Topic → name → text with `{…}` to fill in."""
    path = Path(__file__).with_name(f"review_{language}.toml")
    return {topic: dict(texts) for topic, texts in tomllib.loads(path.read_text(encoding="utf-8")).items()}


def word(language: Language, topic: str, name: str, **values: object) -> str:
    """A text with its `{…}` filled in."""
    text = words(language)[topic][name]
    return text.format(**values) if values else text


def about_in(language: Language, seconds: float) -> str:
    """A rounded duration: `5 min`, `5 分钟`."""
    said = about(seconds)
    if language == "zh":
        for unit, chinese in _UNITS_ZH:
            said = said.replace(unit, chinese)
    return said
