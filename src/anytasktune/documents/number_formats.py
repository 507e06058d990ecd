"""Shows numbers as spreadsheets do: percentages, currencies, leading zeros, dates, elapsed time, fractions.

The format codes are those of Office Open XML (ECMA-376, part 1, 18.8.31). A date whose format depends on the reader's country
(built-in 14 and 22) is written as `2026-03-15`.
"""

import datetime
import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

BUILT_IN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    5: '"$"#,##0_);("$"#,##0)',
    6: '"$"#,##0_);("$"#,##0)',
    7: '"$"#,##0.00_);("$"#,##0.00)',
    8: '"$"#,##0.00_);("$"#,##0.00)',
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: "yyyy-mm-dd",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm",
    37: "#,##0_);(#,##0)",
    38: "#,##0_);(#,##0)",
    39: "#,##0.00_);(#,##0.00)",
    40: "#,##0.00_);(#,##0.00)",
    41: '_(* #,##0_);_(* (#,##0);_(* "-"_);_(@_)',
    42: '_("$"* #,##0_);_("$"* (#,##0);_("$"* "-"_);_(@_)',
    43: '_(* #,##0.00_);_(* (#,##0.00);_(* "-"??_);_(@_)',
    44: '_("$"* #,##0.00_);_("$"* (#,##0.00);_("$"* "-"??_);_(@_)',
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    49: "@",
    **dict.fromkeys((27, 36, 50, 57), 'yyyy"年"m"月"'),
    **dict.fromkeys((28, 29, 51, 53, 54, 58), 'm"月"d"日"'),
    30: "m-d-yy",
    31: 'yyyy"年"m"月"d"日"',
    **dict.fromkeys((32, 55), 'h"时"mm"分"'),
    **dict.fromkeys((33, 56), 'h"时"mm"分"ss"秒"'),
    34: '上午/下午h"时"mm"分"',
    **dict.fromkeys((35, 52), '上午/下午h"时"mm"分"ss"秒"'),
}
"""Number of a built-in format → its code; 27 to 36 and 50 to 58 as in Chinese editions. All others are General."""

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|(?P<space>[_*].?)|\[(?P<bracket>[^\]]*)\]|(?P<text>General|@)|'
    r"(?P<half>AM/PM|A/P|上午/下午)|(?P<exponent>E[+-])|(?P<date>y+|m+|d+|h+|s+|e+|aaaa?|g+)|(?P<digit>[0#?])|"
    r"(?P<point>\.)|(?P<comma>,)|(?P<percent>%)|(?P<slash>/)|(?P<end>;)|(?P<literal>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)")
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
_CURRENCY = re.compile(r"\$([^-\]]*)(?:-.*)?")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CHINESE_DAYS = "一二三四五六日"
_DAY_ZERO, _DAY_ZERO_1904 = datetime.datetime(1899, 12, 30), datetime.datetime(1904, 1, 1)
_LEAP_DAY = 60
"""29 February 1900, which spreadsheets believe in: days before it are one later than they say."""
_DAYS_COUNTED = 2_958_466
"""Up to 31 December 9999."""
_LONGEST_CODE = 300
_MOST_DIGITS = 340
_EXACT = 1e15
"""From here on a number without format is written in powers of ten."""


class _Token(NamedTuple):
    """A piece of a format: its kind (a group of `_TOKEN`, or `elapsed`), and its text."""

    kind: str
    text: str


class _Section(NamedTuple):
    """One of the formats that a code holds, and the condition on its numbers, if there is one."""

    tokens: tuple[_Token, ...]
    operator: str
    limit: float

    def has(self, *kinds: str) -> bool:
        """Whether there is a token of one of these kinds."""
        return any(token.kind in kinds for token in self.tokens)


