"""Adapters go on and come off without a trace, and are PEFT's own files."""

import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tests.tiny_models import tiny_model

from anytasktune.errors import ModelError
from anytasktune.models.lora import Adapter, LoraSpec, linear_layers
from anytasktune.models.lora_stack import attached, merged

IDS = torch.tensor([[5, 6, 7, 8]])


def filled(model: torch.nn.Module, rank: int = 4) -> Adapter:
    adapter = Adapter(model, LoraSpec(rank, 8.0))
    adapter.initialise(0)
    with torch.no_grad():
        adapter.flat.add_(torch.randn(adapter.flat.shape, generator=torch.Generator().manual_seed(1)) * 0.2)
    return adapter


def test_a_new_adapter_changes_nothing() -> None:
    model = tiny_model()
    before = model(IDS).logits
    adapter = Adapter(model, LoraSpec(4, 8.0))
    adapter.initialise(0)
    with attached(model, [adapter]):
        assert torch.equal(model(IDS).logits, before)


def test_a_detached_adapter_leaves_the_model_unchanged() -> None:
    model = tiny_model()
    before = model(IDS).logits
    with attached(model, [filled(model)]):
        assert not torch.allclose(model(IDS).logits, before)
    assert torch.equal(model(IDS).logits, before)


def test_adapters_are_detached_after_an_error_too() -> None:
    model = tiny_model()
    before = model(IDS).logits
    with pytest.raises(RuntimeError), attached(model, [filled(model)]):
        raise RuntimeError
    assert torch.equal(model(IDS).logits, before)


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma3"])
def test_stock_peft_loads_what_we_save(kind: str, tmp_path: Path) -> None:
    model = tiny_model(kind)
    adapter = filled(model)
    adapter.save(tmp_path, "some/model")
    with attached(model, [adapter]):
        ours = model(IDS).logits
    theirs = PeftModel.from_pretrained(tiny_model(kind), tmp_path)(IDS).logits
    assert torch.allclose(ours, theirs, atol=1e-5)
    assert json.loads((tmp_path / "adapter_config.json").read_text(encoding="utf-8"))["peft_type"] == "LORA"


def test_we_load_what_stock_peft_saves(tmp_path: Path) -> None:
    names = sorted({name.rpartition(".")[2] for name, _ in linear_layers(tiny_model())})
    theirs = get_peft_model(tiny_model(), LoraConfig(r=4, lora_alpha=8, target_modules=names, init_lora_weights=False))
    theirs.save_pretrained(tmp_path)
    model = tiny_model()
    with attached(model, [Adapter.load(model, tmp_path)]):
        assert torch.allclose(model(IDS).logits, theirs(IDS).logits, atol=1e-5)


def test_the_weights_are_views_of_one_flat_tensor() -> None:
    adapter = filled(tiny_model())
    with torch.no_grad():
        adapter.flat.fill_(0.5)
    assert all((weight == 0.5).all() for pair in adapter.weights.values() for weight in pair)


def test_an_adapter_of_another_shape_is_refused(tmp_path: Path) -> None:
    filled(tiny_model("llama")).save(tmp_path, "x")
    config = json.loads((tmp_path / "adapter_config.json").read_text(encoding="utf-8"))
    (tmp_path / "adapter_config.json").write_text(json.dumps(config | {"r": 2}), encoding="utf-8")
    with pytest.raises(ModelError, match="does not fit"):
        Adapter.load(tiny_model("llama"), tmp_path)


def test_an_adapter_for_other_layers_is_refused(tmp_path: Path) -> None:
    small = tiny_model("llama")
    small.base_model.layers = small.base_model.layers[:1]
    filled(small).save(tmp_path, "x")
    with pytest.raises(ModelError, match="does not fit"):
        Adapter.load(tiny_model("llama"), tmp_path)


def test_a_damaged_adapter_is_named(tmp_path: Path) -> None:
    filled(tiny_model()).save(tmp_path, "x")
    (tmp_path / "adapter_model.safetensors").write_bytes(b"half")
    with pytest.raises(ModelError, match=r"adapter_model\.safetensors"):
        Adapter.load(tiny_model(), tmp_path)


def test_adapters_of_other_kinds_are_refused(tmp_path: Path) -> None:
    filled(tiny_model()).save(tmp_path, "x")
    config = json.loads((tmp_path / "adapter_config.json").read_text(encoding="utf-8"))
    (tmp_path / "adapter_config.json").write_text(json.dumps(config | {"use_dora": True}), encoding="utf-8")
    with pytest.raises(ModelError, match="plain LoRA"):
        Adapter.load(tiny_model(), tmp_path)


def test_merged_it_answers_alike_and_leaves_the_weights_as_they_were() -> None:
    model = tiny_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    adapter = filled(model)
    with attached(model, [adapter]):
        beside = model(IDS).logits
    with merged(model, adapter):
        assert torch.allclose(model(IDS).logits, beside, atol=1e-4)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_layer_called_twice_with_the_same_input_computes_twice() -> None:
    model = tiny_model()
    with attached(model, [filled(model)]), torch.no_grad():
        query = model.model.layers[0].self_attn.q_proj
        x = torch.randn(1, 3, query.weight.shape[1])
        assert torch.equal(query(x), query(x))


def test_in_bfloat16_the_gradient_still_arrives_in_float32() -> None:
    model = tiny_model().to(torch.bfloat16)
    adapter = filled(model)
    with attached(model, [adapter]):
        model(IDS).logits.float().sum().backward()
    assert adapter.grad.dtype == torch.float32
    assert adapter.grad.abs().sum() > 0
