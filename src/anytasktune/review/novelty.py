"""How much of a text's wording was not seen yet: character n-grams in one hash table."""

import numpy as np
from numpy.typing import NDArray

from anytasktune.records import Language
from anytasktune.schema import Candidate
from anytasktune.text.plain_text import normalise

_GRAM: dict[Language, int] = {"en": 5, "zh": 2}
"""Characters per n-gram: about a word in either language."""
_READ = 400
"""Characters of a text that are looked at."""
_BUCKETS = 1 << 20
_START, _FACTOR = np.uint32(0x811C9DC5), np.uint32(0x01000193)  # of the FNV-1a hash


class Wording:
    """Which n-grams of inputs were seen."""

    def __init__(self) -> None:
        self._seen = np.zeros(_BUCKETS, dtype=np.bool_)

    def see(self, candidate: Candidate) -> None:
        """Remember the wording of a candidate."""
        self._seen[_grams(candidate)] = True

    def novelty(self, candidate: Candidate) -> float:
        """Share of its n-grams that were not seen yet, from 0 to 1."""
        grams = _grams(candidate)
        return 1 - float(np.count_nonzero(self._seen[grams])) / len(grams)


def _grams(candidate: Candidate) -> NDArray[np.uint32]:
    """The n-grams of its input as hashes; a text shorter than one is filled up with nulls."""
    length = _GRAM[candidate.language]
    text = normalise(candidate.input)[:_READ].ljust(length, "\0")
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    hashes = np.full(len(codes) - length + 1, _START, dtype=np.uint32)
    for offset in range(length):
        hashes = (hashes ^ codes[offset : offset + len(hashes)]) * _FACTOR
    return (hashes ^ (hashes >> np.uint32(15))) % np.uint32(_BUCKETS)
