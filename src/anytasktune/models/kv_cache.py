"""Keys and values of many rows that follow one prefix: the prefix' once, each row's own in memory allocated beforehand.

A new token costs its own bytes and one read of the shared prefix; nothing is copied per row or per step, as it is
where every row carries the whole prompt in its cache.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import AttentionInterface, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface

from anytasktune.models.packed import (
    PACKED,
    KeptPrefix,
    Layout,
    ScoreRule,
    Section,
    attending,
    blocks_of,
    mixed,
    no_mask,
    products,
)
from anytasktune.models.trunk import has_usual_shape, stream_states, trunk_states, window_of

ROW_CACHE = "anytasktune_row_cache"
_GROWTH = 64


@dataclass
class KVCache:
    """Keys and values of the rows of a batch so far.

    Attributes:
        prefix: states of the shared prefix; its `length` may be 0.
        positions: [b, places] position of each own key; a padding or a place not yet written has -1.
        used: places written.
    """

    prefix: KeptPrefix
    length: int
    positions: torch.Tensor
    used: int = 0
    _own: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)

    @classmethod
    def empty(cls, prefix: KeptPrefix, length: int, rows: int, device: torch.device) -> "KVCache":
        """A cache for `rows` rows."""
        return cls(prefix, length, torch.full((rows, 0), -1, device=device))

    def make_room(self, positions: torch.Tensor) -> None:
        """Note the positions [b, n] of tokens that are about to be read."""
        end = self.used + positions.shape[1]
        if end > self.positions.shape[1]:
            # in large steps: products over whole matrices, some places of which are still empty, need no copies
            grown = self.positions.new_full((len(positions), math.ceil(end / _GROWTH) * _GROWTH), -1)
            grown[:, : self.used] = self.positions[:, : self.used]
            self.positions = grown
        self.positions[:, self.used : end] = positions

    def own(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the states [groups, b, n, d] of new tokens; returns all own states [groups, b, places, d]."""
        memory = self._own.get(layer)
        if memory is None or memory[0].shape[2] < self.positions.shape[1]:
            old = (None, None) if memory is None else memory
            memory = self._own[layer] = self._grown(old[0], keys), self._grown(old[1], values)
        for whole, states in zip(memory, (keys, values), strict=True):
            whole[:, :, self.used : self.used + states.shape[2]] = states
        return memory

    def _grown(self, memory: torch.Tensor | None, states: torch.Tensor) -> torch.Tensor:
        groups, rows, _, width = states.shape
        grown = states.new_zeros(groups, rows, self.positions.shape[1], width)
        if memory is not None:
            grown[:, :, : self.used] = memory[:, :, : self.used]
        return grown

    def keep(self, rows: torch.Tensor) -> None:
        """Keep only some rows."""
        self.positions = self.positions[rows]
        self._own = {layer: (keys[:, rows], values[:, rows]) for layer, (keys, values) in self._own.items()}


@dataclass(frozen=True)
class Reading:
    """One forward pass over new tokens of a cache's rows.

    Attributes:
        positions: [b, n] of the new tokens; -1 for padding.
        visible: [n, n] which new token attends to which, or [b, n, used + n] to which own key; None: to itself and all before.
    """

    cache: KVCache
    positions: torch.Tensor
    visible: torch.Tensor | None = None
    _hidden: dict[int | None, tuple[torch.Tensor, torch.Tensor | None]] = field(default_factory=dict)

    def hidden(self, window: int | None) -> tuple[torch.Tensor, torch.Tensor | None]:
        """True where a new token must not attend: own keys [b, n, places]; the prefix' [b, n, P], if a window hides some."""
        if window not in self._hidden:
            prefix = None
            if window is not None and self.cache.length:
                keys = torch.arange(self.cache.length, device=self.positions.device)
                prefix = keys <= self.positions.unsqueeze(2) - window
            self._hidden[window] = self._hidden_own(window), prefix
        return self._hidden[window]

    def _hidden_own(self, window: int | None) -> torch.Tensor:
        count, used = self.positions.shape[1], self.cache.used
        keys = self.cache.positions.unsqueeze(1)
        hidden = (keys < 0).expand(-1, count, -1).clone()
        visible = self.visible if self.visible is not None else keys.new_ones(count, count, dtype=torch.bool).tril()
        hidden[:, :, (0 if visible.dim() == 3 else used) : used + count] |= ~visible
        if window is not None:
            hidden |= keys <= self.positions.unsqueeze(2) - window
        # a padding must attend to something, or its softmax is not a number
        places = torch.arange(count, device=hidden.device)
        hidden[:, places, used + places] = False
        return hidden


def read_prefix(model: PreTrainedModel, prefix: list[int]) -> KeptPrefix:
    """Keys and values of a prefix, computed once."""
    kept = KeptPrefix()
    if prefix:
        device = next(model.parameters()).device
        ids = torch.tensor([prefix], device=device)
        positions = torch.arange(len(prefix), device=device).unsqueeze(0)
        _stream(model, ids, positions, Layout((Section(len(prefix), 0, (), kept),)), torch.tensor([0], device=device))
    return kept


