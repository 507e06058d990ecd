"""The speed of this machine with a model: the engine's own passes through one layer of the model's sizes, timed before a run.

A bare matrix product says little where products are cheap and all the rest is not. So what is timed is what a run does: steps
over short and over long rows, the same without gradients, tokens added to rows that were read, and the output head.
"""

import time
from collections.abc import Callable
from functools import partial

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel
from transformers.initialization import no_init_weights

from anytasktune.models.head import token_losses
from anytasktune.models.kv_cache import KVCache, read, read_prefix, read_rows
from anytasktune.models.lora import Adapter, LoraSpec
from anytasktune.models.lora_stack import attached
from anytasktune.models.packed import Layout, Section, blocks_of
from anytasktune.models.prepacked import prepacked
from anytasktune.models.shape import ModelShape
from anytasktune.models.trunk import stream_states
from anytasktune.training.estimate import Costs, Load, Speed, matmul_rate, nominal_speed

_RANK = 16
_SHORT, _LONG, _FEW = (12, 64), (2, 384), (1, 32)
"""Rows and tokens of each."""
_WRITTEN = (8, 48)
"""Rows to which a token is added."""
_TARGETS = 64
_MOST_WORDS = 65_536
_REPEATS, _MOST_SECONDS = 5, 0.6


def measure_speed(shape: ModelShape, device: torch.device, dtype: torch.dtype) -> Speed:
    """Time what runs and answers consist of; in about two seconds for a small model on two cores.

    On other devices than CPUs the rate of matrix products stands for the rest.
    """
    if device.type != "cpu":
        return nominal_speed(matmul_rate(shape, device, dtype), shape, _RANK)
    model = _one_layer(shape, dtype)
    adapter = Adapter(model, LoraSpec(_RANK, 32.0))
    adapter.initialise(0)
    with attached(model, [adapter]) as stack:

        def step(rows: int, length: int) -> None:
            stack.refresh()
            _states(model, rows, length).sum().backward()

        training = _costs(step)
    with torch.inference_mode():
        reading = _costs(lambda rows, length: _states(model, rows, length))
        with prepacked(model):
            few, many = (_seconds_to_write(model, rows) for rows in _WRITTEN)
    token = max(0.0, (many - few) / (_WRITTEN[1] - _WRITTEN[0]))
    writing = Costs(token, reading.pair, max(0.0, few - token * _WRITTEN[0]))
    return Speed(training, reading, writing, _seconds_of_head(model) * shape.vocabulary / model.config.vocab_size)


def _one_layer(shape: ModelShape, dtype: torch.dtype) -> PreTrainedModel:
    width = shape.queries // shape.heads
    config = LlamaConfig(
        vocab_size=min(shape.vocabulary, _MOST_WORDS),
        hidden_size=shape.hidden,
        intermediate_size=shape.inner,
        num_hidden_layers=1,
        num_attention_heads=shape.heads,
        num_key_value_heads=max(1, shape.states // width),
        head_dim=width,
        tie_word_embeddings=True,
    )
    with no_init_weights():
        model = LlamaForCausalLM(config).to(dtype)
    for weight in model.parameters():
        weight.data.fill_(0.01)  # what products take does not depend on their numbers
    return model.eval().requires_grad_(False)


def _states(model: PreTrainedModel, rows: int, length: int) -> torch.Tensor:
    starts = list(range(0, rows * length, length))
    layout = Layout((Section(0, None, blocks_of(starts, [length] * rows)),))
    positions = torch.arange(length).repeat(rows).unsqueeze(0)
    return stream_states(model, torch.ones(1, rows * length, dtype=torch.long), positions, layout)


def _load(rows: int, length: int) -> Load:
    return Load(rows * length, rows * length * (length + 1) // 2, 0)


def _costs(run: Callable[[int, int], object]) -> Costs:
    """Seconds per token, per pair and per pass, from rows of three kinds."""
    sizes = _FEW, _SHORT, _LONG
    loads = torch.tensor([[float(load.tokens), float(load.pairs), 1.0] for load in (_load(*size) for size in sizes)])
    seconds = torch.tensor([_seconds(partial(run, *size)) for size in sizes])
    token, pair, fixed = torch.linalg.solve(loads.double(), seconds.double()).clamp(min=0.0).tolist()
    return Costs(token, pair, fixed)


def _seconds_to_write(model: PreTrainedModel, rows: int) -> float:
    """Time of a pass that adds one token to each row."""
    kept = read_prefix(model, [1] * 64)
    cache, _ = read_rows(model, kept, 64, [[1] * 32] * rows)
    ids, position = torch.ones(rows, 1, dtype=torch.long), 96

    def write(cache: KVCache = cache) -> None:
        nonlocal position
        read(model, cache, ids, torch.full((rows, 1), position))
        position += 1

    return _seconds(write)


def _seconds_of_head(model: PreTrainedModel) -> float:
    """Time per trained token, with its gradient."""
    states = torch.full((_TARGETS, model.config.hidden_size), 0.01, dtype=model.dtype).requires_grad_()
    targets = torch.ones(_TARGETS, dtype=torch.long)
    return _seconds(lambda: token_losses(model, states, targets).sum().backward()) / _TARGETS


def _seconds(run: Callable[[], object]) -> float:
    """Median time of a few runs after a first one, which sets things up."""
    run()
    times: list[float] = []
    while len(times) < _REPEATS and sum(times) < _MOST_SECONDS:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]
