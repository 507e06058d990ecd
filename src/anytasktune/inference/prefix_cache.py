"""Prompts of one task as one shared prefix and many suffixes; the prefix's keys and values are computed once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from anytasktune.chat import shared_prefix
from anytasktune.models.kv_cache import KVCache, read, read_prefix, read_rows
from anytasktune.models.packed import PACKED, attending


@dataclass(frozen=True)
class PromptSet:
    """Prompts cut at their common prefix: `prefix + suffixes[i]` is prompt i."""

    prefix: list[int]
    suffixes: list[list[int]]

    @classmethod
    def of(cls, prompts: Sequence[list[int]]) -> "PromptSet":
        cut = shared_prefix(prompts)
        return cls(list(prompts[0][:cut]) if prompts else [], [prompt[cut:] for prompt in prompts])


class PrefixedModel:
    """A model that has already read the prefix. It must be one that `packs_rows`."""

    def __init__(self, model: PreTrainedModel, prefix: list[int]) -> None:
        self.model = model
        self.device = next(model.parameters()).device
        self.length = len(prefix)
        with torch.inference_mode(), attending(model, PACKED):
            self._states = read_prefix(model, prefix)

    @classmethod
    def reading(cls, model: PreTrainedModel, prompts: Sequence[list[int]]) -> tuple["PrefixedModel", PromptSet]:
        """The model with what `prompts` share already read, and the prompts cut accordingly."""
        parts = PromptSet.of(prompts)
        return cls(model, parts.prefix), parts

    def start(self, suffixes: Sequence[list[int]]) -> tuple[KVCache, torch.Tensor]:
        """Read suffixes: a cache to go on from, and the hidden states [b, h] of their last tokens."""
        return read_rows(self.model, self._states, self.length, suffixes)

    def read(
        self, cache: KVCache, ids: torch.Tensor, positions: torch.Tensor, visible: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Hidden states [b, n, h] of new tokens [b, n]; see `models.row_cache.read`."""
        return read(self.model, cache, ids, positions, visible)


def length_batches(lengths: Sequence[int], max_tokens: int) -> Iterator[list[int]]:
    """Indices in batches of similar length, each rectangle at most `max_tokens` (one row may exceed it)."""
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    batch: list[int] = []
    for index in order:
        if batch and (len(batch) + 1) * lengths[index] > max_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
