"""Overlap of two texts: ROUGE-L and the F1 of token bags."""

from collections import Counter
from collections.abc import Sequence

from anytasktune.text.scripts import tokens

SHARED_WORDS = 0.6
"""F1 of common words from which two phrases say the same."""


def rouge_l(reference: str, output: str) -> float:
    """ROUGE-L F1 (longest common subsequence of tokens, recall and precision weighted alike; Lin 2004), 0 to 1.

    Two texts without any token are equal: 1.
    """
    left, right = tokens(reference), tokens(output)
    return _f1(longest_common_subsequence(left, right), len(left), len(right))


def token_f1(reference: str, output: str) -> float:
    """F1 of the two bags of tokens, 0 to 1. Two texts without any token are equal: 1."""
    left, right = tokens(reference), tokens(output)
    return _f1((Counter(left) & Counter(right)).total(), len(left), len(right))


def longest_common_subsequence(left: Sequence[str], right: Sequence[str]) -> int:
    """Length of the longest common subsequence.

    Bit-parallel over `left` (Hyyrö 2004, "Bit-parallel LCS-length computation revisited"): a Python integer is the
    row of the dynamic programme, so that a step costs O(len(left) / 64) instead of O(len(left)).
    """
    places: dict[str, int] = {}
    for index, token in enumerate(left):
        places[token] = places.get(token, 0) | 1 << index
    full = (1 << len(left)) - 1
    row = full
    for token in right:
        matches = row & places.get(token, 0)
        row = (row + matches | row - matches) & full
    return len(left) - row.bit_count()


def _f1(common: int, left: int, right: int) -> float:
    return 2 * common / (left + right) if left + right else 1.0
