"""Numbers and ranges as instructions and rows say them, in digits or words, in English and Chinese."""

import re

_UP_TO_NINETEEN = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_ONES = {word: value for value, word in enumerate(_UP_TO_NINETEEN.split())}
_TENS = dict(zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True))  # noqa: SIM905
_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
_ENGLISH = rf"\b(?:(?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(_ONES)}))?|{'|'.join(_ONES)})\b"
_CHINESE = f"[{''.join(_DIGITS)}{''.join(_UNITS)}]+"
_NUMBER = rf"(?:\d+(?:\.\d+)?|{_ENGLISH}|{_CHINESE})"
_REMARK = r"(?:\s*[(（][^)）]*[)）])?"
_UNIT = r"\s*(?:个|条|项|句|行|点|分)?"
_RANGE = re.compile(rf"({_NUMBER}){_REMARK}{_UNIT}\s*(?:to|or|and|-|–|—|~|～|至|到|或)\s*({_NUMBER})", re.I)
_AT_MOST = re.compile(rf"(?:at most|no more than|up to|a maximum of|not more than|最多|至多|不超过|不多于)\s*({_NUMBER})", re.I)
_AT_LEAST = re.compile(rf"(?:at least|no fewer than|a minimum of|至少|不少于)\s*({_NUMBER})", re.I)
_NOT_ITEMS = re.compile(
    r"\s*(?:%|percent|years?|months?|weeks?|days?|hours?|minutes?|words?|characters?|points?|times|[€£$¥]|"
    r"个?(?:岁|年|月|周|天|日|小时|分钟|字|词语|元|万|次|倍|分))",
    re.I,
)


def numbers_in(text: str) -> set[float]:
    """All numbers said in `text`; one in ten-thousands (六万, 4.1万) also by its number of them."""
    found = set()
    for word in re.findall(_NUMBER, text, re.I):
        value = _value(word)
        found |= {value, value / _UNITS["万"]} if "万" in word else {value}
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


def _value(word: str) -> float:
    if word[0].isdecimal():
        return float(word)
    if word[0] in _DIGITS or word[0] in _UNITS:
        return float(_chinese_value(word))
    parts = re.split(r"[- ]", word.lower())
    return float(sum(_TENS.get(part, _ONES.get(part, 0)) for part in parts))


def _chinese_value(word: str) -> int:
    """三十一 → 31, 六万 → 60000, 四万一 → 41000 (as it is said), 二零二四 → 2024."""
    if not any(char in _UNITS for char in word):
        return int("".join(str(_DIGITS[char]) for char in word))
    total, section, digit, unit = 0, 0, 0, 1
    for char in word:
        if char in _DIGITS:
            digit, unit = _DIGITS[char], 1 if char in "零〇" else unit
            continue
        unit = _UNITS[char]
        if unit >= _UNITS["万"]:
            total, section = total + max(section + digit, 1) * unit, 0
        else:
            section += max(digit, 1) * unit
        digit = 0
    return total + section + digit * max(unit // 10, 1)
