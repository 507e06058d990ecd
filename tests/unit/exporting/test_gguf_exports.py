"""GGUF files answer in llama.cpp as the Task-LM does; broken ones are caught, and the stage that broke is named."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import gguf
import pytest
from tests.tiny_models import save_tiny_model
from tests.tiny_project import team_rows
from tests.unit.exporting.test_imported_adapters import save_foreign
from tests.unit.exporting.untrained import save_model, source_of

from anytasktune.errors import ExportError
from anytasktune.exporting.export_source import ExportSource, write_companions
from anytasktune.exporting.gguf_files import write_adapter, write_model
from anytasktune.exporting.modelfile import rendered_by_modelfile
from anytasktune.exporting.parity import compare_with_golden
from anytasktune.exporting.run_copy import answers_of_llama_cpp, can_run
from anytasktune.exporting.write_export import Form, write_export
from anytasktune.inference.golden_prompts import golden_prompts
from anytasktune.models.foreign_adapter import read_foreign_adapter
from anytasktune.schema import ParityResult

needs_llama_cpp = pytest.mark.skipif(not can_run("xllamacpp"), reason="llama.cpp is run by the package xllamacpp")


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> ExportSource:
    return source_of(save_model(tmp_path_factory.mktemp("llama"), "llama"))


def checked(source: ExportSource, folder: Path, model: Path, adapter: Path | None = None) -> ParityResult:
    copy_answers = answers_of_llama_cpp(folder, model, adapter)
    return compare_with_golden(source.task, source.golden, copy_answers, "f16", "llama.cpp", scored=False)


@needs_llama_cpp
@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
def test_merged_weights_answer_the_same(kind: str, tmp_path: Path) -> None:
    source = source_of(save_model(tmp_path / "model", kind))
    facts = write_export(source, "gguf", "f16", tmp_path)
    assert facts.parity is not None
    assert facts.parity.ok, facts.parity.first_difference
    assert (facts.parity.same_top_five, facts.parity.largest_shift < 0.01) == (4, True)


@needs_llama_cpp
def test_base_and_adapter_apart_answer_the_same(llama: ExportSource, tmp_path: Path) -> None:
    base = tmp_path / "base.gguf"
    write_model(llama, base, "f16", with_adapter=False)
    facts = write_export(llama, "gguf-lora", None, tmp_path, base)
    assert facts.parity is not None
    assert facts.parity.ok, facts.parity.first_difference
    assert "--lora reply-lora.gguf" in facts.usage


@needs_llama_cpp
def test_eight_bits_keep_first_token_and_score(llama: ExportSource, tmp_path: Path) -> None:
    parity = write_export(llama, "gguf", "q8_0", tmp_path).parity
    assert parity is not None
    assert parity.ok, parity.first_difference
    assert parity.largest_shift > 1e-3


def without_permutation(model: Path) -> None:
    reader = gguf.GGUFReader(model, "r+")
    for tensor in reader.tensors:
        if tensor.name.endswith("attn_q.weight"):
            rows = tensor.data
            rows[:] = rows.reshape(4, -1, 2, rows.shape[-1]).swapaxes(1, 2).reshape(rows.shape).copy()
    reader.data.flush()


def with_value(file: Path, key: str, value: float) -> None:
    reader = gguf.GGUFReader(file, "r+")
    field = reader.fields[key]
    field.parts[field.data[0]][0] = value
    reader.data.flush()


def other_template(model: Path) -> None:
    reader = gguf.GGUFReader(model, "r+")
    field = reader.fields["tokenizer.chat_template"]
    text = field.parts[field.data[0]]
    text[:] = list(bytes(text).replace(b"'content'", b"'role'   "))
    reader.data.flush()


@needs_llama_cpp
@pytest.mark.parametrize(
    ("break_it", "stage"),
    [
        (without_permutation, "first token"),
        (other_template, "text"),
        (lambda model: with_value(model, "llama.rope.freq_base", 100.0), "first token"),
    ],
)
def test_a_broken_model_fails_by_the_name_of_the_link(
    llama: ExportSource, tmp_path: Path, break_it: Callable[[Path], None], stage: str
) -> None:
    model = tmp_path / "model.gguf"
    write_companions(llama, tmp_path)
    write_model(llama, model, "f16")
    break_it(model)
    assert checked(llama, tmp_path, model).first_difference.startswith(f"golden prompt 1: {stage}: ")


@needs_llama_cpp
def test_a_doubled_alpha_fails_at_the_first_token(llama: ExportSource, tmp_path: Path) -> None:
    model, adapter = tmp_path / "base.gguf", tmp_path / "lora.gguf"
    write_companions(llama, tmp_path)
    write_model(llama, model, "f16", with_adapter=False)
    write_adapter(llama, adapter, "f32")
    with_value(adapter, "adapter.lora.alpha", 2 * llama.task_lm.adapter.spec.alpha)
    assert checked(llama, tmp_path, model, adapter).differing == {"first token": 4}


@needs_llama_cpp
def test_the_scale_of_rank_stabilised_lora_is_converted_for_llama_cpp(llama: ExportSource, tmp_path: Path) -> None:
    foreign = save_foreign(tmp_path / "foreign", use_rslora=True)  # scaled by alpha / sqrt(r); llama.cpp divides by r
    task_lm = replace(llama.task_lm, adapter=read_foreign_adapter(llama.task_lm.base.model, foreign))
    prompts = golden_prompts(task_lm.model(), team_rows(4))
    source = replace(llama, task_lm=task_lm, golden=llama.golden.model_copy(update={"prompts": prompts}))
    base, adapter = tmp_path / "base.gguf", tmp_path / "out" / "reply-lora.gguf"
    write_model(source, base, "f16", with_adapter=False)
    facts = write_export(source, "gguf-lora", None, tmp_path / "out", base)
    assert facts.parity is not None
    assert facts.parity.ok, facts.parity.first_difference
    with_value(adapter, "adapter.lora.alpha", 6.0)  # as it stands in its adapter_config.json
    assert checked(source, tmp_path / "out", base, adapter).first_difference.startswith("golden prompt 1: first token: ")


@needs_llama_cpp
def test_a_wrong_stop_token_fails_at_the_answer(tmp_path: Path) -> None:
    source = source_of(save_model(tmp_path / "model", "qwen3", unusual_stop=True), stops=True)
    assert source.golden.prompts[0].generated.ids == []
    write_companions(source, tmp_path)
    model = tmp_path / "model.gguf"
    write_model(source, model, "f16")
    assert checked(source, tmp_path, model).ok
    with_value(model, "tokenizer.ggml.eos_token_id", 5)
    found = checked(source, tmp_path, model)
    assert found.first_difference.startswith("golden prompt 1: answer: ")
    assert "where it must end" in found.first_difference


@pytest.mark.parametrize("form", ["gguf", "gguf-lora"])
def test_an_architecture_that_is_not_written_is_refused_with_llama_cpps_script(form: Form, tmp_path: Path) -> None:
    source = source_of(save_tiny_model(tmp_path / "model", "gemma3"))
    with pytest.raises(ExportError, match="gemma3_text") as caught:
        write_export(source, form, None, tmp_path)
    assert "convert_hf_to_gguf.py" in caught.value.problems[0].fix


@needs_llama_cpp
def test_a_modelfile_renders_the_prompt_that_was_trained(llama: ExportSource, tmp_path: Path) -> None:
    facts = write_export(llama, "ollama", None, tmp_path)
    assert facts.parity is not None
    assert facts.parity.ok, facts.parity.first_difference
    text = (tmp_path / "Modelfile").read_text(encoding="utf-8")
    for line in ("FROM ./reply-f16.gguf", 'PARAMETER stop "<|im_end|>"', "PARAMETER temperature 0", "PARAMETER num_ctx 512"):
        assert line in text.splitlines()
    assert 'SYSTEM """重复第一个词。"""' in (tmp_path / "Modelfile.zh").read_text(encoding="utf-8")
    (tmp_path / "Modelfile").write_text(text.replace("{{ .System }}", "You are helpful."), encoding="utf-8")
    copy_answers = answers_of_llama_cpp(tmp_path, tmp_path / "reply-f16.gguf", None)
    rendered = [rendered_by_modelfile(llama, prompt, tmp_path) for prompt in llama.golden.prompts]
    changed = [found.model_copy(update={"text": words}) for found, words in zip(copy_answers, rendered, strict=True)]
    found = compare_with_golden(llama.task, llama.golden, changed, "f16", "llama.cpp", scored=False)
    assert "text: the chat template renders another prompt from 'Repeat" in found.first_difference
