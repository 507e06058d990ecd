"""Texts that say the same, or nearly, found among a million of them."""

from anytasktune.similarity.lexical import FEWEST_WORDS, SAME_MEANING, group_meaning, match_meaning
from anytasktune.similarity.minhash import RECALL
from anytasktune.similarity.near_duplicates import group_similar, match_similar
from anytasktune.similarity.shingles import SHINGLE, SHORT_TEXT, jaccard

__all__ = [
    "FEWEST_WORDS",
    "RECALL",
    "SAME_MEANING",
    "SHINGLE",
    "SHORT_TEXT",
    "group_meaning",
    "group_similar",
    "jaccard",
    "match_meaning",
    "match_similar",
]
