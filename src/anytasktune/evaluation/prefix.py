"""Prompts of one task as one shared prefix and many suffixes; the prefix's keys and values are computed once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache, DynamicLayer

from anytasktune.chat import shared_prefix
from anytasktune.models.head import shares_prefix


@dataclass(frozen=True)
class PromptSet:
    """Prompts cut at their common prefix: `prefix + suffixes[i]` is prompt i."""

    prefix: list[int]
    suffixes: list[list[int]]

    @classmethod
    def of(cls, prompts: Sequence[list[int]], *, share: bool = True) -> "PromptSet":
        cut = shared_prefix(prompts) if share else 0
        return cls(list(prompts[0][:cut]) if prompts else [], [prompt[cut:] for prompt in prompts])


class PrefixedModel:
    """A model that has already read the prefix."""

    def __init__(self, model: PreTrainedModel, prefix: list[int]) -> None:
        self.model = model
        self.device = next(model.parameters()).device
        self.length = len(prefix)
        cache = DynamicCache()
        if prefix:
            with torch.inference_mode():
                model.base_model(torch.tensor([prefix], device=self.device), past_key_values=cache, use_cache=True)
        self._layers = [(layer.keys, layer.values) for layer in cache.layers]

    @classmethod
    def reading(cls, model: PreTrainedModel, prompts: Sequence[list[int]]) -> tuple["PrefixedModel", PromptSet]:
        """The model with what `prompts` share already read, and the prompts cut accordingly."""
        parts = PromptSet.of(prompts, share=shares_prefix(model))
        return cls(model, parts.prefix), parts

    def cache(self, batch: int, room: int) -> DynamicCache:
        """A cache for `batch` rows holding the prefix, with room for `room` more tokens."""
        cache = DynamicCache() if self._layers else DynamicCache(config=self.model.config)
        for keys, values in self._layers:
            cache.layers.append(RoomyLayer.holding(keys, values, batch, room))
        return cache


class RoomyLayer(DynamicLayer):
    """A cache layer with its memory taken beforehand: a new token costs its own bytes, not a copy of all before it."""

    room_keys: torch.Tensor
    room_values: torch.Tensor

    @classmethod
    def holding(cls, keys: torch.Tensor, values: torch.Tensor, batch: int, room: int) -> "RoomyLayer":
        """A layer with the prefix [1, heads, P, width] written once per row."""
        layer = cls()
        layer.lazy_initialization(keys, values)
        layer.room_keys, layer.room_values = (_with_room(states, batch, room) for states in (keys, values))
        layer._show(keys.shape[-2])
        return layer

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: object, **__: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the new states behind the old ones; returns views of all of them."""
        start = self.keys.shape[-2]
        end = start + key_states.shape[-2]
        self.room_keys[:, :, start:end] = key_states
        self.room_values[:, :, start:end] = value_states
        self._show(end)
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep only some rows."""
        length = self.keys.shape[-2]
        self.room_keys, self.room_values = self.room_keys[indices], self.room_values[indices]
        self._show(length)

    def _show(self, length: int) -> None:
        self.keys, self.values = self.room_keys[:, :, :length], self.room_values[:, :, :length]


def _with_room(states: torch.Tensor, batch: int, room: int) -> torch.Tensor:
    _, heads, length, width = states.shape
    memory = states.new_empty(batch, heads, length + room, width)
    memory[:, :, :length] = states
    return memory


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


@dataclass(frozen=True)
class Rectangle:
    """Suffixes padded on the left, so that all end at the same column.

    Attributes:
        ids: [b, S]; positions: [b, S] as if there were no padding; real: [b, S] False at padding.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    real: torch.Tensor


def left_padded(suffixes: Sequence[list[int]], prefix: int, device: torch.device) -> Rectangle:
    """A rectangle of suffixes that follow a prefix of length `prefix`."""
    width = max(len(suffix) for suffix in suffixes)
    ids = torch.zeros(len(suffixes), width, dtype=torch.long)
    real = torch.zeros(len(suffixes), width, dtype=torch.bool)
    for row, suffix in enumerate(suffixes):
        ids[row, width - len(suffix) :] = torch.tensor(suffix)
        real[row, width - len(suffix) :] = True
    positions = (real.long().cumsum(1) - 1).clamp(min=0) + prefix
    return Rectangle(ids.to(device), positions.to(device), real.to(device))
