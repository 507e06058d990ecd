"""Predict, score, compare. `predict` is imported from its module, since it loads torch."""

from anytasktune.evaluation.comparison import NOTHING_ACROSS, AcrossTasks, build_report, report_id, task_report
from anytasktune.evaluation.judge_audit import judged_scores
from anytasktune.evaluation.measured_sizes import FEWEST_EVALUATED, MeasuredSize, learning_curve
from anytasktune.evaluation.rubric_judge import JudgePlan
from anytasktune.evaluation.scoring import ScoredSystem, choose_way, hash_of_record, report_items, score_system
from anytasktune.evaluation.task_interference import MatrixTask, build_matrix

__all__ = [
    "NOTHING_ACROSS",
    "AcrossTasks",
    "FEWEST_EVALUATED",
    "MatrixTask",
    "JudgePlan",
    "MeasuredSize",
    "ScoredSystem",
    "build_matrix",
    "build_report",
    "choose_way",
    "hash_of_record",
    "judged_scores",
    "learning_curve",
    "report_id",
    "report_items",
    "score_system",
    "task_report",
]
