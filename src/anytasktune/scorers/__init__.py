"""Scores of answers: the rules one breaks, its value, and the metrics of many. Pure functions."""

from anytasktune.scorers.answer_score import broken_rules, explain_rules, score_answer
from anytasktune.scorers.answer_threshold import answer_threshold
from anytasktune.scorers.metrics import ItemStatistics, item_statistics, item_value, share_of_best

__all__ = [
    "ItemStatistics",
    "answer_threshold",
    "broken_rules",
    "explain_rules",
    "item_statistics",
    "item_value",
    "score_answer",
    "share_of_best",
]
