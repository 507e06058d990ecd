"""Numbers of list items as word processors and browsers show them: `3`, `c`, `iii`, `三`, `③`."""

import re

_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"))
_ROMAN_ONES = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
_CHINESE = "零一二三四五六七八九"
_STYLES = {
    "a": "letter",
    "lowerLetter": "letter",
    "alphaLc": "letter",
    "A": "LETTER",
    "upperLetter": "LETTER",
    "alphaUc": "LETTER",
    "i": "roman",
    "lowerRoman": "roman",
    "romanLc": "roman",
    "I": "ROMAN",
    "upperRoman": "ROMAN",
    "romanUc": "ROMAN",
    "ideographDigital": "chinese",
    "cjk-ideographic": "chinese",
    "simp-chinese-informal": "chinese",
    "ea1ChsPlain": "chinese",
    "ea1ChtPlain": "chinese",
    "ideographTraditional": "甲乙丙丁戊己庚辛壬癸",
    "ideographZodiac": "子丑寅卯辰巳午未申酉戌亥",
    "decimalEnclosedCircle": "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳",
    "decimalEnclosedCircleChinese": "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳",
    "circleNumDbPlain": "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳",
}
"""Names in HTML, Word and PowerPoint → way of counting, or the signs in their order."""
_CHINESE_COUNTING = re.compile(r"(?:chinese|japanese|taiwanese)Counting(?:Thousand)?")
_LARGEST = 3999


def list_number(number: int, style: str) -> str:
    """A number in a style of HTML (`1`, `a`, `I`) or Office (`decimal`, `lowerLetter`, `chineseCounting`); else decimal."""
    way = "chinese" if _CHINESE_COUNTING.fullmatch(style) else _STYLES.get(style, "")
    if style == "decimalZero":
        return f"{number:02d}"
    if style == "ordinal":
        tail = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
        return f"{number}{tail}"
    if not 0 < number <= _LARGEST or not way:
        return str(number)
    if way.lower() == "letter":
        turns, place = divmod(number - 1, 26)  # a … z, aa, bb, … as Word counts
        return (chr(ord("A" if way.isupper() else "a") + place)) * (turns + 1)
    if way.lower() == "roman":
        return _roman(number).upper() if way.isupper() else _roman(number)
    if way == "chinese":
        return _chinese(number)
    return way[number - 1] if number <= len(way) else str(number)


def _roman(number: int) -> str:
    text = ""
    for value, sign in _ROMAN:
        text += sign * (number // value)
        number %= value
    return text + _ROMAN_ONES[number]


def _chinese(number: int) -> str:
    text = ""
    for value, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // value % 10
        if digit:
            text += _CHINESE[digit] + unit
        elif text and number % value and not text.endswith("零"):
            text += "零"
    return text.removeprefix("一") if 10 <= number < 20 else text
