"""Numbers and ranges as instructions say them, in digits or words, in English and Chinese."""

import re

_ENGLISH = "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
_CHINESE = {char: value for value, char in enumerate("零一二三四五六七八九十")} | {"两": 2}
_WORDS = {word: value for value, word in enumerate(_ENGLISH)} | _CHINESE
_NUMBER = rf"(?:\d+(?:\.\d+)?|\b(?:{'|'.join(_ENGLISH)})\b|[{''.join(_CHINESE)}]|两)"
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
    """All numbers said in `text`."""
    return {_value(match) for match in re.findall(_NUMBER, text, re.I)}


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
    known = _WORDS.get(word.lower())
    return float(word) if known is None else float(known)
