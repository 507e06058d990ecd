"""Memory of a run: how much a step takes, and the largest streams that fit.

How a step is cut into streams never changes its result, so memory is a matter of planning: `micro_batch_tokens` is lowered
until the estimate fits, and halved again if an allocation still fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from anytasktune.errors import PreflightError, is_out_of_memory
from anytasktune.models.device import release_memory
from anytasktune.models.shape import ModelShape
from anytasktune.training.estimate import Load

Result = TypeVar("Result")

# Found with `python -m benchmarks.calibrate` (SmolLM2-135M in bfloat16 and float32, steps of 500 to 3,500 tokens).
# Steps took 12 % less to 2 % more than estimated with these.
ACTIVATIONS = 1.25
"""Measured over counted bytes of the activations kept for the backward pass."""
STEP_BYTES = 192 << 20
"""Memory of a step beside activations and logits, however small it is."""
PROCESS_BYTES = 320 << 20
"""Python, PyTorch and transformers themselves."""
_LOGIT_BYTES = 256 << 20
_LOGIT_COPIES = 2.5
_ADAPTER_COPIES = 6
_SHARE = 0.9
_SMALLEST = 16


@dataclass(frozen=True)
class Footprint:
    """The sizes that determine the memory of a step.

    Attributes:
        shape: the model's.
        size: bytes of a number in its precision.
        rank: of the adapter.
        largest: the step with most tokens.
        longest: tokens of the longest row with its prefix, which are always in one stream.
    """

    shape: ModelShape
    size: int
    rank: int
    largest: Load
    longest: int

    def concurrent_tokens(self, micro_batch_tokens: int) -> int:
        """Most tokens whose activations are in memory at the same time.

        A step that does not fit into one stream keeps its first, which carries the prefix, while the others come and go.
        """
        one = max(micro_batch_tokens, self.longest)
        return min(self.largest.tokens, one if self.largest.tokens <= one else 2 * one)

    def step_bytes(self, micro_batch_tokens: int) -> int:
        """Peak of a step beyond model and adapter."""
        share = self.concurrent_tokens(micro_batch_tokens) / max(1, self.largest.tokens)
        # the rows of a block are as wide as its longest, and a prefix' queries see a few keys that are masked
        pair_bytes = 1.2 * self.shape.layers * self.shape.heads * self.size
        kept = self.largest.tokens * token_bytes(self.shape, self.size) + self.largest.pairs * pair_bytes
        logits = min(_LOGIT_BYTES, 4.0 * share * self.largest.targets * self.shape.vocabulary)
        return int(ACTIVATIONS * share * kept + _LOGIT_COPIES * logits) + STEP_BYTES

    def adapter_bytes(self) -> int:
        """Weights, gradient, best weights, both moments in float32, and the weights in the model's precision."""
        return self.shape.adapter(self.rank) * 4 * _ADAPTER_COPIES

    def total_bytes(self, micro_batch_tokens: int) -> int:
        """Peak of the process."""
        model = self.shape.parameters * self.size
        return PROCESS_BYTES + model + self.adapter_bytes() + self.step_bytes(micro_batch_tokens)


def token_bytes(shape: ModelShape, size: int) -> float:
    """Activations that all layers keep of a token: inputs of the two norms in float32; of the products, queries, keys, values;
    factors and result of the gate."""
    products = 2 * shape.hidden + 2 * shape.queries + 2 * shape.states + 4 * shape.inner
    return shape.layers * (8.0 * shape.hidden + size * products)


def plan_micro_batch_tokens(wanted: int, footprint: Footprint, free: int | None) -> int:
    """The most tokens, up to `wanted`, that a stream can have for the step to fit into `free` bytes (None: not known).

    Raises:
        PreflightError: not even one row at a time fits.
    """
    if free is None:
        return wanted
    room = int(free * _SHARE) - footprint.adapter_bytes()
    if footprint.step_bytes(wanted) <= room:
        return wanted
    if (missing := footprint.step_bytes(_SMALLEST) - room) > 0:
        what = f"the longest row ({footprint.longest} tokens) needs {missing / 1e9:.1f} GB more memory than is free"
        fix = "close other programs, shorten the rows, lower max_length and skip_bad_rows=true, or choose a smaller model"
        raise PreflightError(what, fix=fix)
    low, high = _SMALLEST, wanted
    while high - low > max(1, low // 16):
        middle = (low + high) // 2
        low, high = (middle, high) if footprint.step_bytes(middle) <= room else (low, middle)
    return low


class ShrinkingStep:
    """Runs steps, with half the tokens per stream and once more when an allocation fails.

    Args:
        micro_batch_tokens: tokens per stream to begin with.
        clear: discards what a failed attempt has left, such as half a gradient.
        note: receives a line when streams get smaller.
    """

    def __init__(self, micro_batch_tokens: int, clear: Callable[[], None], note: Callable[[str], None]) -> None:
        self.micro_batch_tokens = micro_batch_tokens
        self._clear = clear
        self._note = note

    def run(self, step: Callable[[int], Result]) -> Result:
        """The result of `step(micro_batch_tokens)`.

        Raises:
            PreflightError: the smallest streams do not fit.
        """
        while True:
            try:
                return step(self.micro_batch_tokens)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                refused = str(error).splitlines()[0] if str(error) else type(error).__name__
            # out of the handler, whose traceback would keep the failed attempt's tensors
            self._clear()
            release_memory()
            if self.micro_batch_tokens <= _SMALLEST:
                fix = "close other programs, shorten the rows, or choose a smaller model"
                raise PreflightError(f"not enough memory for a single row: {refused}", fix=fix)
            self.micro_batch_tokens = max(_SMALLEST, self.micro_batch_tokens // 2)
            self._note(f"not enough memory: going on with micro_batch_tokens={self.micro_batch_tokens}, to the same result")
