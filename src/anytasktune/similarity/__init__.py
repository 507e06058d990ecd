"""Texts that say the same, or nearly, found among a million of them."""

from anytasktune.similarity.across import TRANSLATION, match_across_languages
from anytasktune.similarity.meaning import FEWEST_WORDS, SAME_MEANING, group_meaning, match_meaning
from anytasktune.similarity.near import group_similar, match_similar
from anytasktune.similarity.shingles import SHINGLE, SHORT_TEXT, jaccard, normalise
from anytasktune.similarity.signatures import RECALL

__all__ = [
    "FEWEST_WORDS",
    "RECALL",
    "SAME_MEANING",
    "SHINGLE",
    "SHORT_TEXT",
    "TRANSLATION",
    "group_meaning",
    "group_similar",
    "jaccard",
    "match_across_languages",
    "match_meaning",
    "match_similar",
    "normalise",
]
