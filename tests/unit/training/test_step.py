"""Prefix sharing is exact: same loss and gradient as stock transformers + PEFT on whole, unshared rows."""

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from tests.tiny_models import tiny_model

from anytasktune.chat import Encoded
from anytasktune.models.attention import attention_for, short_attention
from anytasktune.models.head import shares_prefix
from anytasktune.models.lora import Adapter, LoraSpec, linear_layers
from anytasktune.training.batches import RowSet, build_rows
from anytasktune.training.step import StepEngine

SPEC = LoraSpec(rank=3, alpha=6.0)


def examples_with_prefix(prefix: int, count: int, seed: int) -> list[Encoded]:
    """Ragged random examples that share `prefix` tokens."""
    rng = random.Random(seed)
    shared = [rng.randrange(3, 400) for _ in range(prefix)]
    rows = []
    for _ in range(count):
        prompt = shared + [rng.randrange(3, 400) for _ in range(rng.randrange(1, 9))]
        rows.append(Encoded(prompt + [rng.randrange(3, 400) for _ in range(rng.randrange(1, 6))], len(prompt)))
    return rows


def plain_loss_and_grads(kind: str, examples: list[Encoded], start: Adapter) -> tuple[float, dict[str, torch.Tensor]]:
    """Stock PEFT, one whole row after the other, loss over answer tokens."""
    model = tiny_model(kind)
    names = sorted({name.rpartition(".")[2] for name, _ in linear_layers(model)})
    tuned = get_peft_model(model, LoraConfig(r=SPEC.rank, lora_alpha=int(SPEC.alpha), target_modules=names))
    parameters = dict(tuned.named_parameters())
    with torch.no_grad():
        for name, (a, b) in start.weights.items():
            parameters[f"base_model.model.{name}.lora_A.default.weight"].copy_(a)
            parameters[f"base_model.model.{name}.lora_B.default.weight"].copy_(b)
    total = sum(example.answer_length for example in examples)
    loss = torch.zeros(())
    for example in examples:
        ids = torch.tensor([example.ids])
        logits = tuned(ids, use_cache=False).logits[0, example.prompt_length - 1 : -1]
        loss = loss + torch.nn.functional.cross_entropy(logits, ids[0, example.prompt_length :], reduction="sum") / total
    loss.backward()
    return float(loss.detach()), {name: parameter.grad for name, parameter in parameters.items() if parameter.grad is not None}


def assert_equals_plain(kind: str, examples: list[Encoded], rows: RowSet, max_tokens: int, longest: int = 1) -> None:
    model = tiny_model(kind)
    model.set_attn_implementation(short_attention(model.config.model_type))
    adapter = Adapter(model, SPEC)
    adapter.initialise(seed=1)
    with torch.no_grad():
        adapter.flat.add_(torch.randn(adapter.flat.shape, generator=torch.Generator().manual_seed(2)) * 0.1)
    expected_loss, expected = plain_loss_and_grads(kind, examples, adapter)
    with attention_for(model, longest), adapter.attached(model):
        loss = float(StepEngine(model, rows, max_tokens=max_tokens).loss_and_grad(list(range(len(examples)))))
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    difference = sum(
        float((pair[side].grad - expected[f"base_model.model.{name}.lora_{'AB'[side]}.default.weight"]).square().sum())
        for name, pair in adapter.weights.items()
        for side in (0, 1)
    )
    norm = sum(float(gradient.square().sum()) for gradient in expected.values())
    assert (difference / norm) ** 0.5 < 1e-4


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma3"])
@pytest.mark.parametrize("prefix", [0, 1, 20])
def test_loss_and_gradient_equal_plain_peft(kind: str, prefix: int) -> None:
    examples = examples_with_prefix(prefix, count=5, seed=prefix)
    share = shares_prefix(tiny_model(kind))
    rows = build_rows(examples, [0] * 5, share=share, batch_size=5)
    assert bool(rows.prefixes[0]) == (share and prefix > 0)
    assert_equals_plain(kind, examples, rows, max_tokens=10_000)


def test_a_model_with_sliding_windows_takes_the_plain_path() -> None:
    assert not shares_prefix(tiny_model("gemma3"))
    assert shares_prefix(tiny_model("qwen3"))


def test_cutting_a_step_into_micro_batches_changes_nothing() -> None:
    examples = examples_with_prefix(30, count=7, seed=3)
    rows = build_rows(examples, [0] * 7, share=True, batch_size=7)
    assert_equals_plain("llama", examples, rows, max_tokens=16)


@pytest.mark.parametrize("prefix", [0, 30])
def test_fused_attention_for_long_rows_changes_nothing(prefix: int) -> None:
    examples = examples_with_prefix(prefix, count=5, seed=4)
    rows = build_rows(examples, [0] * 5, share=True, batch_size=5)
    assert_equals_plain("llama", examples, rows, max_tokens=40, longest=5000)


def test_two_languages_have_a_prefix_each() -> None:
    english, chinese = examples_with_prefix(24, 4, seed=5), examples_with_prefix(17, 3, seed=6)
    examples = [*english, *chinese]
    rows = build_rows(examples, ["en"] * 4 + ["zh"] * 3, share=True, batch_size=7)
    assert [len(prefix) for prefix in rows.prefixes] == [24, 17]
    assert_equals_plain("llama", examples, rows, max_tokens=10_000)


@settings(max_examples=12, deadline=None)
@given(prefix=st.integers(0, 40), count=st.integers(1, 6), seed=st.integers(0, 999), max_tokens=st.integers(16, 200))
def test_any_layout_gives_the_plain_result(prefix: int, count: int, seed: int, max_tokens: int) -> None:
    examples = examples_with_prefix(prefix, count, seed)
    assert_equals_plain("llama", examples, build_rows(examples, [0] * count, share=True, batch_size=count), max_tokens)
