"""Numbers, months and times of day as they are written in English and in Chinese, in one form."""

import re
from collections.abc import Iterator

_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_SMALL_UNITS = {"十": 10, "百": 100, "千": 1000}
_UNITS = {"十": 10.0, "百": 1e2, "千": 1e3, "万": 1e4, "亿": 1e8}
_NUMERAL = "零〇一二两三四五六七八九十百千万亿"
_ZH_NUMBER = re.compile(
    rf"(?P<figures>\d[\d,]*(?:\.\d+)?)\s*(?P<unit>[十百千万亿]*)"
    rf"|(?P<numeral>[{_NUMERAL}]+)(?:点(?P<decimals>[零〇一二两三四五六七八九]+)|[块元米](?P<tenth>[一二两三四五六七八九]{{1,2}})(?![{_NUMERAL}]))?"
)
_ZH_MONTH = re.compile(r"(\d{1,2}|[一二三四五六七八九十]{1,3})月")
_ZH_TIME = re.compile(
    r"(上午|早上|中午|下午|晚上)?(\d{1,2}|[一二两三四五六七八九十]{1,3})(?:点|时)(?:(半)|(\d{1,2})分?)?(?![零一二三四五六七八九])"
)
_ISO_DATE = re.compile(r"\b(\d{4})[-/](\d{1,2})[-/](\d{1,2})\b")
_CLOCK = re.compile(r"\b(\d{1,2}):(\d\d)\b(?:\s*([ap])\.?m\b)?|\b(\d{1,2})\s*([ap])\.?m\b", re.IGNORECASE)

_MONTHS = [
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
]
_EN_MONTH = re.compile(
    rf"\b({'|'.join(name for name in _MONTHS if name not in {'march', 'may'})}|sept|(?:mar|march|may|"
    rf"{'|'.join(name[:3] for name in _MONTHS if name not in {'march', 'may'})})(?=\.?\s\d))\b|(?<=\d\s)(march|may)\b",
    re.IGNORECASE,
)
_EN_UNITS = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "dozen": 12}
_EN_SHORT_UNITS = {"k": 1000, "m": 10**6, "bn": 10**9}
_SMALL_WORDS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_EN_WORDS = {word: value for value, word in enumerate([*_SMALL_WORDS.split(), "eighteen", "nineteen"])} | {
    word: 10 * value for value, word in enumerate(_TENS.split(), start=2)
}
_EN_FIGURES = re.compile(r"(\d[\d,]*(?:\.\d+)?)(?:\s?(hundred|thousand|million|billion)\b|(bn|k|m)\b)?", re.IGNORECASE)
_EN_SPELLED = re.compile(rf"\b(?:{'|'.join([*_EN_WORDS, *_EN_UNITS])})\b", re.IGNORECASE)


def quantities(text: str, language: str) -> Iterator[str]:
    """What numbers (`=690000000`), months (`month 6`) and times (`15:30`) a text names; "one" is too common to count.

    Args:
        text: with characters in their usual width.
        language: "en" or "zh".
    """
    text, dates = _without(_ISO_DATE, text)
    for year, month, day in dates:
        yield from (f"={int(year)}", f"month {int(month)}", f"={int(day)}")
    text, clocks = _without(_CLOCK, text)
    for hour, minute, half, bare, bare_half in clocks:
        yield _time(int(hour or bare), int(minute or 0), (half or bare_half).lower() == "p")
    yield from _chinese(text) if language == "zh" else _english(text)


def _chinese(text: str) -> Iterator[str]:
    text, times = _without(_ZH_TIME, text)
    for part, hour, half, minute in times:
        yield _time(int(_value(hour)), 30 if half else int(minute or 0), part in {"下午", "晚上"})
    text, months = _without(_ZH_MONTH, text)
    yield from (f"month {_value(month):g}" for (month,) in months)
    for match in _ZH_NUMBER.finditer(text.replace("百分之", "")):
        value = _matched(match)
        if match.string[match.end() : match.end() + 1] == "成" and value <= 10:
            value *= 10
        if value != 1 or match["figures"]:
            yield _canonical(value)


def _matched(match: re.Match[str]) -> float:
    if match["figures"]:
        value = float(match["figures"].replace(",", ""))
        for unit in match["unit"]:
            value *= _UNITS[unit]
        return value
    value = _value(match["numeral"])
    decimals = match["decimals"] or match["tenth"]
    return value + sum((_DIGITS[char] / 10.0**place for place, char in enumerate(decimals or "", start=1)), 0.0)


def _value(numeral: str) -> float:
    """Of a Chinese numeral or of figures; digits without units are read one by one, as in a year."""
    if numeral.isascii():
        return float(numeral)
    if len(numeral) > 1 and all(char in _DIGITS for char in numeral):
        return float("".join(str(_DIGITS[char]) for char in numeral))
    total, section, digit = 0, 0, 0
    if numeral[-1] in _DIGITS and len(numeral) > 1 and numeral[-2] in "百千万亿":  # "three thousand six" is 3600
        numeral += {"百": "十", "千": "百", "万": "千", "亿": "千万"}[numeral[-2]]
    for char in numeral:
        if char in _DIGITS:
            digit = _DIGITS[char]
        elif char in _SMALL_UNITS:
            section, digit = section + (digit or 1) * _SMALL_UNITS[char], 0
        elif char == "万":
            total, section, digit = total + (section + digit or 1) * 10_000, 0, 0
        else:
            total, section, digit = (total + section + digit or 1) * 100_000_000, 0, 0
    return float(total + section + digit)


def _english(text: str) -> Iterator[str]:
    text, months = _without(_EN_MONTH, text)
    names = [name[:3] for name in _MONTHS]
    yield from (f"month {names.index((first or second).lower()[:3]) + 1}" for first, second in months)
    text, figures = _without(_EN_FIGURES, text)
    units = _EN_UNITS | _EN_SHORT_UNITS
    for number, unit, short in figures:
        yield _canonical(float(number.replace(",", "")) * units.get((unit or short).lower(), 1))
    yield from _spelled(text)


def _spelled(text: str) -> Iterator[str]:
    """Numbers in words: neighbours with only a space, a hyphen or "and" between them are one number."""
    total, current, end = 0, 0, -1
    for match in _EN_SPELLED.finditer(text):
        if end >= 0 and text[end : match.start()].strip(" -") not in {"", "and"}:
            yield from _named(total + current)
            total, current = 0, 0
        word, end = match.group().lower(), match.end()
        unit = _EN_UNITS.get(word, 0)
        if unit > 100:
            total, current = total + (current or 1) * unit, 0
        else:
            current = (current or 1) * unit if unit else current + _EN_WORDS[word]
    yield from _named(total + current)


def _named(value: int) -> Iterator[str]:
    if value > 1:
        yield _canonical(value)


def _canonical(value: float) -> str:
    return f"={value:.12g}"


def _time(hour: int, minute: int, later: bool) -> str:
    return f"{hour + 12 if later and hour < 12 else hour}:{minute:02d}"


def _without(pattern: re.Pattern[str], text: str) -> tuple[str, list[tuple[str, ...]]]:
    """`text` with spaces where the pattern matched, and what its groups held."""
    found = [tuple(group or "" for group in match.groups()) for match in pattern.finditer(text)]
    return pattern.sub(" ", text) if found else text, found
