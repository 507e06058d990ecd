"""Loading a base model: frozen, fingerprinted, refused with a reason."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.tiny_models import save_tiny_model
from transformers import AutoModelForCausalLM

from anytasktune.errors import ModelError
from anytasktune.models.load import choose_device, choose_dtype, fingerprint, inspect_model, load_base, name_of
from anytasktune.schema import BaseModelRef


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_tiny_model(tmp_path / "model")


def test_the_base_is_frozen_and_in_the_asked_precision(folder: Path) -> None:
    base = load_base(str(folder), dtype="bfloat16", device="cpu")
    assert base.model.dtype == torch.bfloat16
    assert not any(parameter.requires_grad for parameter in base.model.parameters())
    assert not base.model.training


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma3"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_it_is_the_model_that_transformers_loads(kind: str, dtype: str, tmp_path: Path) -> None:
    place = save_tiny_model(tmp_path / kind, kind)
    ours = load_base(str(place), dtype=dtype, device="cpu").model
    theirs = AutoModelForCausalLM.from_pretrained(place, dtype=getattr(torch, dtype))
    for mine, other in ((ours.named_parameters(), theirs.named_parameters()), (ours.named_buffers(), theirs.named_buffers())):
        named = dict(other)
        for name, tensor in mine:
            expected = named.pop(name)
            assert tensor.dtype == expected.dtype
            assert torch.equal(tensor, expected), name
        assert not named
    ids = torch.arange(3, 20).unsqueeze(0)
    assert torch.equal(ours(ids).logits, theirs.eval()(ids).logits)
    tied = ours.get_output_embeddings().weight is ours.get_input_embeddings().weight
    assert tied == (theirs.get_output_embeddings().weight is theirs.get_input_embeddings().weight)


def test_weights_under_old_names_are_still_understood(folder: Path) -> None:
    path = folder / "model.safetensors"
    expected = load_base(str(folder), dtype="float32", device="cpu").model
    weights = {name.removeprefix("model."): tensor.clone() for name, tensor in load_file(path).items()}
    save_file(weights, path, metadata={"format": "pt"})
    found = load_base(str(folder), dtype="float32", device="cpu").model
    assert all(torch.equal(a, b) for a, b in zip(found.parameters(), expected.parameters(), strict=True))


def test_a_model_can_be_inspected_without_its_weights(folder: Path) -> None:
    info = inspect_model(str(folder))
    assert (info.ref.hidden_size, info.ref.layers, info.context_length) == (32, 2, 512)
    assert info.ref == load_base(str(folder), device="cpu").ref


def test_the_fingerprint_tells_models_apart_and_ignores_versions(folder: Path, tmp_path: Path) -> None:
    first = fingerprint(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"transformers_version": "9.9"}), encoding="utf-8")
    assert fingerprint(folder) == first
    (folder / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 0.5}), encoding="utf-8")
    assert fingerprint(folder) != first
    assert fingerprint(save_tiny_model(tmp_path / "other", "qwen3")) != first


def test_a_folder_that_is_no_language_model_is_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "no-such-kind"}), encoding="utf-8")
    with pytest.raises(ModelError, match="cannot load the model") as caught:
        load_base(str(folder))
    assert str(folder) in str(caught.value)


def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match="cuda:77"):
        choose_device("cuda:77")
    with pytest.raises(ModelError, match="gpuu"):
        choose_device("gpuu")


def test_float32_is_always_possible() -> None:
    assert choose_dtype("float32", torch.device("cpu")) == "float32"
    assert choose_dtype("bfloat16", torch.device("cpu")) == "bfloat16"


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "nosuch"},
        {"model_type": "t5"},
        {"auto_map": {"AutoConfig": "evil.Config"}, "model_type": "custom"},
        {"vocab_size": 10},
        {"vocab_size": 0},
        {"hidden_size": 0},
        {"hidden_size": 10**9},
        {"hidden_size": "wide"},
        {"num_hidden_layers": 10**9},
        {"num_hidden_layers": -1},
        {"num_hidden_layers": 3},
        {"num_attention_heads": 0},
        {"num_attention_heads": 3},
        {"hidden_act": "nosuch"},
        {"quantization_config": "x"},
        {"rope_parameters": 5},
    ],
    ids=str,
)
def test_a_config_that_does_not_fit_is_refused(folder: Path, change: dict[str, object]) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    (folder / "evil.py").write_text("raise SystemExit", encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        load_base(str(folder), device="cpu")
    assert str(folder) in caught.value.problems[0].where
    assert caught.value.problems[0].fix


@pytest.mark.parametrize(
    "change",
    [{"eos_token": None}, {"eos_token": 5}, {"chat_template": "{% if"}, {"chat_template": 5}],
    ids=str,
)
def test_a_tokenizer_config_that_cannot_be_used_is_refused(folder: Path, change: dict[str, object]) -> None:
    (folder / "chat_template.jinja").unlink()
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        inspect_model(str(folder))
    assert str(folder) in caught.value.problems[0].where


def reference(folder: Path) -> BaseModelRef:
    """What a run records of a base model; the machine then knows its folder."""
    return inspect_model(str(folder)).ref


def test_the_configured_model_keeps_its_name_among_equal_ones(folder: Path, tmp_path: Path) -> None:
    trained_on = reference(folder)
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    assert name_of(trained_on, str(copy)) == str(copy)
    reference(copy)
    assert name_of(trained_on, str(folder)) == str(folder)


def test_a_run_is_led_to_the_folder_it_names_among_equal_ones(folder: Path, tmp_path: Path) -> None:
    trained_on = reference(folder)
    copied_to = Path(shutil.copytree(folder, tmp_path / "copy"))
    other = save_tiny_model(tmp_path / "other", "qwen3")
    reference(copied_to)
    for configured in ("", str(other), "no such model", "org/never-fetched"):
        assert name_of(trained_on, configured) == str(folder)
    shutil.rmtree(folder)
    assert name_of(trained_on) == str(copied_to)
    shutil.rmtree(copied_to)
    assert name_of(trained_on) is None


def test_a_folder_that_holds_another_model_today_is_not_taken_for_the_old_one(folder: Path) -> None:
    trained_on = reference(folder)
    shutil.rmtree(folder)
    save_tiny_model(folder, "qwen3")
    assert name_of(trained_on) is None


def test_a_model_of_a_hub_is_found_by_its_id_or_in_the_configured_folder(folder: Path) -> None:
    fetched = reference(folder).model_copy(update={"name": "org/model", "local": False})
    assert name_of(fetched, "org/other") == "org/model"
    assert name_of(fetched, str(folder)) == str(folder)
