"""Whether a teacher only repeats what it was told."""

from anytasktune.similarity import normalise

COPIED = 0.6
"""A text of which so many 5-grams stand in what the teacher was told is nothing new."""


def contained(text: str, told: str) -> float:
    """Share of the character 5-grams of `text` that stand in `told`, both normalised, from 0 to 1."""
    first, second = normalise(text), normalise(told)
    grams = [first[start : start + 5] for start in range(max(1, len(first) - 4))]
    return sum(gram in second for gram in grams) / len(grams)
