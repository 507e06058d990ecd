"""Candidates: rows that a teacher, or a rule, makes from passages, from known rows, or from the task alone."""

from anytasktune.synthesis.candidates import Candidates, augment, generate
from anytasktune.synthesis.cost_forecast import expected_feasibility, expected_questions
from anytasktune.synthesis.drafts import Progress
from anytasktune.synthesis.feasibility import measure_feasibility, tried_rows

__all__ = [
    "Candidates",
    "Progress",
    "augment",
    "expected_feasibility",
    "expected_questions",
    "generate",
    "measure_feasibility",
    "tried_rows",
]
