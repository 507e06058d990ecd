"""Typing errors as people make them, by rule and from the tables in `typing_errors.toml`: no model is asked.

English: a neighbouring key, a letter left out, doubled or swapped with the next, punctuation left out. Chinese: a character of
the same sound or a similar shape, 的, 地 and 得 confused, punctuation left out or replaced by a space. Never touched are
numbers (in digits or words), denials, names (words with a capital), addresses on the net, and whatever the caller names.
"""

import functools
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from anytasktune.records import Language
from anytasktune.schema import Task
from anytasktune.synthesis.anchors import copied_strings, field_words, json_form, shared_words
from anytasktune.synthesis.drafts import Draft, Refusal
from anytasktune.synthesis.seeded_choice import Chance
from anytasktune.text.numbers import NUMBER_CHARACTERS, NUMBER_WORDS
from anytasktune.text.plain_text import occurs_in, shorten
from anytasktune.text.scripts import HAN, count_han

MOST_ENGLISH, MOST_CHINESE = 0.12, 0.05
"""Share of the English words, and of the Chinese characters, that are touched at most (but one place always may)."""
_LEAST_SHARE = 0.25
"""Least part of that share; the part of a row lies between this and all of it, by chance."""
_DENIALS_EN = {"not", "no", "never", "none", "nor", "neither", "without", "cannot", "nothing", "nobody"}
_DENIALS_ZH = "不没未非无否勿莫别"
_UNTOUCHED = (
    re.compile(r"\S*@\S*|\w+://\S+|www\.\S+"),
    re.compile(r"[\w.,:/%+£$€¥'-]*\d[\w.,:/%+-]*", re.ASCII),
    re.compile(r"\d"),
    re.compile(rf"\b(?:{'|'.join(sorted(NUMBER_WORDS | _DENIALS_EN))})\b|\b\w+n['’]t\b", re.I),
    re.compile(f"[{''.join(sorted(NUMBER_CHARACTERS))}][{HAN}]?|[{_DENIALS_ZH}][{HAN}]?"),
)
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"(?P<key>\s*:)?')
_ENGLISH_WORD = re.compile(r"(?<![^\W_])[a-z]{4,}(?![^\W_])")
_ENGLISH_MARK = re.compile(r"(?<=[a-z])[,;.?!](?=\s|$)|(?<=[a-z])['’](?=[a-z])")
_CHINESE_MARK = re.compile("[，。、；！？]")
_CHINESE_DOUBLE = re.compile(rf"(?<=[{HAN}])[{HAN}]")
_FEWEST_TO_DOUBLE = 6


class Edit(NamedTuple):
    """The text that replaces the characters from `start` to `end`."""

    start: int
    end: int
    text: str


class _Confusions(NamedTuple):
    """The tables: neighbours of each key, misspellings of Chinese words and characters, and where to look for these."""

    keys: Mapping[str, str]
    chinese: Mapping[str, Sequence[str]]
    pattern: re.Pattern[str]


@functools.cache
def _confusions() -> _Confusions:
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    words, characters, whole = table["words"], table["characters"], table["whole"]["words"]
    pattern = re.compile(f"(?P<whole>{'|'.join(whole)})|{'|'.join(words)}|[{''.join(characters)}]")
    return _Confusions(table["keys"], characters | words, pattern)


