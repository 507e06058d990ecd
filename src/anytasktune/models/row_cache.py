"""Keys and values of many rows that follow one prefix: the prefix' once, each row's own in memory taken beforehand.

A new token costs its own bytes and one look at the shared prefix; nothing is copied per row or per step, as it is
where every row carries the whole prompt in its cache.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import AttentionInterface, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface

from anytasktune.models.packed import KeptPrefix, Layout, Section, attending, mixed, no_mask, products

ROW_CACHE = "anytasktune_row_cache"


@dataclass
class RowCache:
    """What the rows of a batch have read so far.

    Attributes:
        prefix: states of the shared prefix; its `length` may be 0.
        positions: [b, room] position of each own key; a padding or a place not yet written has -1.
        used: places written.
    """

    prefix: KeptPrefix
    length: int
    positions: torch.Tensor
    used: int = 0
    _own: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)

    @classmethod
    def empty(cls, prefix: KeptPrefix, length: int, rows: int, room: int, device: torch.device) -> "RowCache":
        """A cache for `rows` rows with room for `room` own tokens each."""
        return cls(prefix, length, torch.full((rows, room), -1, device=device))

    def own(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the states [groups, b, n, d] of new tokens; returns all own states [groups, b, used + n, d]."""
        end = self.used + keys.shape[2]
        if layer not in self._own:
            groups, rows, _, width = keys.shape
            room = groups, rows, self.positions.shape[1], width
            self._own[layer] = keys.new_empty(room), values.new_empty(room)
        for memory, states in zip(self._own[layer], (keys, values), strict=True):
            memory[:, :, self.used : end] = states
        return self._own[layer][0][:, :, :end], self._own[layer][1][:, :, :end]

    def keep(self, rows: torch.Tensor) -> None:
        """Keep only some rows."""
        self.positions = self.positions[rows]
        self._own = {layer: (keys[:, rows], values[:, rows]) for layer, (keys, values) in self._own.items()}


@dataclass(frozen=True)
class Reading:
    """One forward pass over new tokens of a cache's rows.

    Attributes:
        positions: [b, n] of the new tokens; -1 for padding.
        visible: [n, n] which new token may look at which; None: at itself and all before it.
    """

    cache: RowCache
    positions: torch.Tensor
    visible: torch.Tensor | None = None
    _hidden: dict[int | None, tuple[torch.Tensor, torch.Tensor | None]] = field(default_factory=dict)

    def hidden(self, window: int | None) -> tuple[torch.Tensor, torch.Tensor | None]:
        """True where a new token may not look: at own keys [b, n, m], and at the prefix [b, n, P] if a window hides some."""
        if window not in self._hidden:
            self._hidden[window] = self._hidden_own(window), self._hidden_prefix(window)
        return self._hidden[window]

    def _hidden_own(self, window: int | None) -> torch.Tensor:
        count = self.positions.shape[1]
        used = self.cache.used
        keys = self.cache.positions[:, : used + count].unsqueeze(1)
        hidden = (keys < 0).expand(-1, count, -1).clone()
        visible = self.visible if self.visible is not None else keys.new_ones(count, count, dtype=torch.bool).tril()
        hidden[:, :, used:] |= ~visible
        if window is not None:
            hidden |= keys <= self.positions.unsqueeze(2) - window
        # a padding must look somewhere, or its softmax is not a number
        places = torch.arange(count, device=hidden.device)
        hidden[:, places, used + places] = False
        return hidden

    def _hidden_prefix(self, window: int | None) -> torch.Tensor | None:
        if window is None or not self.cache.length:
            return None
        keys = torch.arange(self.cache.length, device=self.positions.device)
        return keys <= self.positions.unsqueeze(2) - window


def read_prefix(model: PreTrainedModel, prefix: list[int]) -> KeptPrefix:
    """Keys and values of a prefix, computed once."""
    kept = KeptPrefix()
    if prefix:
        device = next(model.parameters()).device
        ids = torch.tensor([prefix], device=device)
        layout = Layout((Section(len(prefix), 0, (), kept),))
        positions = torch.arange(len(prefix), device=device).unsqueeze(0)
        model.base_model(ids, position_ids=positions, use_cache=False, packed_layout=layout)
    return kept


def read(
    model: PreTrainedModel, cache: RowCache, ids: torch.Tensor, positions: torch.Tensor, visible: torch.Tensor | None = None
) -> torch.Tensor:
    """Hidden states [b, n, h] of new tokens [b, n], which are added to the cache; a position of -1 marks padding."""
    cache.positions[:, cache.used : cache.used + ids.shape[1]] = positions
    with attending(model, ROW_CACHE):
        reading = Reading(cache, positions, visible)
        output = model.base_model(ids, position_ids=positions.clamp(min=0), use_cache=False, reading=reading)
    cache.used += ids.shape[1]
    return output.last_hidden_state


def row_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    softcap: float | None = None,
    sliding_window: int | None = None,
    reading: Reading | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """The attention transformers calls: query [b, heads, n, d], key and value [b, groups, n, d] → [b, n, heads, d]."""
    if reading is None:
        raise ValueError("row attention was called without a cache")
    layer = int(getattr(module, "layer_idx", 0))
    batch, heads, count, width = query.shape
    groups = key.shape[1]
    rows = (query * scaling).reshape(batch, groups, -1, width).transpose(0, 1).contiguous()
    own = reading.cache.own(layer, key.transpose(0, 1), value.transpose(0, 1))
    shared = reading.cache.prefix.states.get(layer, (None, None))
    scores = products(rows, shared[0], own[0])
    if softcap is not None:
        scores = scores.div_(softcap).tanh_().mul_(softcap)
    _hide(scores.view(groups, batch, heads // groups, count, -1), reading, sliding_window)
    result = mixed(scores.softmax(dim=-1), shared[1], own[1])
    return result.view(groups, batch, heads // groups, count, width).permute(1, 3, 0, 2, 4).reshape(
        batch, count, heads, width
    ), None


def _hide(scores: torch.Tensor, reading: Reading, window: int | None) -> None:
    """Set scores [groups, b, heads per group, n, P + m] to -inf where a token may not look."""
    own, prefix = reading.hidden(window)
    length = reading.cache.length
    scores[..., length:].masked_fill_(own.unsqueeze(1), -math.inf)
    if prefix is not None:
        scores[..., :length].masked_fill_(prefix.unsqueeze(1), -math.inf)


AttentionInterface.register(ROW_CACHE, row_attention)
AttentionMaskInterface.register(ROW_CACHE, no_mask)
