"""Answers of a model with an adapter: generation, label scoring, prefix cache."""
