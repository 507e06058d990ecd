"""Simple baselines of a task: a constant answer, the nearest training row, a linear model; and a pool's router of such a model.

They learn in seconds.
"""

from anytasktune.baselines.constant_answer import ConstantAnswer
from anytasktune.baselines.linear_model import LINEAR_MODELS, LinearModel, linear_model_id
from anytasktune.baselines.nearest_row import NearestRow

__all__ = ["LINEAR_MODELS", "ConstantAnswer", "LinearModel", "NearestRow", "linear_model_id"]
