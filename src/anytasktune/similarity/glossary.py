"""Common terms that mean the same in English and in Chinese."""

import re
from functools import cache
from importlib.resources import files

from anytasktune.similarity.stems import stem

_WORD = re.compile(r"[a-z][a-z'-]*[a-z]|[a-z]")
_LONGEST = 3


def concepts(text: str, language: str) -> dict[int, float]:
    """Which entries of the glossary a text in lower case names, and how surely: terms of several entries count for less."""
    return _of_chinese(text) if language == "zh" else _of_english(text)


def _of_english(text: str) -> dict[int, float]:
    """The longest run of words that is a term, from left to right."""
    terms = _glossary()[0]
    words = [stem(word.removesuffix("'s")) for word in _WORD.findall(text)]
    found: dict[int, float] = {}
    place = 0
    while place < len(words):
        lengths = range(min(_LONGEST, len(words) - place), 0, -1)
        length = next((size for size in lengths if " ".join(words[place : place + size]) in terms), 0)
        if length:
            _take(found, terms[" ".join(words[place : place + length])], 1.0)
        place += max(1, length)
    return found


def _of_chinese(text: str) -> dict[int, float]:
    """The longest term from each place that no earlier one covers; single characters are half as sure."""
    _, terms, longest = _glossary()
    found: dict[int, float] = {}
    place = 0
    while place < len(text):
        lengths = range(min(longest, len(text) - place), 0, -1)
        length = next((size for size in lengths if text[place : place + size] in terms), 0)
        if length:
            _take(found, terms[text[place : place + length]], 0.5 if length == 1 else 1.0)
        place += max(1, length)
    return found


def _take(found: dict[int, float], entries: list[int], sureness: float) -> None:
    for entry in entries:
        found[entry] = max(found.get(entry, 0.0), sureness / len(entries))


@cache
def _glossary() -> tuple[dict[str, list[int]], dict[str, list[int]], int]:
    """English terms, Chinese terms, and the length of the longest Chinese one."""
    lines = (files(__package__) / "glossary.txt").read_text(encoding="utf-8").splitlines()
    entries = " ".join(line for line in lines if not line.startswith("#")).split(";")
    english: dict[str, list[int]] = {}
    chinese: dict[str, list[int]] = {}
    for number, entry in enumerate(entry for entry in entries if "=" in entry):
        ours, theirs = entry.split("=")
        for term in ours.split():
            english.setdefault(" ".join(stem(word) for word in term.split("_")), []).append(number)
        for term in theirs.split():
            chinese.setdefault(term, []).append(number)
    return english, chinese, max(map(len, chinese))
