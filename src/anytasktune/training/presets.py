"""The one dial: model size and rows → rank, rate, epochs. What the user set stays."""

import math

from anytasktune.schema import BaseModelRef, DType, ResolvedTrainConfig, TrainConfig

_EFFORT = {"quick": 0.5, "balanced": 1.0, "thorough": 2.0}


def resolve(config: TrainConfig, base: BaseModelRef, rows: int, *, dtype: DType, device: str) -> ResolvedTrainConfig:
    """The numbers a run on `rows` training rows uses."""
    rank = config.rank or default_rank(rows)
    epochs = config.epochs or default_epochs(rows, _EFFORT[config.preset])
    return ResolvedTrainConfig(
        rank=rank,
        alpha=config.alpha or 32.0,
        learning_rate=config.learning_rate or default_learning_rate(base.hidden_size),
        epochs=epochs,
        steps=max(1, round(epochs * math.ceil(rows / config.batch_size))),
        dtype=dtype,
        device=device,
    )


def default_learning_rate(hidden_size: int) -> float:
    """Falls with the width: 1.3e-3 at 576 (SmolLM2-135M), 5e-4 at 1024 (Qwen3-0.6B), then slowly.

    The fall follows the rule of "LoRA Without Regret" (about ten times the rate of full tuning, a power of the hidden
    size); the two anchors are what worked best on real tasks of these sizes.
    """
    exponent = math.log(1.3e-3 / 5e-4) / math.log(1024 / 576)
    if hidden_size <= 1024:
        return float(f"{min(2e-3, 5e-4 * (1024 / hidden_size) ** exponent):.2g}")
    return float(f"{5e-4 * (1024 / hidden_size) ** 0.78:.2g}")


def default_rank(rows: int) -> int:
    """Few rows need few directions: 8 to 500 rows, 16 to 5,000, 32 above."""
    return 8 if rows <= 500 else 16 if rows <= 5000 else 32


def default_epochs(rows: int, effort: float) -> float:
    """Examples seen grow with the square root of the rows: 120 rows → 8 epochs, 2,000 → 2, 10,000 → 1, times `effort`."""
    return round(min(16.0, max(1.0, 88 / math.sqrt(rows) * effort)), 2)
