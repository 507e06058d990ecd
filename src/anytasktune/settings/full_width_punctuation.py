"""Full-width punctuation, as Chinese keyboards write it, where YAML or an option needs the plain kind."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Set

from anytasktune.errors import Problem

MOST_TRIED, LONGEST_LINE = 400_000, 2_000
"""Characters of YAML that are read again in all to find the lines at fault; characters of a line that is looked at."""

_PLAIN = str.maketrans("、【】〔〕“”", ',[][]""')
_KEY = re.compile(r"^(\s*(?:- +)*[A-Za-z_]\w*)\s*(?:：\s*|:(?=[^\s/]))")
_ITEM = re.compile(r"^(\s*)[－—]\s*(?=\S)")
_REMARK = re.compile(r"(?<=\s)＃")
_NUMBER = re.compile(r"((?::|-) +)([０-９．－＋]+)(?=\s*(?:#|$))")
_IN_QUOTES = re.compile(r"((?::|-) +)“([^”\"]*)”(?=\s*(?:#|$))")
_IN_BRACKETS = re.compile(r"((?::|-) +)([\[{［｛【〔].*[\]}］｝】〕])(?=\s*(?:#|$))")
_PLAIN_STRING = re.compile(r"\"[^\"]*\"|'[^']*'")


def plain(text: str) -> str:
    """`text` with plain punctuation, digits and letters in place of full-width ones."""
    return unicodedata.normalize("NFKC", text.translate(_PLAIN))


def broken_by_punctuation(text: str, filename: str, problems_of: Callable[[str], Set[Problem]]) -> list[Problem]:
    """Lines of YAML that full-width punctuation, or no space after a colon, breaks: without their correction more is wrong.

    Args:
        problems_of: the problems of another text in place of `text`.
    """
    lines, mended = text.split("\n"), plain_lines(text)
    if len(text) * (len(mended) + 1) > MOST_TRIED:
        return []

    def problems_without(number: int) -> Set[Problem]:
        taken = (line if place == number else mended.get(place, line) for place, line in enumerate(lines))
        return problems_of("\n".join(taken))

    left = problems_without(-1)
    what = "YAML needs plain punctuation, and a space after a colon"
    found = []
    for number, line in mended.items():
        without = problems_without(number)
        if without != left and not without < left:  # fewer problems without it: it breaks a line that is right
            given, wanted = lines[number].strip(), line.strip()
            fix = f"write {wanted}" if wanted != given else "indent it with plain spaces"
            found.append(Problem(f"{what}: {given}", f"{filename}:{number + 1}", fix))
    return found


def plain_lines(text: str) -> Mapping[int, str]:
    """The lines of YAML, by number from 0, that full-width punctuation could have broken, as they should be written."""
    found = {}
    for number, line in enumerate(text.split("\n")):
        if len(line) > LONGEST_LINE:
            continue
        indent = len(line) - len(line.lstrip())
        mended = line[:indent].replace("\u3000", "  ") + line[indent:]
        mended = _REMARK.sub("#", _KEY.sub(r"\1: ", _ITEM.sub(r"\1- ", mended)))
        mended = _NUMBER.sub(lambda part: part[1] + plain(part[2]), _IN_QUOTES.sub(r'\1"\2"', mended))
        mended = _IN_BRACKETS.sub(lambda part: part[1] + _plain_list(part[2]), mended)
        if mended != line:
            found[number] = mended
    return found


def _plain_list(text: str) -> str:
    """A list or fields in brackets, with plain brackets, commas and colons outside quotes."""
    strings = _PLAIN_STRING.findall(text)
    between = [
        re.sub("[，、]\\s*", ", ", re.sub("：\\s*", ": ", part)).translate(str.maketrans("［］｛｝【】〔〕", "[]{}[][]"))
        for part in _PLAIN_STRING.split(text)
    ]
    return "".join(part + string for part, string in zip(between, [*strings, ""], strict=True))
