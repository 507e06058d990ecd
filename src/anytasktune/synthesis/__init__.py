"""Candidates: examples that a teacher, or a rule, makes from passages, seeds, or the task alone."""
