"""The shape of a text in words: how long it is, how many lines, sentences and questions it has, how it ends.

Inputs of tasks from one field share their vocabulary; a question, a report and a list differ in shape.
"""

import math
import re

_SENTENCE, _QUESTION, _COLON = (re.compile(marks) for marks in (r"[.!?。！？；;]", r"[?？]", r"[:：]"))
_MOST_QUESTIONS = 3


def shape_words(text: str) -> list[str]:
    """Words that say the shape of a text, to be read like its own words; lengths by steps of the square root of two."""
    counts = {
        "length": _step(len(text)),
        "lines": _step(text.count("\n")),
        "sentences": _step(len(_SENTENCE.findall(text))),
        "digits": _step(sum(character.isdigit() for character in text)),
        "colons": _step(len(_COLON.findall(text))),
        "questions": min(len(_QUESTION.findall(text)), _MOST_QUESTIONS),
    }
    last = text.rstrip()[-1:]
    end = "question" if _QUESTION.match(last) else "sentence" if _SENTENCE.match(last) else "open"
    return [*(f"x{name}{count}" for name, count in counts.items()), f"xend{end}"]


def _step(count: int) -> int:
    return int(2 * math.log2(1 + count))
