"""Texts that say the same in nearly the same words, in whatever order.

A text is the vector of its content words (`words`), each weighted by 1 + log of how often it stands there and by the logarithm
of how rare it is among all texts; two texts are as near as the cosine of their vectors. This sees a text whose words were put
in another order, whose endings, small words or a few common words were changed. It does not see synonyms ("car", "vehicle"),
nor who did what to whom, as order says nothing. Texts with different numbers, or of which only one denies something, are never
the same.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from anytasktune.similarity.buckets import Buckets
from anytasktune.similarity.pair_join import Join
from anytasktune.similarity.text_batches import Positions, batches, in_threads
from anytasktune.similarity.union_find import Groups, Matches, UnionFind
from anytasktune.similarity.vectors import Cosines, Vectors
from anytasktune.text.plain_text import normalise

FEWEST_WORDS = 5
"""Content words (a pair of Chinese characters is one) below which texts say the same only when they are equal."""
SAME_MEANING = 0.92
"""Recommended cosine; see `benchmarks/results`."""

_CROWD = 64
_PAIRS = 1 << 20
_AT_ONCE = 16
_STARS = (0.0, 0.5)
_ROUNDING = 1e-9
_MIX = np.uint64(0xD6E8FEB86659FD93)


def group_meaning(texts: Sequence[str], threshold: float = SAME_MEANING) -> list[int]:
    """Which texts say the same, directly or through others between them.

    Args:
        texts: the texts, in any order; the grouping does not depend on it, but on all texts, which say what words are rare.
        threshold: cosine from which two texts say the same; above 0.

    Returns:
        One number per text, the position of the first text of its group.
    """
    labels, firsts = _distinct(texts)
    vectors = Vectors.of(list(firsts), FEWEST_WORDS)
    groups = Groups(len(firsts))
    _settle(vectors, threshold, groups)
    heads = np.fromiter(firsts.values(), dtype=np.intp, count=len(firsts))
    grouped: list[int] = heads[groups.labels][np.searchsorted(heads, labels)].tolist()
    return grouped


def match_meaning(texts: Sequence[str], references: Sequence[str], threshold: float = SAME_MEANING) -> list[int | None]:
    """For each text the position of the first reference that is equal, else of the first that says the same, else None.

    What words are rare is learned from texts and references together.
    """
    _, known = _distinct(references)
    labels, ours = _distinct(texts)
    unknown = [text for text in ours if text not in known]
    matches = Matches(len(known), len(unknown))
    _settle(Vectors.of([*known, *unknown], FEWEST_WORDS), threshold, matches)
    places = list(known.values())
    found = {text: places[match] for text, match in zip(unknown, matches.found.tolist(), strict=True) if match < len(places)}
    answers = {first: known.get(text, found.get(text)) for text, first in ours.items()}
    return [answers[label] for label in labels.tolist()]


def _distinct(texts: Iterable[str]) -> tuple[Positions, dict[str, int]]:
    firsts: dict[str, int] = {}
    labels = [firsts.setdefault(normalise(text), index) for index, text in enumerate(texts)]
    return np.array(labels, dtype=np.intp), firsts


def _settle(vectors: Vectors, threshold: float, settling: UnionFind) -> None:
    """Tell `settling` of texts that say the same: those that share one of their rarest words, measured."""
    prefix = vectors.prefixes(threshold)
    owners = vectors.owners[prefix]
    members = vectors.words[prefix] * _MIX ^ vectors.marks[owners]
    if not len(owners):
        return
    search = _Search(Cosines(vectors), threshold, settling)
    crowds = Buckets.of(members)
    crowds = crowds.where(crowds.sizes > _CROWD)
    for share in _STARS:
        first, second = crowds.star(share)
        search.measure(owners[first], owners[second])
    join = Join.of(members, owners, np.ones(len(owners), dtype=np.bool_), settling.sides())
    parts, least = batches(join.work, _PAIRS, _PAIRS), np.ones(len(join.work), dtype=np.intp)
    for start in range(0, len(parts), _AT_ONCE):
        for first, second, _ in in_threads(lambda part: join.count(part, least), parts[start : start + _AT_ONCE]):
            search.measure(first[first < second], second[first < second])


class _Search:
    def __init__(self, cosines: Cosines, threshold: float, settling: UnionFind) -> None:
        self.cosines = cosines
        self.threshold = threshold
        self.settling = settling

    def measure(self, first: Positions, second: Positions) -> None:
        """Settle those of the pairs that are open and say the same."""
        open_ = self.settling.open(first, second)
        first, second = first[open_], second[open_]
        same = self.cosines.of(first, second) >= self.threshold - _ROUNDING
        self.settling.settle(first[same], second[same])
