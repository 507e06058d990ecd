"""How an answer is read, checked and judged. Pure: task, input, reference and output in, judgement out."""

from anytasktune.scorers.answer_score import AnswerScore, score_answer
from anytasktune.scorers.metrics import ItemStatistics, item_statistics
from anytasktune.scorers.parse import Parsed, in_first_language, parse_output, parse_reference_number
from anytasktune.scorers.rules import broken_rules, explain_rules

__all__ = [
    "ItemStatistics",
    "AnswerScore",
    "Parsed",
    "broken_rules",
    "explain_rules",
    "in_first_language",
    "item_statistics",
    "score_answer",
    "parse_output",
    "parse_reference_number",
]
