"""Simple baselines of a task: a constant answer, the nearest training row, a linear model. They learn in seconds."""

from anytasktune.baselines.linear_model import LINEAR_MODELS, LinearModel, linear_model_id

__all__ = ["LINEAR_MODELS", "LinearModel", "linear_model_id"]