def format_number(value: float, code: str, *, from_1904: bool = False) -> str:
    """A number as a spreadsheet shows it; empty if the format hides it.

    Args:
        code: a format code; empty for General.
        from_1904: whether days are counted from 1 January 1904.
    """
    sections = _sections(code)
    if not sections:
        return general(value)
    section, shows_sign = _section_for(sections, value)
    if section.has("date", "elapsed", "half"):
        return _moment(value, section.tokens, from_1904=from_1904)
    if section.has("text"):
        shown = general(value if shows_sign else abs(value))
        return "".join(shown if token.kind == "text" else token.text for token in section.tokens)
    if not section.has("digit"):
        return "".join(token.text for token in section.tokens)
    with localcontext(prec=_MOST_DIGITS):
        shown = _number(Decimal(repr(abs(value))), section.tokens)
    return "-" + shown if value < 0 and shows_sign and re.search("[1-9]", shown) else shown


def format_text(text: str, code: str) -> str:
    """A text as a spreadsheet shows it, with what the format puts around it; empty if the format hides it."""
    sections = _sections(code)
    if len(sections) < 4 and not any(section.has("text") for section in sections[-1:]):
        return text
    tokens = sections[3 if len(sections) > 3 else -1].tokens
    return "".join(text if token.kind == "text" else token.text for token in tokens)


def serial_of(moment: str) -> float | None:
    """The number of days that stands for a date and time in ISO 8601; None if it is none."""
    try:
        passed = datetime.datetime.fromisoformat(moment).replace(tzinfo=None) - _DAY_ZERO
    except ValueError:
        return None
    return passed / datetime.timedelta(days=1)


def general(value: float) -> str:
    """A number without a format."""
    return str(int(value)) if value == int(value) and abs(value) < _EXACT else f"{value:.15g}"


@lru_cache(maxsize=512)
def _sections(code: str) -> tuple[_Section, ...]:
    """The sections of a code; none for General."""
    if code.lower() in {"", "general"} or len(code) > _LONGEST_CODE:
        return ()
    sections: list[_Section] = []
    tokens: list[_Token] = []
    operator, limit = "", 0.0
    for match in [*_TOKEN.finditer(code), None]:
        kind = (match.lastgroup or "literal") if match else "end"
        if match is None or kind == "end":
            sections.append(_Section(tuple(tokens), operator, limit))
            tokens, operator, limit = [], "", 0.0
        elif kind == "bracket":
            if condition := _CONDITION.fullmatch(match["bracket"].strip()):
                operator, limit = condition[1], float(condition[2])
            elif _ELAPSED.fullmatch(match["bracket"]):
                tokens.append(_Token("elapsed", match["bracket"].lower()))
            elif currency := _CURRENCY.fullmatch(match["bracket"]):
                tokens.append(_Token("literal", currency[1]))
        elif kind in {"quoted", "escaped", "space"}:
            tokens.append(_Token("literal", match[kind] if kind != "space" else " " if match[0][0] == "_" else ""))
        else:
            tokens.append(_Token(kind, match[0].lower() if kind == "date" else match[0]))
    return tuple(sections)


def _section_for(sections: Sequence[_Section], value: float) -> tuple[_Section, bool]:
    """The section for a number, and whether a minus sign is to be put in front of it."""
    if any(section.operator for section in sections):
        for section in sections[:3]:
            if section.operator and _holds(value, section):
                return section, not (section.operator in {"<", "<="} and section.limit <= 0)
        return next((section for section in sections[:3] if not section.operator), sections[-1]), True
    if value < 0 and len(sections) > 1:
        return sections[1], False
    return sections[2 if value == 0 and len(sections) > 2 else 0], True


def _holds(value: float, section: _Section) -> bool:
    limit = section.limit
    compared = {"<": value < limit, ">": value > limit, "=": value == limit, "<=": value <= limit, ">=": value >= limit}
    return compared.get(section.operator, value != limit)


