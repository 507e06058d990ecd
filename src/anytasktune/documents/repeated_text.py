"""What says nearly the same as something before it."""

from collections.abc import Sequence

from anytasktune.similarity import group_similar, jaccard
from anytasktune.text.plain_text import normalise

NEAR_IDENTICAL = 0.95
"""Jaccard similarity from which two documents are the same one."""
MOST_COMPARED = 2_000_000
"""Characters of a document that are compared."""


def repeated_documents(texts: Sequence[str]) -> list[int | None]:
    """For each document an earlier one that says the same but for a few words, else None."""
    shown = [text[:MOST_COMPARED] for text in texts]
    return repeated(shown, NEAR_IDENTICAL)


def repeated(texts: Sequence[str], threshold: float) -> list[int | None]:
    """For each text the first earlier one that is kept and at least this similar, else None.

    Args:
        threshold: as in `similarity.group_similar`, whose groups are gone through one by one: in a chain of similar texts only
            those that are similar to a kept one go.
    """
    kept: dict[int, list[int]] = {}
    matches: list[int | None] = []
    for place, group in enumerate(group_similar(texts, threshold)):
        members = kept.setdefault(group, [])
        match = next((member for member in members if _same(texts[member], texts[place], threshold)), None)
        if match is None:
            members.append(place)
        matches.append(match)
    return matches


def _same(first: str, second: str, threshold: float) -> bool:
    return normalise(first) == normalise(second) or jaccard(first, second) >= threshold
