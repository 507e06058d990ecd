"""Check of a device: the engine's own steps and answers there, held against the same on the CPU in float32.

The model is a random one of a few million weights, made on the spot, so that nothing is fetched. Its weights are four times as
large as usual: answers of a random model would otherwise hang on rounding.
"""

import copy
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from anytasktune.chat import Encoded
from anytasktune.inference.generation import Limits, generate
from anytasktune.models.device import synchronise
from anytasktune.models.lora import Adapter, LoraSpec
from anytasktune.models.lora_stack import attached
from anytasktune.settings import DType
from anytasktune.training.batches import RowSet, build_rows
from anytasktune.training.memory import ShrinkingStep
from anytasktune.training.step import StepEngine
from anytasktune.training.streams import StepRows

SAME = 1e-4
"""Largest relative error in float32."""
ROUNDED_LOSS, ROUNDED_GRADIENT = 0.02, 0.2
"""The same in bfloat16, whose numbers have eight bits; on a CPU it is 0.001 and 0.05 with this model."""
_WORDS, _ROWS, _PREFIX = 2048, 12, 40
_STREAM, _SHORT_STREAM = 4096, 128
_ANSWERS, _ANSWER_TOKENS = 4, 12
_SMOKE_STEPS = 5
_NO_MEMORY_HAS = 1 << 60


@dataclass(frozen=True)
class DeviceFinding:
    """One comparison: passed where the value is at most `limit`.

    Attributes:
        name: what was compared.
        value: relative error, or a number of differing answers.
    """

    name: str
    value: float
    limit: float

    @property
    def passed(self) -> bool:
        """Whether the value is in its limit; one that is no number is not."""
        return self.value <= self.limit


@dataclass(frozen=True)
class DeviceSpeed:
    """Smoke figure: the speed of a few steps of a tiny model, which shows that the device works, not how fast it is."""

    steps: int
    tokens: int
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        """Trunk tokens per second."""
        return self.tokens / max(self.seconds, 1e-9)


@dataclass(frozen=True)
class _Outcome:
    """Losses and gradients of adapters after one step, on the CPU."""

    losses: torch.Tensor
    gradients: torch.Tensor


def compare_device(
    device: torch.device, dtype: DType, kind: Callable[[], PreTrainedModel] | None = None
) -> list[DeviceFinding]:
    """Compare losses, gradients and answers of a device with those of the CPU in float32.

    Args:
        dtype: the precision it computes in; compared beside float32.
        kind: makes a model on the CPU in float32; a small Llama unless given.
    """
    reference = (kind or _random_model)()
    there = copy.deepcopy(reference).to(device)
    rows = _random_rows(reference.config.get_text_config().vocab_size)
    expected, found = _step(reference, rows), _step(there, rows)
    findings = [
        DeviceFinding("loss, float32", _error(found.losses, expected.losses), SAME),
        DeviceFinding("gradient, float32", _error(found.gradients, expected.gradients), SAME),
    ]
    alone = [_step(there, [part], [place]) for place, part in enumerate(rows)]
    gradients = torch.cat([outcome.gradients for outcome in alone])
    findings.append(
        DeviceFinding("gradients of two adapters at once, against each alone", _error(found.gradients, gradients), SAME)
    )
    shorter = _after_a_refused_allocation(there, rows)
    findings.append(DeviceFinding("gradient after a failed allocation", _error(shorter.gradients, found.gradients), SAME))
    differing = sum(one != other for one, other in zip(_answers(there), _answers(reference), strict=True))
    findings.append(DeviceFinding(f"answers that differ, of {_ANSWERS}", differing, 0))
    if dtype != "float32":
        rounded = _step(there.to(getattr(torch, dtype)), rows)
        findings += [
            DeviceFinding(f"loss, {dtype}", _error(rounded.losses, expected.losses), ROUNDED_LOSS),
            DeviceFinding(f"gradient, {dtype}", _error(rounded.gradients, expected.gradients), ROUNDED_GRADIENT),
        ]
    return findings


