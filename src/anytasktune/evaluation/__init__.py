"""Predict, score, compare, report."""

from anytasktune.evaluation.comparison import build_report, task_report
from anytasktune.evaluation.predict import EvaluatedSystem, choose_shots, predict
from anytasktune.evaluation.scoring import score_predictions, score_system

__all__ = [
    "EvaluatedSystem",
    "build_report",
    "choose_shots",
    "score_system",
    "predict",
    "score_predictions",
    "task_report",
]
