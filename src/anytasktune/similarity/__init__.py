"""Texts that say the same, or nearly, found among a million of them."""

from anytasktune.similarity.lexical import FEWEST_WORDS, SAME_WORDS, group_lexical, match_lexical
from anytasktune.similarity.minhash import RECALL
from anytasktune.similarity.near_duplicates import KeptTexts, group_similar, match_similar
from anytasktune.similarity.shingles import SHINGLE, SHORT_TEXT, jaccard

__all__ = [
    "FEWEST_WORDS",
    "KeptTexts",
    "RECALL",
    "SAME_WORDS",
    "SHINGLE",
    "SHORT_TEXT",
    "group_lexical",
    "group_similar",
    "jaccard",
    "match_lexical",
    "match_similar",
]
