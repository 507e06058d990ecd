"""How an answer is judged: the rules it breaks, its score, and metrics of many. Pure: values in, judgement out."""

from anytasktune.scorers.answer_score import AnswerScore, broken_rules, explain_rules, score_answer
from anytasktune.scorers.metrics import ItemStatistics, item_statistics, item_value, share_of_best

__all__ = [
    "AnswerScore",
    "ItemStatistics",
    "broken_rules",
    "explain_rules",
    "item_statistics",
    "item_value",
    "score_answer",
    "share_of_best",
]
