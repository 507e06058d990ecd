"""Which settings make TRL's `SFTTrainer` fastest: every candidate is tried, the best is what we compare with."""

import shutil
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
    settings: TrlSettings
    seconds: list[float]

    @property
    def step(self) -> float:
        """The fastest: what a setting can do when nothing disturbs it."""
        return min(self.seconds)


def default_settings(batch: int, dtype: str) -> TrlSettings:
    """What is taken when nothing was tried."""
    size = next(size for size in (4, 2, 1) if batch % size == 0)
    return TrlSettings(dtype, dtype == "bfloat16", size)


def candidates(batch: int, dtype: str) -> list[TrlSettings]:
    """The usual settings, and others that change one or two things of them."""
    usual = default_settings(batch, dtype)
    sizes = [size for size in (1, 2, 4, 8, 16) if batch % size == 0 and size != usual.micro_batch]
    tried = [usual, *(replace(usual, micro_batch=size) for size in sizes), replace(usual, attention="eager")]
    if dtype == "bfloat16":
        tried += [
            replace(usual, autocast=False),
            replace(usual, dtype="float32"),
            TrlSettings("float32", False, usual.micro_batch),
        ]
    if shutil.which("g++") or shutil.which("clang++"):
        tried.append(replace(usual, compiled=True))
    return tried


def within_memory(settings: TrlSettings, longest: int) -> TrlSettings:
    """The settings with as many rows at once as about 12,000 tokens allow, for rows of up to `longest` tokens."""
    size = settings.micro_batch
    while size > 1 and size * longest > _MOST_TOKENS_AT_ONCE:
        size //= 2
    return replace(settings, micro_batch=size)


def fastest(trials: Sequence[SettingTrial], otherwise: TrlSettings) -> TrlSettings:
    """The settings of the shortest step."""
    return min(trials, key=lambda trial: trial.step).settings if trials else otherwise
