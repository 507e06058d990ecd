"""Exported PEFT and merged folders answer, with stock transformers and PEFT, as the Task-LM does."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.exporting.untrained import save_model, source_of

from anytasktune.errors import AnyTaskTuneError, ExportError
from anytasktune.exporting.write_export import write_export
from anytasktune.pipeline.exporting_models import ExportOptions, export_task_lms, number_format
from anytasktune.pipeline.workspace import Workspace


def test_a_peft_folder_scores_labels_as_the_adapter_does(law: Workspace, tmp_path: Path) -> None:
    (made,) = export_task_lms(law, ("team",), ExportOptions("peft", tmp_path))
    parity = made.facts.parity
    assert parity is not None
    assert (parity.ok, parity.rows, parity.same_top_five) == (True, 3, 3)
    assert made.has_head
    base = json.loads((made.folder / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
    assert (Path(base) / "config.json").exists()
    for card, words in (("README.md", "label head that is not in this folder"), ("README.zh.md", "标签头不在此文件夹中")):
        text = (made.folder / card).read_text(encoding="utf-8")
        assert words in text
        assert "**tuned**" in text, "the report's scores"


def test_merged_weights_generate_what_the_task_lm_generates(law: Workspace, tmp_path: Path) -> None:
    (made,) = export_task_lms(law, ("reply",), ExportOptions("merged", tmp_path))
    assert made.facts.parity is not None
    assert (made.facts.parity.ok, made.facts.number_format) == (True, "f32")
    assert "No report has measured this Task-LM" in (made.folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("haste", ExportOptions("peft", Path()), "no Task-LM yet"),
        ("team", ExportOptions("peft", Path(), number_format="q8_0"), "an adapter is exported as it was trained"),
        ("team", ExportOptions("merged", Path(), number_format="q8_0"), "cannot be q8_0"),
        ("team", ExportOptions("peft", Path(), system="mixed"), "no Task-LM yet"),
    ],
)
def test_an_export_that_cannot_be_made_is_refused(
    law: Workspace, tmp_path: Path, task: str, options: ExportOptions, message: str
) -> None:
    with pytest.raises(AnyTaskTuneError, match=message):
        export_task_lms(law, (task,), replace(options, out=tmp_path))


def test_number_formats_of_llama_cpp_are_answered_with_its_command() -> None:
    assert number_format("Q8_0", "gguf") == "q8_0"
    with pytest.raises(ExportError) as caught:
        number_format("Q4_K_M", "gguf")
    assert caught.value.problems[0].fix.endswith("llama-quantize TASK-f16.gguf TASK-q4_k_m.gguf Q4_K_M")
    with pytest.raises(ExportError, match="no number format"):
        number_format("q4_k_m", "merged")


def test_an_adapter_for_vllm_has_a_rank_it_takes_and_answers_the_same(tmp_path: Path) -> None:
    source = source_of(save_model(tmp_path / "model", "llama"), rank=5)
    facts = write_export(source, "vllm", None, tmp_path)
    assert facts.parity is not None
    assert facts.parity.ok, facts.parity.first_difference
    config = json.loads((tmp_path / "adapter_config.json").read_text(encoding="utf-8"))
    assert (config["r"], config["lora_alpha"]) == (8, 16.0)
    assert "--enable-lora --max-lora-rank 8 --lora-modules" in facts.usage