def mistype(text: str, language: Language, kept: Iterable[str], chance: Chance, *, is_json: bool = False) -> str | None:
    """`text` with a few typing errors, or None where there is no place for one.

    At least one letter or character is wrong: a text that only lacks a full stop is the same text to most who compare.

    Args:
        kept: strings that stay as they are wherever they stand, in any case of letters.
        is_json: the text is JSON, of which only the values that are strings may be touched.
    """
    untouched = _untouched(text, kept, is_json)

    def free(edits: Iterable[Edit]) -> list[Edit]:
        return chance.shuffled([edit for edit in edits if not any(untouched[edit.start : edit.end])])

    if language == "en":
        letters = free(_misspelt_word(match, chance) for match in _ENGLISH_WORD.finditer(text))
        marks = free(Edit(*mark.span(), "") for mark in _ENGLISH_MARK.finditer(text))
        wanted = len(text.split()) * MOST_ENGLISH
    else:
        tables = _confusions()
        slips = (match for match in tables.pattern.finditer(text) if match["whole"] is None)
        letters = free(Edit(*match.span(), chance.pick(tables.chinese[match.group()])) for match in slips)
        if not letters and len(text) >= _FEWEST_TO_DOUBLE:  # a character typed twice, where nothing else can go wrong
            letters = free(Edit(*match.span(), match.group() * 2) for match in _CHINESE_DOUBLE.finditer(text))
        marks = free(
            Edit(*mark.span(), chance.pick(["", " "]) if mark.end() < len(text) else "")
            for mark in _CHINESE_MARK.finditer(text)
        )
        wanted = count_han(text) * MOST_CHINESE
    if not letters:
        return None
    rest = chance.shuffled([*letters[1:], *marks])
    count = max(1, int(wanted * chance.between(_LEAST_SHARE, 1)))
    chosen: list[Edit] = []
    for edit in [letters[0], *rest]:  # edits that touch one another would give something nobody types
        if len(chosen) < count and all(edit.end < other.start or edit.start > other.end for other in chosen):
            chosen.append(edit)
    for edit in sorted(chosen, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _untouched(text: str, kept: Iterable[str], is_json: bool) -> bytearray:
    """1 for each character that must stay."""
    mask = bytearray(len(text))
    spans = [match.span() for pattern in _UNTOUCHED for match in pattern.finditer(text)]
    for string in set(kept):
        if words := string.split():
            pattern = r"\s+".join(map(re.escape, words))
            spans += [match.span() for match in re.finditer(pattern, text, re.I)]
    if is_json:
        spans += _around_values(text)
    for start, end in spans:
        mask[start:end] = b"\1" * (end - start)
    return mask


def _around_values(text: str) -> Iterator[tuple[int, int]]:
    """All of a JSON text but the insides of strings that are values; a string with an escape in it is left alone."""
    end = 0
    for match in _JSON_STRING.finditer(text):
        if match["key"] is None and "\\" not in match.group():
            yield end, match.start() + 1
            end = match.end() - 1
    yield end, len(text)


def _misspelt_word(match: re.Match[str], chance: Chance) -> Edit:
    """One wrong letter, never the first one: swapped with the next, left out, doubled, or a neighbouring key."""
    word = match.group()
    place = 1 + chance.below(len(word) - 2)
    key, after = word[place], word[place + 1]
    kind = chance.below(4)
    if kind == 0 and key != after:
        changed = word[:place] + after + key + word[place + 2 :]
    elif kind == 1:
        changed = word[:place] + word[place + 1 :]
    elif kind == 2:
        changed = word[:place] + key + word[place:]
    else:
        changed = word[:place] + chance.pick(_confusions().keys[key]) + word[place + 1 :]
    return Edit(*match.span(), changed)


def misspell(task: Task, draft: Draft, seed: int) -> None:
    """Give a draft the input of its row with typing errors; the answer stays, and what it names is left alone."""
    row, slot = draft.row, draft.slot
    copied = copied_strings(task, row)
    kept = {*copied, *shared_words(task, row), *field_words(row.input), *task.output.fixed_words}
    text = mistype(
        row.input,
        slot.language,
        kept,
        Chance(seed, slot.kind, row.id, slot.variant),
        is_json=json_form(row.input) is not None,
    )
    if text is None:
        draft.refusal = Refusal("unchanged", "there is no word in it that may be mistyped")
    elif lost := [string for string in copied if not occurs_in(string, text)]:
        draft.refusal = Refusal("lost_facts", shorten(", ".join(lost), 120))
    else:
        draft.text, draft.output = text, row.output
