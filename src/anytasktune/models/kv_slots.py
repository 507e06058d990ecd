"""Keys and values of rows that come and go: each row has a slot of its own, where a token stands at the place of its position.

Unlike in `kv_cache` rows need not begin or end together, nor share a prefix: a prefix that was read before is copied into the
slot. So rows of several tasks and adapters go through the model in the same pass.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn import functional
from transformers import AttentionInterface, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface

from anytasktune.models.packed import PACKED, KeptPrefix, Layout, ScoreRule, Section, attending, blocks_of, no_mask
from anytasktune.models.trunk import has_usual_shape, stream_states, trunk_states, window_of

SLOTS = "anytasktune_slots"
_MORE_PLACES, _MORE_SLOTS = 64, 8

States = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class NewRow:
    """A row that is about to be read.

    Attributes:
        prefix: states of the tokens before `suffix`, read with the same adapter.
        length: number of those tokens; may be 0.
    """

    prefix: KeptPrefix
    length: int
    suffix: list[int]

    @property
    def end(self) -> int:
        """Number of its tokens."""
        return self.length + len(self.suffix)


@dataclass
class SlotCache:
    """Keys and values of rows by layer; row i stands in slot i.

    Attributes:
        lengths: tokens of each row.
    """

    device: torch.device
    lengths: list[int] = field(default_factory=list)
    _memory: dict[int, States] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """Slots and places that memory is there for."""
        first = next(iter(self._memory.values()), None)
        return (first[0].shape[0], first[0].shape[2]) if first else (0, 0)

    def states(self, layer: int) -> States:
        """All keys and values of a layer: [slots, groups, places, d]."""
        return self._memory[layer]

    def add(self, rows: Sequence[NewRow], states: Mapping[int, States]) -> None:
        """Add rows.

        Args:
            states: by layer, keys and values [T, groups, d] of the rows' suffixes, one after the other.
        """
        first = len(self.lengths)
        self.lengths += [row.end for row in rows]
        for layer, (keys, _) in states.items():
            if layer not in self._memory:
                empty = keys.new_zeros(0, keys.shape[1], 0, keys.shape[2])
                self._memory[layer] = empty, empty
        self.make_room(max(self.lengths))
        for layer, pair in states.items():
            for memory, own, which in zip(self._memory[layer], pair, (0, 1), strict=True):
                start = 0
                for slot, row in enumerate(rows, first):
                    if row.length:
                        memory[slot, :, : row.length] = row.prefix.states[layer][which]
                    end = start + len(row.suffix)
                    memory[slot, :, row.length : row.end] = own[start:end].transpose(0, 1)
                    start = end

    def make_room(self, places: int) -> None:
        """Have memory for all rows and so many places; in large steps, because it copies everything."""
        slots, held = self.shape
        if len(self.lengths) <= slots and places <= held:
            return
        slots = max(slots, math.ceil(len(self.lengths) / _MORE_SLOTS) * _MORE_SLOTS)
        places = max(held, math.ceil(places / _MORE_PLACES) * _MORE_PLACES)
        for layer, pair in self._memory.items():
            self._memory[layer] = _grown(pair[0], slots, places), _grown(pair[1], slots, places)

    def remove(self, slot: int) -> None:
        """Remove a row; the last one takes its slot."""
        last = len(self.lengths) - 1
        length = self.lengths.pop()
        if slot != last:
            self.lengths[slot] = length
            for pair in self._memory.values():
                for memory in pair:
                    memory[slot, :, :length] = memory[last, :, :length]
        if not self.lengths:
            self._memory.clear()


def _grown(memory: torch.Tensor, slots: int, places: int) -> torch.Tensor:
    _, groups, _, width = memory.shape
    grown = memory.new_zeros(slots, groups, places, width)
    grown[: memory.shape[0], :, : memory.shape[2]] = memory
    return grown


@dataclass(frozen=True)
class SlotReading:
    """One pass over new tokens of all rows of a cache, as one stream without padding.

    Attributes:
        rows, columns: [T] of each token, its row and its place among the new tokens of this row.
        positions: [T]
        width: new tokens of the row that has most.
        places: tokens of the longest row.
    """

    cache: SlotCache
    rows: torch.Tensor
    columns: torch.Tensor
    positions: torch.Tensor
    width: int
    places: int
    _visible: dict[int | None, torch.Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, cache: SlotCache, added: Sequence[Sequence[int]]) -> "SlotReading":
        """The reading of tokens that are added to each row."""
        counts = torch.tensor([len(tokens) for tokens in added])
        rows = torch.repeat_interleave(torch.arange(len(added)), counts)
        columns = torch.arange(len(rows)) - (counts.cumsum(0) - counts)[rows]
        positions = torch.tensor(cache.lengths)[rows] + columns
        cache.lengths = [length + len(tokens) for length, tokens in zip(cache.lengths, added, strict=True)]
        cache.make_room(max(cache.lengths))
        rows, columns, positions = (part.to(cache.device) for part in (rows, columns, positions))
        return cls(cache, rows, columns, positions, int(counts.max()), max(cache.lengths))

    def padded(self, states: torch.Tensor) -> torch.Tensor:
        """[T, …] → [rows, width, …], shorter rows padded on the right."""
        if len(states) == len(self.cache.lengths) * self.width:
            return states.view(len(self.cache.lengths), self.width, *states.shape[1:])
        rectangle = states.new_zeros(len(self.cache.lengths), self.width, *states.shape[1:])
        rectangle[self.rows, self.columns] = states
        return rectangle

    def visible(self, window: int | None) -> torch.Tensor:
        """[rows, 1, n, places]: True where a new token attends."""
        if window not in self._visible:
            keys = torch.arange(self.places, device=self.positions.device)
            reach = self.padded(self.positions)[:, None, :, None]
            visible = keys <= reach
            self._visible[window] = visible if window is None else visible & (keys > reach - window)
        return self._visible[window]


def read_new(model: PreTrainedModel, cache: SlotCache, rows: Sequence[NewRow]) -> torch.Tensor:
    """Read new rows, which are added to the cache, as one stream: hidden states [rows, h] of their last tokens."""
    lengths = [len(row.suffix) for row in rows]
    starts = [sum(lengths[:number]) for number in range(len(rows))]
    sections = []
    for prefix in {id(row.prefix): row.prefix for row in rows}.values():
        chosen = [number for number, row in enumerate(rows) if row.prefix is prefix]
        blocks = blocks_of([starts[number] for number in chosen], [lengths[number] for number in chosen])
        sections.append(Section(rows[chosen[0]].length, None, blocks, prefix))
    keep: dict[int, States] = {}
    ids = torch.tensor([[token for row in rows for token in row.suffix]], device=cache.device)
    positions = torch.tensor([[row.length + place for row in rows for place in range(len(row.suffix))]], device=cache.device)
    layout = Layout(tuple(sections), keep).to(cache.device)
    if has_usual_shape(model):
        states = stream_states(model, ids, positions, layout)
    else:
        with attending(model, PACKED):
            output = model.base_model(ids, position_ids=positions, use_cache=False, packed_layout=layout)
        states = output.last_hidden_state[0]
    cache.add(rows, keep)
    return states[[start + length - 1 for start, length in zip(starts, lengths, strict=True)]].contiguous()


def read_further(model: PreTrainedModel, cache: SlotCache, added: Sequence[Sequence[int]]) -> torch.Tensor:
    """Hidden states [rows, n, h] of the tokens that are added to each row, shorter ones padded on the right."""
    reading = SlotReading.of(cache, added)
    ids = torch.tensor([[token for tokens in added for token in tokens]], device=cache.device)
    positions = reading.positions.unsqueeze(0)
    if has_usual_shape(model):

        def attend(module: torch.nn.Module, *states: torch.Tensor) -> torch.Tensor:
            rule = ScoreRule(module.scaling, None, window_of(module))
            return _attended(reading, int(module.layer_idx), states, rule)

        return reading.padded(trunk_states(model, ids, positions, attend))
    with attending(model, SLOTS):
        output = model.base_model(ids, position_ids=positions, use_cache=False, slot_reading=reading)
    return reading.padded(output.last_hidden_state[0])


def _attended(reading: SlotReading, layer: int, states: Sequence[torch.Tensor], rule: ScoreRule) -> torch.Tensor:
    """Attention [T, heads, d] of new tokens to their rows, from query [T, heads, d], key and value [T, groups, d]."""
    query, key, value = states
    batch = len(reading.cache.lengths)
    memory = reading.cache.states(layer)
    for part, new in zip(memory, (key, value), strict=True):
        part[reading.rows, :, reading.positions] = new
    keys, values = (part[:batch, :, : reading.places] for part in memory)
    rectangle, visible = reading.padded(query).transpose(1, 2), reading.visible(rule.window)
    if rule.softcap is None:
        mixed = functional.scaled_dot_product_attention(
            rectangle, keys, values, attn_mask=visible, scale=rule.scaling, enable_gqa=query.shape[1] != key.shape[1]
        )
    else:
        mixed = _capped(rectangle, keys, values, visible, rule.scaling, rule.softcap)
    return mixed.transpose(1, 2)[reading.rows, reading.columns]


def _capped(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, visible: torch.Tensor, scaling: float, softcap: float
) -> torch.Tensor:
    """Attention [b, heads, n, d] with capped scores, from query [b, heads, n, d], keys and values [b, groups, places, d]."""
    batch, heads, count, width = query.shape
    scores = torch.bmm((query * scaling).reshape(batch * keys.shape[1], -1, width), keys.flatten(0, 1).transpose(1, 2))
    scores = scores.div_(softcap).tanh_().mul_(softcap)
    scores.view(batch, heads, count, -1).masked_fill_(~visible, -math.inf)
    return torch.bmm(scores.softmax(dim=-1), values.flatten(0, 1)).view(batch, heads, count, width)


def slot_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """The attention transformers calls: query [1, heads, T, d], key and value [1, groups, T, d] → [1, T, heads, d].

    Args:
        options: `slot_reading`, and `softcap` and `sliding_window` of models that have them.
    """
    reading: SlotReading | None = options.get("slot_reading")
    if reading is None:
        raise ValueError("slot attention was called without a cache")
    states = [part[0].transpose(0, 1) for part in (query, key, value)]
    rule = ScoreRule(scaling, options.get("softcap"), options.get("sliding_window"))
    return _attended(reading, int(getattr(module, "layer_idx", 0)), states, rule).unsqueeze(0), None


AttentionInterface.register(SLOTS, slot_attention)
AttentionMaskInterface.register(SLOTS, no_mask)
