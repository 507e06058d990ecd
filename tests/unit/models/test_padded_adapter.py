"""An adapter with a higher rank computes the same; programs that take only certain ranks get one of these."""

from pathlib import Path

import pytest
import torch
from tests.tiny_models import tiny_model

from anytasktune.errors import ModelError
from anytasktune.models.lora import Adapter, LoraSpec
from anytasktune.models.padded_adapter import VLLM_RANKS, rank_of, vllm_rank, write_padded


@pytest.mark.parametrize(("rank", "taken"), [(1, 1), (3, 8), (8, 8), (9, 16), (200, 256), (512, 512)])
def test_the_next_rank_that_vllm_takes_is_chosen(rank: int, taken: int) -> None:
    assert vllm_rank(rank) == taken
    assert taken in VLLM_RANKS


def test_a_rank_above_all_is_refused_with_what_to_do() -> None:
    with pytest.raises(ModelError, match="up to rank 512, not 513") as error:
        vllm_rank(513)
    assert "--to merged" in error.value.problems[0].fix


def test_a_padded_adapter_adds_the_same_to_every_layer(tmp_path: Path) -> None:
    model = tiny_model()
    adapter = Adapter(model, LoraSpec(3, 4.5))
    torch.manual_seed(0)
    with torch.no_grad():
        adapter.flat.normal_()
    source = tmp_path / "trained"
    source.mkdir()
    adapter.save(source, "tiny")
    write_padded(source, tmp_path / "padded", 8)
    padded = Adapter.load(model, tmp_path / "padded")
    assert (rank_of(tmp_path / "padded"), padded.spec.scale) == (8, adapter.spec.scale)
    for name, (a, b) in adapter.weights.items():
        wide_a, wide_b = padded.weights[name]
        assert torch.allclose(wide_b @ wide_a * padded.spec.scale, b @ a * adapter.spec.scale, atol=1e-5)


def test_a_broken_adapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no readable adapter_config"):
        write_padded(tmp_path, tmp_path / "out", 8)
