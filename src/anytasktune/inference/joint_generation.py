"""Answers to prompts of several tasks and adapters, generated in the same steps: rows join and leave between any two of them.

Each row is answered as `generation.generate` would answer it alone, up to rounding.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from transformers import PreTrainedModel

from anytasktune.inference.generation import GrowingAnswer, compare_forced, extend_answers
from anytasktune.models.adapter_exchange import AdapterExchange
from anytasktune.models.kv_cache import read_prefix
from anytasktune.models.kv_slots import NewRow, SlotCache, read_further, read_new
from anytasktune.models.lora import Adapter
from anytasktune.models.packed import PACKED, KeptPrefix, attending

_MOST_PREFIXES = 64


@dataclass(eq=False)
class JointRow:
    """A prompt that is being answered among others.

    Attributes:
        shared: tokens at the beginning of `prompt` that other prompts begin with too.
        adapter: None for the base model alone.
    """

    prompt: list[int]
    shared: int
    adapter: Adapter | None
    answer: GrowingAnswer
    added: list[int] = field(default_factory=list)


class JointGeneration:
    """Rows being answered; the adapters of all of them are on the model."""

    def __init__(self, model: PreTrainedModel, adapters: AdapterExchange) -> None:
        self.model = model
        self.adapters = adapters
        self.rows: list[JointRow] = []
        self.cache = SlotCache(next(model.parameters()).device)
        self._prefixes: OrderedDict[tuple[Adapter | None, tuple[int, ...]], KeptPrefix] = OrderedDict()
        self._no_prefix = KeptPrefix()

    @torch.inference_mode()
    def join(self, rows: Sequence[JointRow]) -> None:
        """Read the prompts of new rows and choose the first token of each answer."""
        self.adapters.put_on([row.adapter for row in [*self.rows, *rows]])
        new = [NewRow(self._prefix(row), row.shared, row.prompt[row.shared :]) for row in rows]
        with self.adapters.routed([row.adapter for row in rows], [len(one.suffix) for one in new]):
            hidden = read_new(self.model, self.cache, new)
        self.rows += rows
        self._extend(rows, hidden)

    @torch.inference_mode()
    def step(self) -> None:
        """Read what was added to each answer, and choose the next token; all rows must be open."""
        self.adapters.put_on([row.adapter for row in self.rows])  # they were taken off if one was loaded since
        added = [row.added for row in self.rows]
        with self.adapters.routed([row.adapter for row in self.rows], [len(tokens) for tokens in added]):
            hidden = read_further(self.model, self.cache, added)
        compare_forced(self.model, hidden, [row.answer for row in self.rows], added)
        lasts = [len(tokens) - 1 for tokens in added]
        self._extend(self.rows, hidden[torch.arange(len(lasts)), lasts])

    @torch.inference_mode()
    def remove(self, row: JointRow) -> None:
        """Take a row out, whether it is finished or not."""
        slot = self.rows.index(row)
        self.cache.remove(slot)
        last = self.rows.pop()
        if last is not row:
            self.rows[slot] = last

    def _extend(self, rows: Sequence[JointRow], hidden: torch.Tensor) -> None:
        added = extend_answers(self.model, [row.answer for row in rows], hidden)
        for row, tokens in zip(rows, added, strict=True):
            row.added = tokens

    def _prefix(self, row: JointRow) -> KeptPrefix:
        """The states of a row's shared tokens, read with its adapter; those used last are kept."""
        if not row.shared:
            return self._no_prefix
        key = row.adapter, tuple(row.prompt[: row.shared])
        if key not in self._prefixes:
            with self.adapters.routed([row.adapter]), attending(self.model, PACKED):
                self._prefixes[key] = read_prefix(self.model, row.prompt[: row.shared])
        self._prefixes.move_to_end(key)
        while len(self._prefixes) > _MOST_PREFIXES:
            self._prefixes.popitem(last=False)
        return self._prefixes[key]