def _number(value: Decimal, tokens: Sequence[_Token]) -> str:
    """A number that is not negative, as digits in the places of a format."""
    kinds = [token.kind for token in tokens]
    value *= Decimal(100) ** kinds.count("percent")
    last_digit = len(kinds) - 1 - kinds[::-1].index("digit")
    value /= Decimal(1000) ** kinds[last_digit:].count("comma")
    if "exponent" in kinds:
        place = kinds.index("exponent")
        return _scientific(value, tokens[:place], tokens[place], tokens[place + 1 :])
    if "slash" in kinds and "digit" in kinds[: kinds.index("slash")]:
        return _fraction(value, tokens, kinds.index("slash"))
    return _decimal(value, tokens)


def _decimal(value: Decimal, tokens: Sequence[_Token]) -> str:
    point = next((place for place, token in enumerate(tokens) if token.kind == "point"), len(tokens))
    whole, rest = tokens[:point], tokens[point:]
    decimals = sum(token.kind == "digit" for token in rest)
    rounded = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    integer, _, fraction = f"{rounded:f}".partition(".")
    text = _whole_digits(integer.lstrip("0"), whole)
    optional = len(fraction.rstrip("0"))
    for token in rest:
        if token.kind == "digit":
            digit, fraction = fraction[:1], fraction[1:]
            text += digit if token.text == "0" or optional > 0 else " " if token.text == "?" else ""
            optional -= 1
        else:
            text += "" if token.kind == "comma" else token.text
    return text


def _whole_digits(digits: str, tokens: Sequence[_Token]) -> str:
    """Digits from the right in the places of a format; those left over stand in the first place."""
    places = [place for place, token in enumerate(tokens) if token.kind == "digit"]
    grouped = any(token.kind == "comma" and places and places[0] < place < places[-1] for place, token in enumerate(tokens))
    text, count = "", 0
    for place in range(len(tokens) - 1, -1, -1):
        token = tokens[place]
        if token.kind != "digit":
            text = ("" if token.kind == "comma" else token.text) + text
            continue
        taken = digits if place == places[0] else digits[-1:]
        digits = digits[: len(digits) - len(taken)]
        for digit in reversed(taken or {"0": "0", "?": " "}.get(token.text, "")):
            text = digit + ("," if grouped and count and count % 3 == 0 and digit != " " else "") + text
            count += 1
    return text


def _scientific(value: Decimal, mantissa: Sequence[_Token], sign: _Token, exponent: Sequence[_Token]) -> str:
    """Digits times a power of ten; with several places before the point, a power of so many tens (engineering)."""
    kinds = [token.kind for token in mantissa]
    places = max(1, kinds[: kinds.index("point")].count("digit") if "point" in kinds else kinds.count("digit"))
    power = value.adjusted() // places * places if value else 0
    shown = _decimal(value.scaleb(-power), mantissa)
    if len(re.sub(r"\D.*", "", shown.strip())) > places:  # rounded up to one digit more
        power += places
        shown = _decimal(value.scaleb(-power), mantissa)
    mark = "-" if power < 0 else "+" if sign.text[1] == "+" else ""
    return f"{shown}E{mark}{_whole_digits(str(abs(power)), exponent)}"


def _fraction(value: Decimal, tokens: Sequence[_Token], slash: int) -> str:
    """A fraction such as `1 3/4`, in halves to 999ths as there are places, or of a fixed denominator."""
    start = slash
    while start and tokens[start - 1].kind == "digit":
        start -= 1
    end = slash + 1
    while end < len(tokens) and (tokens[end].kind == "digit" or tokens[end].text.isdigit()):
        end += 1
    below = "".join(token.text for token in tokens[slash + 1 : end])
    has_whole = any(token.kind == "digit" for token in tokens[:start])
    exact = Fraction(value)
    whole = int(exact) if has_whole else 0
    if below.strip("0").isdigit():
        denominator = int(below)
        above = round((exact - whole) * denominator)
    else:
        found = (exact - whole).limit_denominator(10 ** max(1, min(4, len(below))) - 1)
        above, denominator = found.numerator, found.denominator
    whole, above = (whole + 1, 0) if has_whole and above == denominator else (whole, above)
    before = _whole_digits(str(whole) if whole or not above else "", tokens[:start]) if has_whole else ""
    before = before or "".join(token.text for token in tokens[:start] if token.kind == "literal")
    after = "".join(token.text for token in tokens[end:])
    return f"{before}{above}/{denominator}{after}" if above or not has_whole else f"{before}{after}"