def _stream(
    model: PreTrainedModel, ids: torch.Tensor, positions: torch.Tensor, layout: Layout, places: torch.Tensor
) -> torch.Tensor:
    """Hidden states [k, h] at `places` of a stream."""
    if has_usual_shape(model):
        return stream_states(model, ids, positions, layout, places)
    with attending(model, PACKED):
        output = model.base_model(ids, position_ids=positions, use_cache=False, packed_layout=layout)
    states: torch.Tensor = output.last_hidden_state[0, places]
    return states


def read_rows(
    model: PreTrainedModel, prefix: KeptPrefix, length: int, rows: Sequence[list[int]]
) -> tuple[KVCache, torch.Tensor]:
    """Read the rows after a prefix of `length` tokens, as a stream without padding.

    Returns:
        A cache to go on from, its rows ending at the same place, and the hidden states [b, h] of their last tokens.
    """
    device = next(model.parameters()).device
    lengths = torch.tensor([len(row) for row in rows])
    starts = lengths.cumsum(0) - lengths
    keep: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    section = Section(length, None, blocks_of(starts.tolist(), lengths.tolist()), prefix)
    positions = [length + place for row in rows for place in range(len(row))]
    lasts = _stream(
        model,
        torch.tensor([[token for row in rows for token in row]], device=device),
        torch.tensor([positions], device=device),
        Layout((section,), keep).to(device),
        (starts + lengths - 1).to(device),
    )
    cache = KVCache.empty(prefix, length, len(rows), device)
    width = int(lengths.max())
    places = torch.arange(width) - (width - lengths).unsqueeze(1)
    cache.make_room(torch.where(places < 0, -1, places + length).to(device))
    index = (starts.unsqueeze(1) + places.clamp(min=0)).flatten().to(device)
    for layer, states in keep.items():
        keys, values = (part[index].unflatten(0, (len(rows), width)).permute(2, 0, 1, 3) for part in states)
        cache.own(layer, keys, values)
    cache.used = width
    return cache, lasts


def read(
    model: PreTrainedModel, cache: KVCache, ids: torch.Tensor, positions: torch.Tensor, visible: torch.Tensor | None = None
) -> torch.Tensor:
    """Hidden states [b, n, h] of new tokens [b, n], which are added to the cache; a position of -1 marks padding."""
    cache.make_room(positions)
    reading, places = Reading(cache, positions, visible), positions.clamp(min=0)
    if has_usual_shape(model):
        shape = ids.shape

        def attend(module: torch.nn.Module, *states: torch.Tensor) -> torch.Tensor:
            query, key, value = (part.unflatten(0, shape).transpose(1, 2) for part in states)
            rule = ScoreRule(module.scaling, None, window_of(module))
            return _attended(reading, int(module.layer_idx), (query, key, value), rule).flatten(0, 1)

        states = trunk_states(model, ids.reshape(1, -1), places.reshape(1, -1), attend).unflatten(0, shape)
    else:
        with attending(model, ROW_CACHE):
            states = model.base_model(ids, position_ids=places, use_cache=False, reading=reading).last_hidden_state
    cache.used += ids.shape[1]
    return states


def row_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """The attention transformers calls: query [b, heads, n, d], key and value [b, groups, n, d] → [b, n, heads, d].

    Args:
        options: `reading`, and `softcap` and `sliding_window` of models that have them.
    """
    reading: Reading | None = options.get("reading")
    if reading is None:
        raise ValueError("row attention was called without a cache")
    rule = ScoreRule(scaling, options.get("softcap"), options.get("sliding_window"))
    return _attended(reading, int(getattr(module, "layer_idx", 0)), (query, key, value), rule), None


def _attended(
    reading: Reading, layer: int, states: tuple[torch.Tensor, torch.Tensor, torch.Tensor], rule: ScoreRule
) -> torch.Tensor:
    """Attention [b, n, heads, d] of new tokens to the prefix and their rows' own."""
    query, key, value = states
    batch, heads, count, width = query.shape
    groups = key.shape[1]
    rows = (query * rule.scaling).reshape(batch, groups, -1, width).transpose(0, 1).contiguous()
    own = reading.cache.own(layer, key.transpose(0, 1), value.transpose(0, 1))
    shared = reading.cache.prefix.states.get(layer, (None, None))
    scores = products(rows, shared[0], own[0])
    if rule.softcap is not None:
        scores = scores.div_(rule.softcap).tanh_().mul_(rule.softcap)
    by_head = scores.view(groups, batch, heads // groups, count, -1)
    hidden_own, hidden_prefix = reading.hidden(rule.window)
    by_head[..., reading.cache.length :].masked_fill_(hidden_own.unsqueeze(1), -math.inf)
    if hidden_prefix is not None:
        by_head[..., : reading.cache.length].masked_fill_(hidden_prefix.unsqueeze(1), -math.inf)
    result = mixed(scores.softmax(dim=-1), shared[1], own[1]).view(groups, batch, heads // groups, count, width)
    return result.permute(1, 3, 0, 2, 4).reshape(batch, count, heads, width)


AttentionInterface.register(ROW_CACHE, row_attention)
AttentionMaskInterface.register(ROW_CACHE, no_mask)
