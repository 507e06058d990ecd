"""Remarks of a reviewer on an output: on its own design, on rows, and on how an instruction describes it."""

import re
from dataclasses import dataclass
from typing import Literal

_BETWEEN_NAMES = re.compile(r"\s*(?:,|，|、|\bor\b|\band\b|或|和|与|及)\s*")
_IN_BRACKETS = re.compile(r"[(（][^)）]*[)）]")

Level = Literal["error", "advice"]
"""`error`: something contradicts something else, or must not be there. `advice`: worth a second look."""


@dataclass(frozen=True)
class Remark:
    """One thing a good reviewer would say.

    Attributes:
        code: a short snake_case name.
        level: see `Level`.
        why: what is wrong and why it matters.
        instead: what to write instead.
    """

    code: str
    level: Level
    why: str
    instead: str


def names_after(announcement: re.Pattern[str], text: str, strip: str) -> list[list[str]]:
    """The names in every list that `announcement` finds in an instruction, as its first group."""
    listings = [_BETWEEN_NAMES.split(_IN_BRACKETS.sub("", listing)) for listing in announcement.findall(text)]
    return [[name.strip(strip) for name in names] for names in listings]
