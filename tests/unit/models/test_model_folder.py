"""What a folder must have to be a model."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save, save_file

from anytasktune.errors import ModelError
from anytasktune.models import is_cached, resolve_model
from anytasktune.models.folder import folder_problem


def test_a_folder_with_everything_is_used_as_it_is(model_folder: Path) -> None:
    assert resolve_model(str(model_folder)) == model_folder
    assert is_cached(str(model_folder))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_the_missing_file_is_named(model_folder: Path, name: str) -> None:
    (model_folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name} is missing") as refusal:
        resolve_model(str(model_folder))
    assert refusal.value.problems[0].where == str(model_folder)
    assert not is_cached(str(model_folder))


@pytest.mark.parametrize("names", [("tokenizer.model",), ("vocab.json", "merges.txt")])
def test_a_tokenizer_may_come_in_older_files(model_folder: Path, names: tuple[str, ...]) -> None:
    (model_folder / "tokenizer.json").unlink()
    for name in names:
        (model_folder / name).touch()
    assert resolve_model(str(model_folder)) == model_folder


@pytest.mark.parametrize("name", ["pytorch_model.bin", "consolidated.00.pth", "model.pt", "last.ckpt"])
def test_a_folder_with_pickled_weights_only_is_refused_with_the_reason(model_folder: Path, name: str) -> None:
    (model_folder / "model.safetensors").rename(model_folder / name)
    with pytest.raises(ModelError, match=rf"pickle \({name}\).*can run code"):
        resolve_model(str(model_folder))


def test_a_pickle_beside_safetensors_does_no_harm(model_folder: Path) -> None:
    (model_folder / "pytorch_model.bin").touch()
    assert resolve_model(str(model_folder)) == model_folder


def test_a_pickle_that_holds_no_weights_is_not_taken_for_them(model_folder: Path) -> None:
    (model_folder / "model.safetensors").rename(model_folder / "training_args.bin")
    with pytest.raises(ModelError, match=r"\*\.safetensors is missing"):
        resolve_model(str(model_folder))


def test_a_pickle_named_as_a_file_is_refused(model_folder: Path) -> None:
    pickle = (model_folder / "model.safetensors").rename(model_folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickle of weights is not read"):
        resolve_model(str(pickle))


def test_a_missing_shard_is_named(model_folder: Path) -> None:
    shards = {f"layer.{number}": f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)}
    (model_folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}), encoding="utf-8")
    (model_folder / "model.safetensors").rename(model_folder / "model-00002-of-00003.safetensors")
    with pytest.raises(ModelError, match=r"model-00001-of-00003\.safetensors is missing and 1 more"):
        resolve_model(str(model_folder))


@pytest.mark.parametrize(
    "content", ["[]", "{", '{"weight_map": []}', '{"weight_map": {"a": 5}}', '{"weight_map": {"a": null}}', "[" * 100000]
)
def test_a_damaged_list_of_shards_is_a_model_error(model_folder: Path, content: str) -> None:
    (model_folder / "model.safetensors.index.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match="list of weight files is damaged"):
        resolve_model(str(model_folder))


def test_weights_left_behind_as_a_git_lfs_pointer_are_recognised(model_folder: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (model_folder / "model.safetensors").write_text(pointer, encoding="utf-8")
    with pytest.raises(ModelError, match=r"Git LFS pointer.*git lfs pull"):
        resolve_model(str(model_folder))


def test_an_adapter_is_not_taken_for_a_base_model(model_folder: Path) -> None:
    (model_folder / "config.json").rename(model_folder / "adapter_config.json")
    with pytest.raises(ModelError, match="LoRA adapter, not a base model"):
        resolve_model(str(model_folder))


def test_a_folder_with_a_gguf_file_says_to_name_the_file(model_folder: Path) -> None:
    (model_folder / "config.json").unlink()
    (model_folder / "qwen.gguf").touch()
    with pytest.raises(ModelError, match=r"name the file itself: .*qwen\.gguf"):
        resolve_model(str(model_folder))


@given(shape=st.lists(st.integers(0, 5), max_size=3), cut=st.integers(1, 40))
def test_weights_that_are_whole_pass_and_any_cut_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, shape: list[int], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("weights")
    for name in ("config.json", "tokenizer.json"):
        (folder / name).touch()
    data = save({"a": np.zeros(shape, np.float32), "b": np.ones(3, np.int8)}, metadata={"format": "pt"})
    (folder / "model.safetensors").write_bytes(data)
    assert folder_problem(folder) is None
    (folder / "model.safetensors").write_bytes(data[:-cut])
    assert folder_problem(folder) is not None


@pytest.mark.parametrize(
    "content", [b"", b"1234", b"\xff" * 100, b"\x02\0\0\0\0\0\0\0[]", b"not safetensors at all, but long enough"]
)
def test_other_files_called_safetensors_are_a_model_error(model_folder: Path, content: bytes) -> None:
    (model_folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="not a safetensors file"):
        resolve_model(str(model_folder))


def test_all_shards_are_checked(model_folder: Path) -> None:
    save_file({"b": np.zeros(9)}, model_folder / "model-2.safetensors")
    whole = (model_folder / "model-2.safetensors").read_bytes()
    (model_folder / "model-2.safetensors").write_bytes(whole[:-8])
    with pytest.raises(ModelError, match=f"cut short: {len(whole) - 8} of {len(whole)} bytes"):
        resolve_model(str(model_folder))
