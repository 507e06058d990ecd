"""Numbers in a text by what they are worth, so that `3万`, `30,000` and `thirty thousand` are the same."""

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

_UP_TO_NINETEEN = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_ONES = {word: value for value, word in enumerate(_UP_TO_NINETEEN.split())}
_TENS = dict(zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True))  # noqa: SIM905
_ORDINALS = {
    word: value
    for value, word in enumerate("first second third fourth fifth sixth seventh eighth ninth tenth".split(), 1)  # noqa: SIM905
}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_LOOSE = {"once": 1, "twice": 2, "a": 1, "an": 1, "half": 2, "dozen": 12, "couple": 2, "noon": 12, "midday": 12, "midnight": 0}
_MONTHS = {
    name: number
    for number, name in enumerate(
        "january february march april may june july august september october november december".split(),  # noqa: SIM905
        1,
    )
}
_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0, "俩": 2}
_SMALL, _LARGE = {"十": 10, "百": 100, "千": 1000}, {"万": 10**4, "亿": 10**8}
_BEHIND = {"百": 100, "千": 1000, "万": 10**4, "亿": 10**8, "k": 1000, "m": 10**6, "bn": 10**9} | _SCALES
_WORDS = _ONES | _TENS | _ORDINALS | _SCALES
_FIGURE = re.compile(
    r"(?P<digits>\d{1,3}(?:,\d{3}){1,6}(?!\d)|\d{1,40})(?P<decimals>\.\d{1,20})?"
    r"(?P<behind>\s?(?:hundred|thousand|million|billion)\b|[百千万亿]{1,2}|(?:k|m|bn)(?![a-z]))?",
    re.I,
)
_CHINESE = re.compile(f"[{''.join(_DIGITS | _SMALL | _LARGE)}]{{1,20}}")
_CLOCK = re.compile(r"(?<!\d)(\d{1,2}):(\d{2})(?!\d)")
_ENGLISH = re.compile(rf"\b(?:{'|'.join(_WORDS)})(?:(?:\s+and\s+|[-\s]+)(?:{'|'.join(_WORDS)}))*\b", re.I)
_LATIN_WORD = re.compile(r"[a-z]+", re.I)
NUMBER_WORDS = frozenset(_WORDS) | {"twice", "dozen", "half", "couple"} | frozenset(_MONTHS)
"""English words that are numbers or stand for one, in lower case."""
NUMBER_CHARACTERS = frozenset("".join(_DIGITS | _SMALL | _LARGE)) | {"半", "第", "几"}
"""Chinese characters that numbers are written with."""


def figures_in(text: str) -> dict[str, Decimal]:
    """The numbers that `text` writes in digits: as they stand there, and what each is worth."""
    found = {}
    for match in _FIGURE.finditer(unicodedata.normalize("NFKC", text)):
        found[match.group().strip()] = _worth(match)
    return found


def lost_figures(before: str, after: str) -> list[str]:
    """The numbers that `before` writes in digits and `after` says in no way, neither in digits nor in words."""
    said = amounts_in(after)
    return [figure for figure, value in figures_in(before).items() if value not in said]


def amounts_in(text: str) -> set[Decimal]:
    """All that can be read as a number in `text`, generously.

    Digits count with and without the unit behind them (3万 is 30000 and 3), a decimal also by its two halves (2.20 may be a
    time), months by their number, an hour also on the 24-hour clock, words in English and Chinese by their value.
    """
    text = unicodedata.normalize("NFKC", text)
    found: set[Decimal] = set()
    for match in _FIGURE.finditer(text):
        found |= _readings(match)
    found |= {Decimal(value) for match in _CHINESE.finditer(text) for value in _chinese_readings(match.group())}
    found |= {Decimal(_english_value(match.group())) for match in _ENGLISH.finditer(text)}
    found |= {Decimal(value) for value in _loose_words(text)}
    found |= {Decimal(f"{hour}.{minute}") for hour, minute in _CLOCK.findall(text)}
    return found | {hour + 12 for hour in found if 1 <= hour < 12} | {hour - 12 for hour in found if 12 < hour < 24}


def _worth(match: re.Match[str]) -> Decimal:
    value = Decimal(match["digits"].replace(",", "") + (match["decimals"] or ""))
    for scale in _scales(match["behind"] or ""):
        value *= scale
    return value


def _scales(behind: str) -> list[int]:
    """`万亿` is two of them, `million` one."""
    word = behind.strip().lower()
    return [_BEHIND[word]] if word in _BEHIND else [_BEHIND[char] for char in word]


def _readings(match: re.Match[str]) -> set[Decimal]:
    whole, decimals = match["digits"].replace(",", ""), match["decimals"] or ""
    found = {_worth(match), Decimal(whole + decimals), Decimal(whole)}
    return found | {Decimal(decimals[1:])} if decimals else found


def _chinese_readings(numeral: str) -> Iterator[int]:
    """`二〇二四` digit by digit, `三百二十` by its units, and `三五` (three to five) as each of its digits."""
    if not set(numeral) & (set(_SMALL) | set(_LARGE)):
        yield int("".join(str(_DIGITS[char]) for char in numeral))
        yield from (_DIGITS[char] for char in numeral)
        return
    total = section = digit = 0
    for char in numeral:
        if char in _DIGITS:
            digit = _DIGITS[char]
        elif char in _SMALL:
            section += (digit or 1) * _SMALL[char]
            digit = 0
        else:
            total = (total + section + digit or 1) * _LARGE[char]
            section = digit = 0
    yield total + section + digit


def _english_value(words: str) -> int:
    total = current = 0
    for word in _LATIN_WORD.findall(words.lower()):
        if word == "hundred":
            current = (current or 1) * 100
        elif word in _SCALES:
            total += (current or 1) * _SCALES[word]
            current = 0
        elif word in _WORDS:
            current += _WORDS[word]
    return total + current


def _loose_words(text: str) -> Iterator[int]:
    for word in set(_LATIN_WORD.findall(text.lower())):
        if word in _LOOSE:
            yield _LOOSE[word]
        else:
            yield from (number for name, number in _MONTHS.items() if word in {name, name[:3], name[:4]})
