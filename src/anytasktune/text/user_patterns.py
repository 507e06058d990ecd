"""Regular expressions that users write: checked before use, and matched within a time limit.

They are written as Python's `re` reads them, and run by the `regex` module, which reads the same and can be stopped.
"""

import functools
import re
import warnings
from itertools import pairwise

import regex

from anytasktune.errors import ConfigError
from anytasktune.text.plain_text import shorten

LONGEST_PATTERN = 4000
"""Most characters of a pattern."""
MOST_REPEATS = 50_000
"""Most steps a pattern may stand for with its counted repeats written out."""
SECONDS_PER_TEXT = 1.0
"""The time one pattern may take on one text."""

_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*+\]|\{(?P<least>\d*)(?P<range>,)?(?P<most>\d*)\}|.", re.S)
_FIX = "write it without a repeat inside a repeat, such as (a+)+, or without choices that begin alike"


def pattern_fault(pattern: str) -> str:
    """Why `pattern` cannot be used; empty if it can."""
    if len(pattern) > LONGEST_PATTERN:
        return f"pattern has {len(pattern)} characters, at most {LONGEST_PATTERN} are allowed"
    try:
        _compiled(pattern)
    except ConfigError as error:
        return error.problems[0].what
    return ""


def matches_whole(pattern: str, text: str) -> bool:
    """Whether `pattern` matches all of `text`.

    Raises:
        ConfigError: it is no regular expression, or takes longer than `SECONDS_PER_TEXT`.
    """
    return _matches(pattern, text, whole=True)


def matches_within(pattern: str, text: str) -> bool:
    """Whether `pattern` matches anywhere in `text`; raises as `matches_whole` does."""
    return _matches(pattern, text, whole=False)


def _matches(pattern: str, text: str, *, whole: bool) -> bool:
    compiled = _compiled(pattern)
    try:
        found = (compiled.fullmatch if whole else compiled.search)(text, timeout=SECONDS_PER_TEXT)
    except (TimeoutError, MemoryError):
        what = f"the pattern {shorten(pattern)} takes more than {SECONDS_PER_TEXT:g} second on a text of {len(text)} characters"
        raise ConfigError(what, fix=_FIX) from None
    return found is not None


@functools.lru_cache(maxsize=256)
def _compiled(pattern: str) -> "regex.Pattern[str]":
    try:
        if _steps(pattern) > MOST_REPEATS:
            what = f"pattern repeats more than {MOST_REPEATS} times: {shorten(pattern)}"
            raise ConfigError(what, fix="use rules.max_length, or maxLength in a JSON Schema, to limit the length of an answer")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about forms that may mean something else one day
            re.compile(pattern)
            return regex.compile(pattern)
    except (re.error, regex.error, OverflowError) as error:
        what, fix = f"pattern is not a regular expression: {error}", "write it as Python's re module reads it"
        raise ConfigError(what, fix=fix) from None
    except (RecursionError, MemoryError):
        raise ConfigError(f"pattern is nested too deeply: {shorten(pattern)}", fix="write it with fewer brackets") from None


def _steps(pattern: str) -> int:
    """Length of `pattern` with its counted repeats written out; without bound they would fill the memory."""
    sums, last = [0], [0]
    parts = [(match.group(), match) for match in _TOKEN.finditer(pattern)]
    for (before, _), (part, match) in pairwise([("", None), *parts]):
        if part == "(":
            sums.append(0)
            last.append(0)
        elif part == ")" and len(sums) > 1:
            size = sums.pop()
            last.pop()
            last[-1], sums[-1] = size, sums[-1] + size
        elif match is not None and len(part) > 2 and part[0] == "{" and before not in ("", "(", "|"):
            count = max(int(digits[:9]) for digits in (match["least"] or "1", match["most"] or "1"))
            sums[-1] += last[-1] * (max(count, 1) - 1)
            last[-1] *= max(count, 1)
        else:
            last[-1] = 1
            sums[-1] += 1
    return sum(sums)
