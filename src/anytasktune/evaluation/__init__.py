"""Predict, score, compare, report."""

from anytasktune.evaluation.comparing import build_report, task_report
from anytasktune.evaluation.predict import Budget, Contestant, choose_shots, predict
from anytasktune.evaluation.report import write_report
from anytasktune.evaluation.scoring import judge_system, score_predictions

__all__ = [
    "Budget",
    "Contestant",
    "build_report",
    "choose_shots",
    "judge_system",
    "predict",
    "score_predictions",
    "task_report",
    "write_report",
]
