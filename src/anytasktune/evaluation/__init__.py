"""Predict, score, compare."""

from anytasktune.evaluation.comparison import build_report, task_report
from anytasktune.evaluation.predict import EvaluatedSystem, predict
from anytasktune.evaluation.scoring import score_system

__all__ = ["EvaluatedSystem", "build_report", "predict", "score_system", "task_report"]
