"""Defaults of training: preset, model size and rows → rank, rate, epochs. Explicit settings are kept."""

import math
from collections.abc import Mapping

from anytasktune.schema import BaseModelRef, ResolvedTrainConfig
from anytasktune.settings import DType, TrainConfig

_EFFORT = {"quick": 0.5, "balanced": 1.0, "thorough": 2.0}
_STREAM_TOKENS = {"cpu": 2048}
_GPU_STREAM_TOKENS = 32_768
_BUSY_GPU_TOKENS = 16_384
_MOST_AT_ONCE = 16


def resolve(
    config: TrainConfig, base: BaseModelRef, rows_by_task: Mapping[str, int], *, dtype: DType, device: str
) -> ResolvedTrainConfig:
    """Settings of a run with every default filled in; rank and epochs follow from the rows of all its tasks."""
    rows = sum(rows_by_task.values())
    rank = config.rank or default_rank(rows)
    epochs = config.epochs or default_epochs(rows, _EFFORT[config.preset])
    return ResolvedTrainConfig(
        rank=rank,
        alpha=config.alpha or 32.0,
        learning_rate=config.learning_rate or default_learning_rate(base.hidden_size),
        epochs=epochs,
        steps=0 if config.method == "head" else max(1, round(epochs * math.ceil(rows / config.batch_size))),
        dtype=dtype,
        device=device,
        rows_by_task=dict(rows_by_task),
    )


def default_learning_rate(hidden_size: int) -> float:
    """Rate that falls with the width: 1.3e-3 at 576 (SmolLM2-135M), 5e-4 at 1024 (Qwen3-0.6B), then slowly.

    The fall follows the rule of "LoRA Without Regret" (about ten times the rate of full tuning, a power of the hidden
    size); the two anchors are what worked best on real tasks of these sizes.
    """
    exponent = math.log(1.3e-3 / 5e-4) / math.log(1024 / 576)
    if hidden_size <= 1024:
        return float(f"{min(2e-3, 5e-4 * (1024 / hidden_size) ** exponent):.2g}")
    return float(f"{5e-4 * (1024 / hidden_size) ** 0.78:.2g}")


def default_rank(rows: int) -> int:
    """Rank by rows: 8 to 500 rows, 16 to 5,000, 32 above."""
    return 8 if rows <= 500 else 16 if rows <= 5000 else 32


def default_epochs(rows: int, effort: float) -> float:
    """Epochs by rows: 120 rows → 8, 2,000 → 2, 10,000 → 1, times `effort`: examples seen grow with the root of the rows."""
    return round(min(16.0, max(1.0, 88 / math.sqrt(rows) * effort)), 2)


def stream_tokens(config: TrainConfig, device: str) -> int:
    """Most tokens in one forward pass: enough for efficient matrix products, little enough for the memory."""
    return config.micro_batch_tokens or _STREAM_TOKENS.get(device, _GPU_STREAM_TOKENS)


def adapters_at_once(config: TrainConfig, device: str, step_tokens: int) -> int:
    """Number of Task-LMs trained at the same time: a CPU is busy with one, a GPU with about 16,000 tokens.

    Args:
        step_tokens: trunk tokens of one optimiser step of one Task-LM.
    """
    if config.adapters_at_once is not None:
        return config.adapters_at_once
    return 1 if device == "cpu" else max(1, min(_MOST_AT_ONCE, _BUSY_GPU_TOKENS // max(1, step_tokens)))
