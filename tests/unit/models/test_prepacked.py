"""Products by arranged weights are the products by the weights."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tiny_models import tiny_model
from torch import nn

from anytasktune.models.adapter_exchange import AdapterExchange
from anytasktune.models.lora import Adapter, LoraSpec
from anytasktune.models.lora_stack import attached, merged
from anytasktune.models.prepacked import prepacked

packs = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)() and torch.backends.mkldnn.is_available()
needs_packing = pytest.mark.skipif(not packs, reason="weights are not arranged on this processor")
IDS = torch.arange(24).view(2, 12)


def near(found: torch.Tensor, expected: torch.Tensor) -> bool:
    return bool((found.float() - expected.float()).norm() <= 4e-3 * expected.float().norm())


@needs_packing
@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 300), width=st.integers(1, 200), out=st.integers(1, 200), bias=st.booleans())
def test_a_layer_gives_its_own_output(rows: int, width: int, out: int, bias: bool) -> None:
    layer = nn.Linear(width, out, bias=bias, dtype=torch.bfloat16)
    x = torch.randn(rows, width, dtype=torch.bfloat16)
    with torch.inference_mode():
        expected = layer(x)
        with prepacked(layer):
            assert "forward" in vars(layer)
            assert near(layer(x), expected)
        assert "forward" not in vars(layer)


@needs_packing
@pytest.mark.parametrize("kind", ["llama", "qwen2", "gemma2", "gpt_neox"])
def test_models_give_their_own_states_with_and_without_adapters(kind: str) -> None:
    model = tiny_model(kind).to(torch.bfloat16).requires_grad_(False)
    adapter = Adapter(model, LoraSpec(4, 8.0))
    adapter.flat.normal_(std=0.1)
    with torch.inference_mode():
        plain = model(IDS).logits
        with merged(model, adapter):
            tuned = model(IDS).logits
        with prepacked(model):
            assert near(model(IDS).logits, plain)
            with merged(model, adapter):
                assert near(model(IDS).logits, tuned)
            assert near(model(IDS).logits, plain)
            with attached(model, [adapter]):
                assert (model(IDS).logits.float() - tuned.float()).norm() < 0.03 * tuned.float().norm()
        with merged(model, adapter), prepacked(model):
            assert near(model(IDS).logits, tuned)
        with attached(model, [adapter]):
            beside = model(IDS).logits
            with prepacked(model):
                assert all("forward" in vars(layer) for layer in adapter.layers.values())
                assert near(model(IDS).logits, beside)


@needs_packing
@settings(max_examples=20, deadline=None)
@given(counts=st.lists(st.integers(0, 9), min_size=4, max_size=4).filter(any))
def test_adapters_side_by_side_give_their_own_states(counts: list[int]) -> None:
    model = tiny_model("llama").to(torch.bfloat16).requires_grad_(False)
    adapters = [Adapter(model, LoraSpec(rank, 8.0)) for rank in (4, 8, 2)]
    for adapter in adapters:
        adapter.flat.normal_(std=0.1)
    slots = torch.repeat_interleave(torch.tensor([-1, 0, 1, 2]), torch.tensor(counts))
    ids = torch.arange(len(slots)).unsqueeze(0)
    with torch.inference_mode(), prepacked(model), attached(model, adapters) as stack, stack.routed(slots):
        usual = model(ids).logits
        stack.pack()
        assert all(group.packed is not None for group in stack.groups)
        assert near(model(ids).logits, usual)
        stack.refresh()
        assert all(group.packed is None for group in stack.groups)


@needs_packing
def test_adapters_put_on_a_prepacked_model_are_packed_too() -> None:
    model = tiny_model("llama").to(torch.bfloat16).requires_grad_(False)
    adapters = [Adapter(model, LoraSpec(4, 8.0)) for _ in range(2)]
    plain, fast = AdapterExchange(model), AdapterExchange(model)
    with torch.inference_mode(), prepacked(model):
        fast.put_on(adapters)
        assert fast.is_packed
        fast.take_off()
    plain.put_on(adapters)
    assert not plain.is_packed
    plain.take_off()


@needs_packing
def test_gradients_flow_as_before() -> None:
    layer = nn.Linear(8, 8, dtype=torch.bfloat16).requires_grad_(False)
    x = torch.randn(3, 8, dtype=torch.bfloat16, requires_grad=True)
    with prepacked(layer):
        layer(x).sum().backward()
    assert x.grad is not None and torch.equal(x.grad, layer.weight.sum(0).expand(3, 8))


def test_other_precisions_stay_as_they_are() -> None:
    layer = nn.Linear(8, 8)
    with prepacked(layer):
        assert "forward" not in vars(layer)
