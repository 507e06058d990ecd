"""Numbers in English and Chinese texts, in digits or words: the first one, all that are said, ranges, and what each is worth.

Three readings are offered, from strict to generous: `first_number` reads digits only, `numbers_in` what a reader would count,
and `amounts_in` all that can be meant, so that `3万`, `30,000` and `thirty thousand` are the same.
"""

import math
import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

_HALF_WIDTH = str.maketrans("０１２３４５６７８９．，－−＋", "0123456789.,--+")
_FIRST = re.compile(r"(?:(?<![\w.])[-+])?(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|(?<!\w)\.[0-9]+")
_BARE = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?")

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
_WORDS = _ONES | _TENS | _ORDINALS | _SCALES
_LOOSE = {"once": 1, "twice": 2, "a": 1, "an": 1, "half": 2, "dozen": 12, "couple": 2, "noon": 12, "midday": 12, "midnight": 0}
_MONTHS = {
    name: number
    for number, name in enumerate(
        "january february march april may june july august september october november december".split(),  # noqa: SIM905
        1,
    )
}
_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_PAIR = {"俩": 2}
_SMALL, _LARGE = {"十": 10, "百": 100, "千": 1000}, {"万": 10**4, "亿": 10**8}
NUMBER_WORDS = frozenset(_WORDS) | {"twice", "dozen", "half", "couple"} | frozenset(_MONTHS)
"""English words that are numbers or stand for one, in lower case."""
NUMBER_CHARACTERS = frozenset("".join(_DIGITS | _PAIR | _SMALL | _LARGE)) | {"半", "第", "几"}
"""Chinese characters that numbers are written with."""

_LATIN_WORD = re.compile(r"[a-z]+", re.I)
_ENGLISH = rf"\b(?:(?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(_ONES)}))?|{'|'.join(_ONES)})\b"
# every repeat has a bound, so that the time a text takes grows with its length, not with the square of it
_CHINESE = f"[{''.join(_DIGITS | _SMALL | _LARGE)}]{{1,20}}"
_NUMBER = rf"(?:\d{{1,40}}(?:\.\d{{1,20}})?|{_ENGLISH}|{_CHINESE})"
_REMARK = r"(?:\s{0,4}[(（][^)）]{0,60}[)）])?"
_UNIT = r"\s{0,4}(?:个|条|项|句|行|点|分)?"
_RANGE = re.compile(rf"({_NUMBER}){_REMARK}{_UNIT}\s{{0,4}}(?:to|or|and|-|–|—|~|～|至|到|或)\s{{0,4}}({_NUMBER})", re.I)
_AT_MOST = re.compile(rf"(?:at most|no more than|up to|a maximum of|not more than|最多|至多|不超过|不多于)\s*({_NUMBER})", re.I)
_AT_LEAST = re.compile(rf"(?:at least|no fewer than|a minimum of|至少|不少于)\s*({_NUMBER})", re.I)
_NOT_ITEMS = re.compile(
    r"\s*(?:%|percent|years?|months?|weeks?|days?|hours?|minutes?|words?|characters?|points?|times|[€£$¥]|"
    r"个?(?:岁|年|月|周|天|日|小时|分钟|字|词语|元|万|次|倍|分))",
    re.I,
)

_BEHIND = {"百": 100, "千": 1000, "万": 10**4, "亿": 10**8, "k": 1000, "m": 10**6, "bn": 10**9} | _SCALES
_FIGURE = re.compile(
    r"(?P<digits>\d{1,3}(?:,\d{3}){1,6}(?!\d)|\d{1,40})(?P<decimals>\.\d{1,20})?"
    r"(?P<behind>\s?(?:hundred|thousand|million|billion)\b|[百千万亿]{1,2}|(?:k|m|bn)(?![a-z]))?",
    re.I,
)
_NUMERAL = re.compile(f"[{''.join(_DIGITS | _PAIR | _SMALL | _LARGE)}]{{1,20}}")
_SPELLED = re.compile(rf"\b(?:{'|'.join(_WORDS)})(?:(?:\s+and\s+|[-\s]+)(?:{'|'.join(_WORDS)}))*\b", re.I)
_CLOCK = re.compile(r"(?<!\d)(\d{1,2}):(\d{2})(?!\d)")


def first_number(text: str) -> float | None:
    """The first number in `text`; None where there is none, or it is too large for a float.

    Full-width digits count ("３．５分" is 3.5), commas between groups of three digits are passed over ("1,200" is
    1200), and a hyphen after a word or digit is no minus ("score-4" is 4).
    """
    found = _FIRST.search(text.translate(_HALF_WIDTH))
    number = float(found.group().replace(",", "")) if found else None
    return number if number is not None and math.isfinite(number) else None


def is_bare_number(text: str) -> bool:
    """Whether `text` is one number in digits and nothing else."""
    return bool(_BARE.fullmatch(text.translate(_HALF_WIDTH))) and first_number(text) is not None


def decimals_of(text: str) -> int:
    """Digits after the point of a bare number."""
    return len(text.translate(_HALF_WIDTH).partition(".")[2])


