"""Which settings make TRL's `SFTTrainer` fastest: every candidate is tried, the best is what we compare with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

_MOST_TOKENS_AT_ONCE = 12_000


@dataclass(frozen=True)
class TrlSettings:
    """What can make `SFTTrainer` faster or slower without changing what it computes.

    Attributes:
        dtype: precision the base model is loaded in.
        autocast: `bf16=True` of the trainer: products in bfloat16 whatever the weights are.
        micro_batch: rows in one forward pass; gradients are accumulated up to the step's batch.
        attention: the library's attention implementation.
        compiled: `torch_compile=True`.
    """

    dtype: str
    autocast: bool
    micro_batch: int
    attention: str = "sdpa"
    compiled: bool = False

    def __str__(self) -> str:
        words = [self.dtype, *(["autocast"] if self.autocast else []), self.attention]
        return ", ".join([*words, f"rows at once {self.micro_batch}", *(["compiled"] if self.compiled else [])])


@dataclass(frozen=True)
class SettingTrial:
    """Seconds per optimiser step of TRL with one setting."""

    task: str
    row_tokens: float
    """Length of the task's rows (mean)."""
    settings: TrlSettings
    first: float
    """Seconds of the first step, in which compilation happens if there is any."""
    seconds: list[float]

    @property
    def step(self) -> float:
        """The fastest: what a setting can do when nothing disturbs it."""
        return min(self.seconds)


def default_settings(batch: int, dtype: str) -> TrlSettings:
    """What is taken when nothing was tried."""
    size = next(size for size in (4, 2, 1) if batch % size == 0)
    return TrlSettings(dtype, dtype == "bfloat16", size)


def sizes(batch: int, dtype: str) -> list[TrlSettings]:
    """The usual settings with few and many rows at once."""
    usual = default_settings(batch, dtype)
    return [replace(usual, micro_batch=size) for size in (1, 2, 4, 8, 16) if batch % size == 0]


def kinds(batch: int, dtype: str, *, compiled: bool) -> list[TrlSettings]:
    """Other precisions and kinds of attention."""
    usual = default_settings(batch, dtype)
    tried = [replace(usual, attention="eager")]
    if dtype == "bfloat16":
        tried += [
            replace(usual, autocast=False),
            replace(usual, dtype="float32"),
            TrlSettings("float32", False, usual.micro_batch),
        ]
    return [*tried, replace(usual, compiled=True)] if compiled else tried


def within_memory(settings: TrlSettings, longest: int) -> TrlSettings:
    """The settings with as many rows at once as about 12,000 tokens allow, for rows of up to `longest` tokens."""
    size = settings.micro_batch
    while size > 1 and size * longest > _MOST_TOKENS_AT_ONCE:
        size //= 2
    return replace(settings, micro_batch=size)


def fastest(trials: Sequence[SettingTrial], row_tokens: float, otherwise: TrlSettings) -> TrlSettings:
    """The settings of the shortest step on that task, of those tried, whose rows are nearest in length.

    Compiled ones do not count: every trainer compiles anew, for longer than the steps of a comparison take.
    """
    if not (plain := [trial for trial in trials if not trial.settings.compiled]):
        return otherwise
    nearest = min(plain, key=lambda trial: abs(math.log(trial.row_tokens / row_tokens))).task
    return min((trial for trial in plain if trial.task == nearest), key=lambda trial: trial.step).settings
