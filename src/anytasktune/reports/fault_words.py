"""Groups of like faults in words."""

from anytasktune.reports.report_words import Words, clean
from anytasktune.schema import FaultGroup
from anytasktune.text.plain_text import shorten

_LONGEST_NAME = 40


def named(group: FaultGroup) -> dict[str, str | int]:
    """Names and count of a group as values of a sentence."""
    expected, given = (shorten(clean(text), _LONGEST_NAME) for text in (group.expected, group.given))
    return {"expected": expected, "given": given, "count": len(group.rows)}


def fault_name(group: FaultGroup, words: Words) -> str:
    """The fault of a group, such as `“lease” as “employment”`."""
    is_named = bool(group.expected or group.given)
    return words.say(f"{'fault' if is_named else 'fault_kind'}.{group.kind}", **named(group))
