"""Hugging Face `generate` on our very prompts: left padding, rows of similar length together, adapter merged."""

from collections.abc import Sequence
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedModel


def plain_model(base: Path, adapter: Path, dtype: str, attention: str) -> PreTrainedModel:
    """The tuned model as stock libraries give it, the adapter merged into the weights."""
    model = AutoModelForCausalLM.from_pretrained(base, dtype=getattr(torch, dtype), attn_implementation=attention)
    return PeftModel.from_pretrained(model, adapter).merge_and_unload().eval()


@torch.inference_mode()
def generate_with_hf(
    model: PreTrainedModel, prompts: Sequence[list[int]], batch: int, max_new_tokens: int, ends: Sequence[int]
) -> list[list[int]]:
    """Greedy continuations in the order of the prompts, without the token that ends them."""
    by_length = sorted(range(len(prompts)), key=lambda row: len(prompts[row]))
    config = GenerationConfig(
        max_new_tokens=max_new_tokens, do_sample=False, eos_token_id=list(ends), pad_token_id=ends[0], use_cache=True
    )
    answers: dict[int, list[int]] = {}
    for start in range(0, len(by_length), batch):
        rows = by_length[start : start + batch]
        width = max(len(prompts[row]) for row in rows)
        ids = torch.full((len(rows), width), ends[0])
        mask = torch.zeros_like(ids)
        for place, row in enumerate(rows):
            ids[place, width - len(prompts[row]) :] = torch.tensor(prompts[row])
            mask[place, width - len(prompts[row]) :] = 1
        output = model.generate(input_ids=ids, attention_mask=mask, generation_config=config)
        answers |= {row: _until(output[place, width:].tolist(), ends) for place, row in enumerate(rows)}
    return [answers[row] for row in range(len(prompts))]


def _until(ids: list[int], ends: Sequence[int]) -> list[int]:
    stop = next((place for place, token in enumerate(ids) if token in ends), len(ids))
    return ids[:stop]