def smoke_speed(device: torch.device, dtype: DType) -> DeviceSpeed:
    """Time a few steps, the first of which, that sets things up, is not counted."""
    model = _random_model().to(device=device, dtype=getattr(torch, dtype))
    rows = _random_rows(_WORDS)
    adapters = _adapters(model, range(len(rows)))
    with attached(model, adapters) as stack:
        engine = StepEngine(stack, max_tokens=_STREAM)
        parts = [StepRows(slot, part, range(len(part.rows))) for slot, part in enumerate(rows)]
        engine.loss_and_grad(parts)
        synchronise(device)
        start = time.perf_counter()
        for _ in range(_SMOKE_STEPS):
            engine.loss_and_grad(parts)
        synchronise(device)
        seconds = time.perf_counter() - start
    tokens = sum(len(part.prefixes[0]) + sum(row.read for row in part.rows) for part in rows)
    return DeviceSpeed(_SMOKE_STEPS, _SMOKE_STEPS * tokens, seconds)


def _random_model() -> PreTrainedModel:
    config = LlamaConfig(
        vocab_size=_WORDS,
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=8,
        num_key_value_heads=4,
        max_position_embeddings=512,
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
    for weight in model.parameters():
        weight.data.mul_(4.0 if weight.dim() > 1 else 1.0)
    return model.eval().requires_grad_(False)


def _random_rows(vocabulary: int) -> list[RowSet]:
    """Rows of two tasks, each of which shares the beginning of its prompts."""
    chance, found = random.Random(0), []  # noqa: S311
    for _ in range(2):
        shared = [chance.randrange(3, vocabulary) for _ in range(_PREFIX)]
        examples = []
        for _ in range(_ROWS):
            prompt = shared + [chance.randrange(3, vocabulary) for _ in range(chance.randrange(4, 40))]
            examples.append(Encoded(prompt + [chance.randrange(3, vocabulary) for _ in range(6)], len(prompt)))
        found.append(build_rows(examples, [0] * _ROWS, share=True, batch_size=_ROWS))
    return found


def _adapters(model: PreTrainedModel, places: Sequence[int]) -> list[Adapter]:
    """Adapters somewhere on their way, so that no gradient is zero."""
    adapters = []
    for place in places:
        adapter, source = Adapter(model, LoraSpec(8, 16.0)), torch.Generator().manual_seed(place)
        with torch.no_grad():
            adapter.flat.copy_(torch.randn(adapter.flat.shape, generator=source) * 0.02)
        adapters.append(adapter)
    return adapters


def _step(model: PreTrainedModel, rows: Sequence[RowSet], places: Sequence[int] = (0, 1)) -> _Outcome:
    """Losses and gradients of the adapters at `places`, each on its rows, in one step."""
    adapters = _adapters(model, places)
    parts = [StepRows(slot, part, range(len(part.rows))) for slot, part in enumerate(rows)]
    with attached(model, adapters) as stack:
        losses = StepEngine(stack, max_tokens=_STREAM).loss_and_grad(parts)
    return _Outcome(losses.cpu().float(), torch.cat([adapter.grad for adapter in adapters]).cpu().float())


def _after_a_refused_allocation(model: PreTrainedModel, rows: Sequence[RowSet]) -> _Outcome:
    """The same step, whose first attempts ask for more memory than there is, in the shorter streams that follow."""
    adapters = _adapters(model, (0, 1))
    parts = [StepRows(slot, part, range(len(part.rows))) for slot, part in enumerate(rows)]
    with attached(model, adapters) as stack:
        engine = StepEngine(stack, max_tokens=_STREAM)

        def attempt(max_tokens: int) -> torch.Tensor:
            engine.cut_to(max_tokens)
            losses = engine.loss_and_grad(parts)
            if max_tokens > _SHORT_STREAM:
                torch.empty(_NO_MEMORY_HAS, dtype=torch.uint8, device=stack.device)
            return losses

        losses = ShrinkingStep(_STREAM, stack.forget, lambda _: None).run(attempt)
    return _Outcome(losses.cpu().float(), torch.cat([adapter.grad for adapter in adapters]).cpu().float())


def _answers(model: PreTrainedModel) -> list[list[int]]:
    """Greedy answers with an adapter on, token by token."""
    part = _random_rows(model.config.get_text_config().vocab_size)[0]
    prompts = [[*part.prefixes[0], *row.suffix[:4]] for row in part.rows[:_ANSWERS]]
    with attached(model, _adapters(model, (0,))):
        return [answer.ids for answer in generate(model, prompts, Limits([0], _ANSWER_TOKENS, _STREAM))]


def _error(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Relative error, in the Euclidean norm."""
    return float((found - expected).norm() / expected.norm())
