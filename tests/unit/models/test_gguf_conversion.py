"""What becomes of a `.gguf` file."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.limits import files_up_to

from anytasktune.errors import ModelError, StoreError
from anytasktune.models.gguf import convert_gguf, converted_folder, gguf_hash


def test_a_gguf_file_becomes_a_folder_that_transformers_loads_with_its_chat_template(tiny_gguf: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = convert_gguf(tiny_gguf)
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer.apply_chat_template([{"role": "user", "content": "three 三"}], return_tensors="pt")["input_ids"]
    assert model.dtype == torch.bfloat16
    assert model(ids).logits.shape == (1, ids.shape[1], 260)
    assert tokenizer.decode(ids[0]) == "<|im_start|>user\nthree 三<|im_end|>\n"
    assert tokenizer.eos_token == "<|im_end|>"


def test_the_dequantised_weights_are_those_of_the_file(tiny_gguf: Path) -> None:
    import gguf
    import torch
    from safetensors.torch import load_file

    weights = load_file(convert_gguf(tiny_gguf) / "model.safetensors")
    stored = {tensor.name: torch.tensor(tensor.data.copy()) for tensor in gguf.GGUFReader(tiny_gguf).tensors}
    assert torch.equal(weights["model.embed_tokens.weight"], stored["token_embd.weight"].bfloat16())
    assert torch.equal(weights["model.layers.1.mlp.up_proj.weight"], stored["blk.1.ffn_up.weight"].bfloat16())


def test_a_renamed_copy_is_not_converted_again(tiny_gguf: Path, tmp_path: Path) -> None:
    folder = convert_gguf(tiny_gguf)
    made = (folder / "model.safetensors").stat().st_mtime_ns
    assert convert_gguf(Path(shutil.copy(tiny_gguf, tmp_path / "copy.gguf"))) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == made


def test_converting_says_nothing_on_the_terminal(tiny_gguf: Path, capfd: pytest.CaptureFixture[str]) -> None:
    convert_gguf(tiny_gguf)
    assert capfd.readouterr() == ("", "")


def test_a_damaged_conversion_is_made_again(tiny_gguf: Path) -> None:
    folder = convert_gguf(tiny_gguf)
    (folder / "tokenizer.json").unlink()
    assert (convert_gguf(tiny_gguf) / "tokenizer.json").is_file()


def test_drafts_of_killed_conversions_are_removed_after_a_day_and_younger_ones_left_alone(tiny_gguf: Path, cache: Path) -> None:
    old, young = cache / "gguf" / ".draft-old", cache / "gguf" / ".draft-young"
    for draft in (old, young):
        draft.mkdir(parents=True)
    two_days_ago = time.time() - 2 * 86400
    os.utime(old, (two_days_ago, two_days_ago))
    convert_gguf(tiny_gguf)
    assert not old.exists()
    assert young.exists()


@pytest.mark.parametrize("kept", [10, 300, 5000, -100])
def test_a_file_cut_short_is_a_model_error_and_leaves_nothing(tiny_gguf: Path, tmp_path: Path, cache: Path, kept: int) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(tiny_gguf.read_bytes()[:kept])
    with pytest.raises(ModelError, match="cannot be converted"):
        convert_gguf(broken)
    assert list((cache / "gguf").iterdir()) == []


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.gguf").write_text("<html>not found</html>", encoding="utf-8")
    with pytest.raises(ModelError, match="not a GGUF file"):
        convert_gguf(tmp_path / "page.gguf")


def test_an_architecture_that_cannot_be_converted_is_a_model_error(gguf_writer: Callable[..., None], tmp_path: Path) -> None:
    gguf_writer(tmp_path / "odd.gguf", architecture="rwkv6")
    with pytest.raises(ModelError, match="rwkv6"):
        convert_gguf(tmp_path / "odd.gguf")


def test_missing_weights_are_not_initialised(gguf_writer: Callable[..., None], tmp_path: Path, cache: Path) -> None:
    gguf_writer(tmp_path / "holes.gguf", without="blk.1.ffn_up.weight")
    with pytest.raises(ModelError, match=r"model\.layers\.1\.mlp\.up_proj\.weight is missing"):
        convert_gguf(tmp_path / "holes.gguf")
    assert list((cache / "gguf").iterdir()) == []


@pytest.mark.parametrize("size", [1000, 8000])
def test_a_write_that_fails_half_way_is_a_store_error_and_leaves_nothing(tiny_gguf: Path, cache: Path, size: int) -> None:
    with files_up_to(size), pytest.raises(StoreError, match=r"a model cannot be stored.*set ANYTASKTUNE_CACHE"):
        convert_gguf(tiny_gguf)
    assert list((cache / "gguf").iterdir()) == []


def test_a_conversion_is_kept_under_the_hash_of_its_file(tiny_gguf: Path, cache: Path) -> None:
    assert converted_folder(gguf_hash(tiny_gguf)) == convert_gguf(tiny_gguf)
    assert convert_gguf(tiny_gguf).parent == cache / "gguf"
