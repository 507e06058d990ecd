"""Rows that are worded alike, found without knowing how many groups there are.

Spherical k-means (Dhillon and Modha 2001) on tf-idf vectors, the number of groups chosen by the silhouette (Rousseeuw 1987).
Centres start far apart, and once more along the main direction; the clearer result counts, and nothing is random.
"""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anytasktune.text.scripts import tokens

MOST_GROUPS = 6
CLEAR = 0.2
"""Silhouette from which groups are taken to be there at all."""
SMALLEST_GROUP = 4
SMALLEST_SHARE = 0.08
"""Share of the rows below which a group is a few odd rows and no task."""
_MOST_ROWS = 500
"""Rows that are compared with each other; further ones join the nearest group."""
_ROUNDS = 12
_WORDS = 2000
_SAMPLED_CHARACTERS = 2000

Vectors = NDArray[np.float64]
Groups = NDArray[np.intp]


def word_vectors(texts: Sequence[str]) -> Vectors:
    """tf-idf vectors of unit length, shape (texts, words); words that stand in one text only, or in all, say nothing."""
    counts = [Counter(tokens(text[:_SAMPLED_CHARACTERS])) for text in texts]
    spread = Counter(word for count in counts for word in count)
    known = [word for word, times in spread.most_common(_WORDS) if times > 1]
    place = {word: number for number, word in enumerate(known)}
    vectors = np.zeros((len(texts), max(1, len(known))))
    for row, count in enumerate(counts):
        for word, times in count.items():
            if word in place:
                vectors[row, place[word]] = (1 + math.log(times)) * math.log(1 + len(texts) / spread[word])
    return _unit(vectors)


def style_vectors(texts: Sequence[str]) -> Vectors:
    """How texts look, whatever they are about: length, lines, questions, lists, JSON; unit length, shape (texts, features)."""
    return _unit(np.array([_style(text.strip()) for text in texts]))


def _style(text: str) -> list[float]:
    lines = text.splitlines() or [""]
    size = math.log2(1 + len(text))
    lengths = [max(0.0, 1 - abs(size - step) / 1.5) for step in range(2, 13, 2)]
    questions = sum(line.rstrip().endswith(("?", "？")) for line in lines) / len(lines)
    data = float(text[:1] in {"{", "["})
    return [*lengths, min(len(lines) - 1, 4) / 2, 1.5 * questions, 1.5 * data, float(";" in text or "；" in text)]


def joined(*weighted: tuple[float, Vectors]) -> Vectors:
    """Vectors side by side; a weight is the share in their likeness."""
    return _unit(np.hstack([vectors * math.sqrt(weight) for weight, vectors in weighted]))


def group_rows(vectors: Vectors, fewest: int = 1) -> list[int]:
    """A group number per row, 0 for the largest group; one group for all unless more are clearly there.

    Args:
        vectors: of unit length, shape (rows, features).
        fewest: so many groups there are at least.
    """
    compared = vectors[:: max(1, math.ceil(len(vectors) / _MOST_ROWS))]
    best, chosen = (CLEAR if fewest == 1 else -1.0), None
    for number in range(max(2, fewest), min(MOST_GROUPS, len(compared) // SMALLEST_GROUP) + 1):
        for start in (_far_apart(compared, number), _along_main_direction(compared, number)):
            centres, groups = _k_means(compared, start)
            sizes = np.bincount(groups, minlength=number)
            least = max(SMALLEST_GROUP, SMALLEST_SHARE * len(compared))
            if sizes.min() >= least and (clarity := silhouette(compared, groups)) > best:
                best, chosen = clarity, centres
    if chosen is None:
        return [0] * len(vectors)
    groups = np.argmax(vectors @ chosen.T, axis=1)
    order = {int(group): rank for rank, (group, _) in enumerate(Counter(groups.tolist()).most_common())}
    return [order[int(group)] for group in groups]


def silhouette(vectors: Vectors, groups: Groups) -> float:
    """Mean over rows of (b - a) / max(a, b): a is the mean distance to the own group, b that to the nearest other one."""
    distances = 1 - vectors @ vectors.T
    members = np.eye(int(groups.max()) + 1)[groups]
    sizes = members.sum(axis=0)
    sums = distances @ members
    rows = np.arange(len(groups))
    own = sums[rows, groups] / np.maximum(sizes[groups] - 1, 1)
    means = sums / np.maximum(sizes, 1)
    means[rows, groups] = np.inf
    other = means.min(axis=1)
    return float(np.mean((other - own) / np.maximum(np.maximum(own, other), 1e-12)))


def _k_means(vectors: Vectors, centres: Vectors) -> tuple[Vectors, Groups]:
    groups: Groups = np.argmax(vectors @ centres.T, axis=1)
    for _ in range(_ROUNDS):
        sums = np.eye(len(centres))[groups].T @ vectors
        centres = np.where(sums.any(axis=1, keepdims=True), _unit(sums), centres)
        moved = np.argmax(vectors @ centres.T, axis=1)
        if (moved == groups).all():
            break
        groups = moved
    return centres, groups


def _far_apart(vectors: Vectors, number: int) -> Vectors:
    chosen = [int(np.argmax(vectors @ vectors.sum(axis=0)))]
    while len(chosen) < number:
        nearest = (vectors @ vectors[chosen].T).max(axis=1)
        chosen.append(int(np.argmin(nearest)))
    return vectors[chosen]


def _along_main_direction(vectors: Vectors, number: int) -> Vectors:
    """Centres of equal shares of the rows, put in order along the direction in which they differ most."""
    spread = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(spread @ spread.T)
    parts = np.array_split(np.argsort(directions[:, -1], kind="stable"), number)
    return _unit(np.array([vectors[part].mean(axis=0) for part in parts]))


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
