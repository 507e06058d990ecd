"""Adapters that stock PEFT wrote become Task-LMs with the same answers; what plain LoRA has no equal for is refused."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from tests.tiny_models import save_tiny_model, tiny_model
from tests.tiny_project import pool_rows, quick_settings, write_pool

from anytasktune.errors import ModelError
from anytasktune.inference.task_lm import TaskLM
from anytasktune.models.adapter_origin import named_base, origin_of, recorded_fingerprint
from anytasktune.models.foreign_adapter import adapter_folder_of, read_foreign_adapter, read_foreign_config
from anytasktune.models.load import load_base
from anytasktune.models.lora_stack import merged
from anytasktune.pipeline.events import Event, Note
from anytasktune.pipeline.exporting_models import ExportOptions, export_task_lms
from anytasktune.pipeline.importing_adapters import import_adapter
from anytasktune.pipeline.tuning import evaluate, train
from anytasktune.pipeline.workspace import Workspace
from anytasktune.store.run_folder import read_task_lm


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


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"use_rslora": True},
        {"target_modules": "all-linear"},
        {"layers_to_transform": [1]},
        {"rank_pattern": {"q_proj": 7}},
        {"rank_pattern": {"layers.1.self_attn.q_proj": 2, "v_proj": 9}, "use_rslora": True},
        {"alpha_pattern": {"^model.layers.0.self_attn.v_proj": 11, r"layers\.\d+\.self_attn\.v_proj": 3}},
        {"rank_pattern": {"q_proj": 2, "v_proj": 3}, "alpha_pattern": {"v_proj": 5}},
    ],
)
def test_the_logits_are_those_of_peft(tmp_path: Path, changes: dict[str, object]) -> None:
    folder = save_foreign(tmp_path / "adapter", **changes)
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
    with pytest.raises(ModelError, match="safetensors is missing →"):
        read_foreign_adapter(tiny_model(), folder)
    (folder / "adapter_model.bin").write_bytes(b"pickled")
    with pytest.raises(ModelError, match="never opened"):
        read_foreign_adapter(tiny_model(), folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"r": 0}, "above 0"),
        ({"lora_alpha": -1}, "above 0"),
        ({"r": 10**12}, "not \\[1000000000000"),
        ({"rank_pattern": {"q_proj": 3}}, "does not fit"),
        ({"rank_pattern": {"(": 3}}, "patterns of ranks and scales cannot be used"),
        ({"rank_pattern": ["q_proj"]}, "no readable adapter_config.json"),
    ],
)
def test_ranks_and_scales_that_cannot_be_are_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    folder = save_foreign(tmp_path / "adapter")
    change_config(folder, **changes)
    with pytest.raises(ModelError, match=message):
        read_foreign_adapter(tiny_model(), folder)


def test_weights_beside_those_of_lora_are_not_left_out(tmp_path: Path) -> None:
    folder = save_foreign(tmp_path / "adapter")
    weights = load_file(folder / "adapter_model.safetensors")
    name = next(iter(weights)).rpartition(".lora_")[0]
    save_file(weights | {f"{name}.lora_magnitude_vector": torch.ones(32)}, folder / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="magnitude_vector"):
        read_foreign_adapter(tiny_model(), folder)


def test_a_folder_of_checkpoints_names_the_newest(tmp_path: Path) -> None:
    for step, name in enumerate(("v0/checkpoint-9", "v0/checkpoint-10", "last")):
        folder = save_foreign(tmp_path / name)
        os.utime(folder / "adapter_config.json", (step, step))
    with pytest.raises(ModelError, match="in 3 folders below it") as refused:
        read_foreign_config(tmp_path)
    assert refused.value.problems[0].fix.endswith(str(tmp_path / "last"))
    assert adapter_folder_of(tmp_path) == tmp_path
    assert adapter_folder_of(tmp_path / "last") == tmp_path / "last"
    shutil.rmtree(tmp_path / "v0" / "checkpoint-9")
    assert adapter_folder_of(tmp_path / "v0") == tmp_path / "v0" / "checkpoint-10"
    with pytest.raises(ModelError, match=r"there is no adapter_config\.json →"):
        read_foreign_config(tmp_path / "v0" / "checkpoint-9" / "nothing")


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
    assert [caveat.code for caveat in report.tasks[0].caveats if caveat.code.startswith("trained")] == ["trained_elsewhere"]
    assert report.tasks[0].train_seconds is None
    shutil.copytree(folder, tmp_path / "trained" / "checkpoint-7")
    events.clear()
    again = import_adapter(workspace, tmp_path / "trained", "reply", settings=settings, on_event=events.append)
    assert again.run.id == taken.run.id
    assert any(isinstance(event, Note) and event.text.endswith("checkpoint-7") for event in events)


def test_an_imported_label_task_says_how_sure_it_is(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    workspace = Workspace.open(write_pool(tmp_path / "law", (250, 24, 20)))
    settings = quick_settings(model, "dtype=float32")
    taken = import_adapter(workspace, save_foreign(tmp_path / "adapter"), "team", str(model), settings)
    threshold = read_task_lm(taken.folder).thresholds["team"]
    assert threshold.dev_rows == taken.run.dev_rows >= 20


def test_the_answers_of_an_imported_adapter_are_those_of_peft(tmp_path: Path) -> None:
    model, folder = save_tiny_model(tmp_path / "model"), save_foreign(tmp_path / "adapter")
    workspace = Workspace.open(write_pool(tmp_path / "law"))
    taken = import_adapter(workspace, folder, "reply", str(model), quick_settings(model, "dtype=float32"))
    task_lm, rows = TaskLM.load(taken.folder, load_base(str(model), dtype="float32", device="cpu")), pool_rows("reply", 8)
    predictor = task_lm.model()
    predictor = replace(predictor, decoding=predictor.decoding.model_copy(update={"constrained": False}))
    format_, most = task_lm.base.format, predictor.decoding.max_new_tokens
    ends = list(format_.rendering.end_of_turn)
    tuned, expected = PeftModel.from_pretrained(tiny_model(), folder), []
    for row in rows:
        ids = torch.tensor([format_.prompt_ids(predictor.task, row)])
        settings = {"do_sample": False, "max_new_tokens": most, "eos_token_id": ends, "pad_token_id": 0}
        made = tuned.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **settings)[0, ids.shape[1] :].tolist()
        cut = next((place for place, token in enumerate(made) if token in ends), len(made))
        expected.append(format_.decode(made[:cut]))
    answers = [answer.output for answer in predictor.answer(rows)]
    assert len(set(answers)) > 1
    assert answers == expected


def test_an_exported_adapter_comes_back_with_the_same_answers(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    workspace = Workspace.open(write_pool(tmp_path / "law"))
    settings = quick_settings(model, "dtype=float32", "learning_rate=5e-3", "train.epochs=2")
    (own,) = train(workspace, ("reply",), settings, None)
    (exported,) = export_task_lms(workspace, ("reply",), ExportOptions("peft", tmp_path / "out"), settings)
    taken = import_adapter(workspace, exported.folder, "reply", str(model), settings)
    assert taken.loss < taken.loss_before
    base, rows = load_base(str(model), dtype="float32", device="cpu"), pool_rows("reply", 12)
    folder = workspace.project.runs("reply") / own.id / "adapter"
    assert taken.folder != folder
    assert TaskLM.load(taken.folder, base).answer(rows) == TaskLM.load(folder, base).answer(rows)
    other = tmp_path / "other"
    tiny_model(seed=5).save_pretrained(save_tiny_model(other))
    assert recorded_fingerprint(exported.folder) == recorded_fingerprint(folder) == base.ref.fingerprint
    with pytest.raises(ModelError, match="another base model"):
        import_adapter(workspace, exported.folder, "reply", str(other), settings)


def test_reports_and_cards_name_the_program_that_trained(tmp_path: Path) -> None:
    model, folder = save_tiny_model(tmp_path / "model"), save_foreign(tmp_path / "adapter")
    (folder / "README.md").write_text("---\ntags:\n- trl\n- Axolotl\n---\nA card\n", encoding="utf-8")
    state = {"global_step": 70, "epoch": 2.5, "log_history": [{"loss": 2.0}, {"loss": 0.25}, {"eval_loss": 1.0}]}
    (folder / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
    workspace = Workspace.open(write_pool(tmp_path / "law"))
    settings = quick_settings(model, "dtype=float32", "eval.systems=[base,tuned]", "eval.machine_price_per_hour=2")
    first = import_adapter(workspace, folder, "reply", str(model), settings).run
    known = first.trained_elsewhere
    assert known is not None
    assert (known.program, known.steps, known.epochs, known.final_train_loss, known.adapted_layers) == (
        "Axolotl",
        70,
        2.5,
        0.25,
        4,
    )
    (task,) = evaluate(workspace, ("reply",), settings).tasks
    assert {caveat.code: caveat.values for caveat in task.caveats}["trained_elsewhere_with"]["program"] == "Axolotl"
    assert not task.break_even
    change_config(folder, lora_alpha=7)
    second = import_adapter(workspace, folder, "reply", str(model), settings).run
    assert second.id != first.id
    (exported,) = export_task_lms(workspace, ("reply",), ExportOptions("peft", tmp_path / "out"), settings)
    card, karte = ((exported.folder / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md"))
    assert "trained with Axolotl and imported" in card
    assert "It learned for 70 steps. The last training loss in its log is 0.250." in card
    assert "由 Axolotl 训练后导入" in karte
    assert "共训练 70 步" in karte
    assert "No report has measured this Task-LM" in card  # the report measured the first one


@pytest.mark.parametrize(
    "state", ["", "[]", "{", '{"global_step": "9", "log_history": 3}', '{"epoch": NaN, "log_history": [1, {"loss": "x"}]}']
)
@pytest.mark.parametrize("card", ["", "---\n: [\n---\n", "---\ntags: trl\n---\n", "---\n- 1\n---\n"])
def test_unreadable_files_of_a_trainer_tell_nothing(tmp_path: Path, state: str, card: str) -> None:
    (tmp_path / "adapter_model.safetensors").write_bytes(b"weights")
    (tmp_path / "trainer_state.json").write_text(state, encoding="utf-8")
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    known = origin_of(tmp_path, {}, 3)
    assert (known.program, known.steps, known.epochs, known.final_train_loss, known.base_model) == ("", None, None, None, "")


@pytest.mark.parametrize("name", ["unsloth/Qwen3-4B-bnb-4bit", "Qwen/Qwen3-8B-AWQ", "org/some_8bit", r"C:\\models\\x-int4"])
def test_a_quantised_base_model_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="quantised"):
        named_base({"base_model_name_or_path": name}, tmp_path)
    assert named_base({"base_model_name_or_path": "org/abnb-4b"}, tmp_path) == "org/abnb-4b"
    assert named_base({"base_model_name_or_path": None}, tmp_path) == ""