def numbers_in(text: str) -> set[float]:
    """All numbers said in `text`; one in ten-thousands (六万, 4.1万) also by its number of them."""
    found = set()
    for word in re.findall(_NUMBER, text, re.I):
        value = _value(word)
        found |= {value, value / _LARGE["万"]} if "万" in word else {value}
    return found


def ranges_in(text: str) -> set[tuple[float, float]]:
    """Ranges such as `3 to 5`, `1-7`, `1（低）到 5（高）`, `三至五`, whatever they count."""
    return {(_value(low), _value(high)) for low, high in _RANGE.findall(text) if _value(low) < _value(high)}


def item_ranges_in(text: str) -> set[tuple[float, float]]:
    """Ranges that may count items: not years, words, sums and the like."""
    found = [match for match in _RANGE.finditer(text) if not _NOT_ITEMS.match(text, match.end())]
    return {(_value(match[1]), _value(match[2])) for match in found if _value(match[1]) < _value(match[2])}


def most_items_in(text: str) -> set[float]:
    """N of `at most N`, where N may count items."""
    return {_value(match[1]) for match in _AT_MOST.finditer(text) if not _NOT_ITEMS.match(text, match.end())}


def fewest_items_in(text: str) -> set[float]:
    """N of `at least N`, where N may count items."""
    return {_value(match[1]) for match in _AT_LEAST.finditer(text) if not _NOT_ITEMS.match(text, match.end())}


def figures_in(text: str) -> dict[str, Decimal]:
    """The numbers that `text` writes in digits: as they stand there, and what each is worth."""
    return {match.group().strip(): _worth(match) for match in _FIGURE.finditer(unicodedata.normalize("NFKC", text))}


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
        whole, decimals = match["digits"].replace(",", ""), match["decimals"] or ""
        found |= {_worth(match), Decimal(whole + decimals), Decimal(whole)}
        found |= {Decimal(decimals[1:])} if decimals else set()
    found |= {Decimal(value) for match in _NUMERAL.finditer(text) for value in _chinese_readings(match.group())}
    found |= {Decimal(_english_value(match.group())) for match in _SPELLED.finditer(text)}
    for word in set(_LATIN_WORD.findall(text.lower())):
        months = (number for name, number in _MONTHS.items() if word in {name, name[:3], name[:4]})
        found |= {Decimal(value) for value in ([_LOOSE[word]] if word in _LOOSE else months)}
    found |= {Decimal(f"{hour}.{minute}") for hour, minute in _CLOCK.findall(text)}
    return found | {hour + 12 for hour in found if 1 <= hour < 12} | {hour - 12 for hour in found if 12 < hour < 24}


def _value(word: str) -> float:
    """The value of one number that `_NUMBER` found."""
    if word[0].isdecimal():
        return float(word)
    return float(_english_value(word) if word.isascii() else _chinese_value(word))


def _worth(match: re.Match[str]) -> Decimal:
    """The value of a number in digits with the scale behind it: `万亿` is two of them, `million` one."""
    value = Decimal(match["digits"].replace(",", "") + (match["decimals"] or ""))
    behind = (match["behind"] or "").strip().lower()
    for scale in [behind] if behind in _BEHIND else behind:
        value *= _BEHIND[scale]
    return value


def _chinese_value(numeral: str, *, as_spoken: bool = True) -> int:
    """三十一 → 31, 六万 → 60000, 二零二四 → 2024; 四万一 → 41000 `as_spoken`, else 40001."""
    digits = _DIGITS | _PAIR
    if not any(char in _SMALL or char in _LARGE for char in numeral):
        return int("".join(str(digits[char]) for char in numeral))
    total, section, digit, unit = 0, 0, 0, 1
    for char in numeral:
        if char in digits:
            digit, unit = digits[char], 1 if char in "零〇" else unit
        elif char in _SMALL:
            section, digit, unit = section + (digit or 1) * _SMALL[char], 0, _SMALL[char]
        elif char == "万":
            total, section, digit, unit = total + (section + digit or 1) * _LARGE[char], 0, 0, _LARGE[char]
        else:
            total, section, digit, unit = (total + section + digit or 1) * _LARGE[char], 0, 0, _LARGE[char]
    return total + section + digit * (max(unit // 10, 1) if as_spoken else 1)


def _chinese_readings(numeral: str) -> Iterator[int]:
    """`二〇二四` digit by digit, `三百二十` by its units, `三百二` as 302 and 320, `三五` (three to five) also as 3 and 5."""
    yield from {_chinese_value(numeral), _chinese_value(numeral, as_spoken=False)}
    if not set(numeral) & (set(_SMALL) | set(_LARGE)):
        yield from ((_DIGITS | _PAIR)[char] for char in numeral)


def _english_value(words: str) -> int:
    total = current = 0
    for word in _LATIN_WORD.findall(words.lower()):
        if word == "hundred":
            current = (current or 1) * 100
        elif word in _SCALES:
            total += (current or 1) * _SCALES[word]
            current = 0
        else:
            current += _WORDS.get(word, 0)
    return total + current
