"""Adapters that stock PEFT wrote become Task-LMs with the same answers; what plain LoRA has no equal for is refused."""

import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from tests.tiny_models import save_tiny_model, tiny_model
from tests.tiny_project import quick_settings, write_pool

from anytasktune.errors import ModelError
from anytasktune.models.foreign_adapter import read_foreign_adapter
from anytasktune.models.lora_stack import merged
from anytasktune.pipeline.events import Event, Note
from anytasktune.pipeline.importing_adapters import import_adapter
from anytasktune.pipeline.tuning import evaluate
from anytasktune.pipeline.workspace import Workspace


def save_foreign(folder: Path, **changes: object) -> Path:
    """A random adapter on some layers, as PEFT saves it."""
    torch.manual_seed(3)
    chosen = {"r": 4, "lora_alpha": 6, "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM"} | changes
    model = get_peft_model(tiny_model(), LoraConfig(**chosen))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.normal_(std=0.2)
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("stabilised", [False, True])
def test_the_logits_are_those_of_peft(tmp_path: Path, stabilised: bool) -> None:
    from peft import PeftModel

    folder = save_foreign(tmp_path / "adapter", use_rslora=stabilised)
    ids = torch.arange(5, 25).unsqueeze(0)
    expected = PeftModel.from_pretrained(tiny_model(), folder)(ids).logits
    model = tiny_model()
    with merged(model, read_foreign_adapter(model, folder)), torch.no_grad():
        torch.testing.assert_close(model(ids).logits, expected.detach(), atol=1e-4, rtol=1e-4)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"use_dora": True}, "DoRA magnitudes"),
        ({"rank_pattern": {"q_proj": 2}}, "ranks that differ by layer"),
        ({"modules_to_save": ["lm_head"]}, "whole layers saved"),
        ({"bias": "all"}, "trained biases"),
        ({"target_modules": ["q_proj", "embed_tokens"]}, "an embedding or the head"),
        ({"lora_bias": True}, "trained biases"),
        ({"init_lora_weights": "pissa"}, "base weights that PiSSA changed"),
        ({"init_lora_weights": "olora"}, "base weights that OLoRA changed"),
        ({"trainable_token_indices": [3]}, "trained token embeddings"),
        ({"alora_invocation_tokens": [5, 6]}, "weights that act only after certain tokens"),
    ],
)
def test_adapters_that_are_not_plain_lora_are_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_foreign_adapter(tiny_model(), save_foreign(tmp_path / "adapter", **changes))


def change_config(folder: Path, **changes: object) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def test_a_setting_of_a_later_kind_of_lora_is_refused_by_its_name(tmp_path: Path) -> None:
    folder = save_foreign(tmp_path / "adapter")
    change_config(folder, new_kind_config=None)
    read_foreign_adapter(tiny_model(), folder)
    change_config(folder, new_kind_config={"alpha": 2})
    with pytest.raises(ModelError, match="new_kind_config"):
        read_foreign_adapter(tiny_model(), folder)


def test_an_adapter_without_weights_or_with_half_of_a_pair_is_refused(tmp_path: Path) -> None:
    folder = save_foreign(tmp_path / "adapter")
    weights = load_file(folder / "adapter_model.safetensors")
    some = next(name for name in weights if "lora_B" in name)
    save_file({name: value for name, value in weights.items() if name != some}, folder / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="lora_B is missing"):
        read_foreign_adapter(tiny_model(), folder)
    save_file({}, folder / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="no weights"):
        read_foreign_adapter(tiny_model(), folder)


def test_another_base_model_and_missing_or_damaged_files_are_said(tmp_path: Path) -> None:
    folder = save_foreign(tmp_path / "adapter")
    with pytest.raises(ModelError, match="no linear layer of the base model"):
        read_foreign_adapter(tiny_model("gpt_neox"), folder)
    weights = load_file(folder / "adapter_model.safetensors")
    save_file({name: value[:1] for name, value in weights.items()}, folder / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="does not fit the base model"):
        read_foreign_adapter(tiny_model(), folder)
    (folder / "adapter_model.safetensors").write_bytes(b"cut")
    with pytest.raises(ModelError, match="no readable adapter_model"):
        read_foreign_adapter(tiny_model(), folder)
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelError, match="is missing"):
        read_foreign_adapter(tiny_model(), folder)


def test_an_imported_adapter_is_evaluated_as_a_task_lm(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    folder = save_foreign(tmp_path / "adapter")
    change_config(folder, base_model_name_or_path=str(model))
    workspace = Workspace.open(write_pool(tmp_path / "law"))
    settings = quick_settings(Path("elsewhere"), "dtype=float32", "eval.systems=[base,tuned]")
    events: list[Event] = []
    taken = import_adapter(workspace, folder, "reply", settings=settings, on_event=events.append)
    assert taken.run.imported
    assert (taken.loss >= taken.loss_before) == any(isinstance(event, Note) and "loss" in event.text for event in events)
    report = evaluate(workspace, ("reply",), settings)
    assert [entry.system for entry in report.tasks[0].systems if entry.system in {"base", "tuned"}] == ["base", "tuned"]
    assert import_adapter(workspace, folder, "reply", settings=settings).run.id == taken.run.id
