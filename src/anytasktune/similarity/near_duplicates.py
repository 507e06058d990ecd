"""Texts that say nearly the same: exact Jaccard similarity of character 5-grams, found quickly by MinHash.

Texts that agree in a band of their signatures are proposed; each proposal is then measured exactly, so a reported pair is
never a guess. A pair at the threshold is missed less than once in a thousand times.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from anytasktune.similarity.lsh_search import settle_similar
from anytasktune.similarity.shingles import SHORT_TEXT
from anytasktune.similarity.text_batches import Positions
from anytasktune.similarity.union_find import Groups, Matches
from anytasktune.text.plain_text import normalise


def group_similar(texts: Sequence[str], threshold: float) -> list[int]:
    """Which texts belong together, directly or through others between them.

    Args:
        texts: the texts, in any order; the grouping does not depend on it.
        threshold: Jaccard similarity from which two texts belong together. Texts shorter than `SHORT_TEXT` characters
            belong together only when they are equal after `normalise`.

    Returns:
        One number per text, the position of the first text of its group.
    """
    firsts: dict[str, int] = {}
    labels = _positions(firsts.setdefault(normalise(text), index) for index, text in enumerate(texts))
    long = [text for text in firsts if len(text) >= SHORT_TEXT]
    places = _positions(firsts[text] for text in long)
    groups = Groups(len(long))
    settle_similar(long, threshold, groups)
    heads = np.arange(len(labels))
    heads[places] = places[groups.labels]
    grouped: list[int] = heads[labels].tolist()
    return grouped


def match_similar(texts: Sequence[str], references: Sequence[str], threshold: float) -> list[int | None]:
    """For each text the position of the first reference that is equal, else of the first similar one (as in `group_similar`).

    None where there is neither.
    """
    known: dict[str, int] = {}
    for index, reference in enumerate(references):
        known.setdefault(normalise(reference), index)
    normalised = [normalise(text) for text in texts]
    long = [text for text in known if len(text) >= SHORT_TEXT]
    unknown = list(dict.fromkeys(text for text in normalised if text not in known and len(text) >= SHORT_TEXT))
    matches = Matches(len(long), len(unknown))
    settle_similar(long + unknown, threshold, matches)
    similar = {text: known[long[match]] for text, match in zip(unknown, matches.found, strict=True) if match < len(long)}
    return [known.get(text, similar.get(text)) for text in normalised]


def _positions(values: Iterable[int]) -> Positions:
    return np.fromiter(values, dtype=np.intp)
