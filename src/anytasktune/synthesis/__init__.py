"""Candidates: examples that a teacher, or a rule, makes from passages, seeds, or the task alone."""

from anytasktune.synthesis.cost_forecast import expected_feasibility, expected_questions
from anytasktune.synthesis.feasibility import feasibility, tried_rows
from anytasktune.synthesis.generate import Progress, Synthesised, synthesise
from anytasktune.synthesis.generation_plan import Slot, plan

__all__ = [
    "Progress",
    "Slot",
    "Synthesised",
    "expected_feasibility",
    "expected_questions",
    "feasibility",
    "plan",
    "synthesise",
    "tried_rows",
]
