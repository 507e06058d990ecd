"""Names of models, right and wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from anytasktune.errors import ModelError
from anytasktune.models import is_cached, list_models, resolve_model
from anytasktune.models.catalog import CATALOG, DEFAULT_MODEL, nearest_names

HEAVY = ("torch", "transformers", "huggingface_hub", "modelscope", "gguf")


@pytest.fixture(autouse=True)
def an_empty_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("smollm2", "smollm2-135m"),
        ("SmolLM2-135M", "smollm2-135m"),
        ("SmolLM2-135M-Instruct", "smollm2-135m"),
        ("qwen3-0.6b", "Qwen/Qwen3-0.6B"),
        ("Qwen3-4B", "Qwen/Qwen3-4B"),
        ("modelscope:qwen3-1.7b", "Qwen/Qwen3-1.7B"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest_right_one(name: str, meant: str) -> None:
    with pytest.raises(ModelError, match=f"did you mean {meant}"):
        resolve_model(name)


def test_every_right_name_is_its_own_nearest() -> None:
    assert all(nearest_names(entry.name)[0] == entry.name for entry in CATALOG)


@pytest.mark.parametrize("name", ["", "   ", "gpt", "模型", "a b", "x\0y", "a" * 5000, "org/--"])
def test_an_unknown_name_is_answered_with_all_the_ways_to_name_a_model(name: str) -> None:
    with pytest.raises(ModelError, match=r"no model is called .*a model can be named as"):
        resolve_model(name)
    assert not is_cached(name)


@pytest.mark.parametrize(
    "name",
    ["./model", "../model", "/nowhere/model", "~nobody-here/m", "a/b/c", "org/name/", "C:\\m", "D:/m", "x.gguf", "a/x.GGUF"],
)
def test_names_that_look_like_paths_are_not_sent_to_a_hub(name: str) -> None:
    with pytest.raises(ModelError, match="there is no such folder or file"):
        resolve_model(name)
    assert not is_cached(name)


def test_a_misspelt_path_is_answered_with_the_nearest_one_beside_it(an_empty_working_folder: Path) -> None:
    (an_empty_working_folder / "qwen-医疗").mkdir()
    with pytest.raises(ModelError, match="did you mean qwen-医疗"):
        resolve_model("./qwen-医聊")


def test_a_gguf_file_is_found_before_any_other_meaning_of_its_name(tiny_gguf: Path) -> None:
    assert is_cached(str(tiny_gguf))
    assert (resolve_model(str(tiny_gguf)) / "config.json").is_file()


def test_a_file_of_another_kind_is_refused(an_empty_working_folder: Path) -> None:
    (an_empty_working_folder / "model.onnx").touch()
    with pytest.raises(ModelError, match=r"a model is a folder or a \.gguf file"):
        resolve_model("model.onnx")


def test_an_unknown_hub_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYTASKTUNE_HUB", "modelscop")
    with pytest.raises(ModelError, match="ANYTASKTUNE_HUB is 'modelscop' → set it to huggingface or modelscope"):
        resolve_model("Qwen/Qwen3-0.6B")


def test_the_list_begins_with_the_default_and_has_a_choice_for_chinese() -> None:
    listed = list_models()
    default, cached = listed[0]
    assert default.name == DEFAULT_MODEL
    assert default.languages == ("en",)
    assert not cached
    assert any("zh" in model.languages for model, _ in listed)
    assert {model.licence for model, _ in listed} == {"Apache-2.0"}


def test_importing_the_room_loads_no_heavy_library() -> None:
    code = f"import sys, anytasktune.models; assert not set({HEAVY}) & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