def _moment(value: float, tokens: Sequence[_Token], *, from_1904: bool) -> str:
    """A date, a time of day, or a time that has passed."""
    is_duration = any(token.kind == "elapsed" for token in tokens)
    if not (0 <= value < _DAYS_COUNTED or (is_duration and abs(value) < _DAYS_COUNTED)):
        return general(value)
    kinds = [token.kind for token in tokens]
    decimals = min(3, kinds[kinds.index("point") :].count("digit")) if "point" in kinds else 0
    seconds = Decimal(repr(abs(value) * 86_400)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    parts = [_part(place, tokens, seconds, from_1904=from_1904) for place in range(len(tokens))]
    if decimals:
        fraction = f"{seconds % 1:.{decimals}f}"[2:]
        for place, token in enumerate(tokens):
            if token.kind == "digit":
                parts[place], fraction = fraction[:1], fraction[1:]
    return ("-" if value < 0 else "") + "".join(parts)


def _part(place: int, tokens: Sequence[_Token], seconds: Decimal, *, from_1904: bool) -> str:
    """The text of one token of a date or time."""
    token = tokens[place]
    letter, width = token.text[:1], len(token.text)
    whole = int(seconds)
    if token.kind == "elapsed":
        return f"{whole // {'h': 3600, 'm': 60, 's': 1}[letter]:0{width}d}"
    hour = whole // 3600 % 24
    if token.kind == "half":
        morning, _, evening = token.text.partition("/")
        return evening if hour >= 12 else morning
    if token.kind != "date":
        return token.text
    if letter == "h":
        halved = any(other.kind == "half" for other in tokens)
        return f"{(hour - 1) % 12 + 1 if halved else hour:0{min(width, 2)}d}"
    if letter == "s":
        return f"{whole % 60:0{min(width, 2)}d}"
    if letter == "m" and width < 3 and _is_minute(place, tokens):
        return f"{whole // 60 % 60:0{width}d}"
    return _date_part(letter, width, whole // 86_400, from_1904=from_1904)


def _is_minute(place: int, tokens: Sequence[_Token]) -> bool:
    """Whether an `m` is a minute: behind an hour, or in front of a second."""
    before = [token.text[0] for token in tokens[:place] if token.kind in {"date", "elapsed"}]
    after = [token.text[0] for token in tokens[place + 1 :] if token.kind in {"date", "elapsed"}]
    return before[-1:] == ["h"] or after[:1] == ["s"]


def _date_part(letter: str, width: int, day: int, *, from_1904: bool) -> str:
    if from_1904:
        date, number = _DAY_ZERO_1904 + datetime.timedelta(days=day), 0
    else:
        date = _DAY_ZERO + datetime.timedelta(days=day + (day < _LEAP_DAY))
        number = 29 if day == _LEAP_DAY else 0
        date -= datetime.timedelta(days=number > 0)
    if letter in "ye":
        return f"{date.year % 100:02d}" if letter == "y" and width < 3 else f"{date.year:04d}"
    if letter == "m":
        name = _MONTHS[date.month - 1]
        return f"{date.month:0{width}d}" if width < 3 else name[:1] if width == 5 else name[: 3 if width == 3 else None]
    if letter == "d":
        name = _DAYS[date.weekday()]
        return f"{number or date.day:0{width}d}" if width < 3 else name[: 3 if width == 3 else None]
    return ("星期" if width == 4 else "") + _CHINESE_DAYS[date.weekday()] if letter == "a" else ""
