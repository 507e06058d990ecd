"""Logits at chosen positions are the model's own."""

import pytest
import torch
from tests.tiny_models import tiny_model
from transformers import Gemma2Config, Gemma2ForCausalLM

from anytasktune.models.head import logits_at

IDS = torch.tensor([[5, 6, 7, 8]])


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma3"])
def test_equal_to_the_models_own_logits(kind: str) -> None:
    model = tiny_model(kind)
    hidden = model.base_model(IDS).last_hidden_state[0]
    assert torch.allclose(logits_at(model, hidden), model(IDS).logits[0], atol=1e-6)


def test_soft_caps_are_kept() -> None:
    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=64, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, final_logit_softcapping=0.5, pad_token_id=0, bos_token_id=None, eos_token_id=1,
    )  # fmt: skip
    model = Gemma2ForCausalLM(config).eval()
    hidden = model.base_model(IDS).last_hidden_state[0]
    assert torch.allclose(logits_at(model, hidden), model(IDS).logits[0], atol=1e-6)
