"""Texts that say the same, or nearly, found among a million of them."""

from anytasktune.similarity.near import group_similar, match_similar
from anytasktune.similarity.shingles import SHINGLE, SHORT_TEXT, jaccard, normalise
from anytasktune.similarity.signatures import RECALL

__all__ = ["RECALL", "SHINGLE", "SHORT_TEXT", "group_similar", "jaccard", "match_similar", "normalise"]
