"""Predict, score, compare."""

from anytasktune.evaluation.comparison import build_report, task_report
from anytasktune.evaluation.predict import EvaluatedSystem, predict, predictor
from anytasktune.evaluation.scoring import ScoredSystem, choose_way, score_system

__all__ = [
    "EvaluatedSystem",
    "ScoredSystem",
    "build_report",
    "choose_way",
    "predict",
    "predictor",
    "score_system",
    "task_report",
]
