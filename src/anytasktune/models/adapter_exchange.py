"""Adapters that are put on a model side by side as they are needed, a few at a time."""

import contextlib
from collections.abc import Iterator, Sequence

import torch
from transformers import PreTrainedModel

from anytasktune.models.lora import Adapter
from anytasktune.models.lora_stack import LoraStack, attached
from anytasktune.models.prepacked import is_prepacked

MOST_ADAPTERS = 9
"""Adapters on a model at most: 8 cost a step 7 % of its time, 32 nearly double it."""
MOST_GENERATING = MOST_ADAPTERS - 1
"""Of these, adapters whose answers are being generated; one place is for a task that is answered by scoring meanwhile."""


class AdapterExchange:
    """The adapters on a model; those used last stay on it until others need their places."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self._stack: LoraStack | None = None
        self._closing = contextlib.ExitStack()
        self._recent: list[Adapter] = []

    def has_room(self, adapters: Sequence[Adapter | None]) -> bool:
        """Whether these can be on the model at the same time."""
        return len(_distinct(adapters)) <= MOST_ADAPTERS

    def put_on(self, adapters: Sequence[Adapter | None]) -> None:
        """Have these adapters on the model; others go where there is no room for them."""
        wanted = _distinct(adapters)
        self._recent = [*wanted, *(one for one in self._recent if one not in wanted)][:MOST_ADAPTERS]
        on = self._stack.adapters if self._stack else []
        if all(adapter in on for adapter in wanted):
            return
        self.take_off()
        self._stack = self._closing.enter_context(attached(self.model, self._recent))
        if all(is_prepacked(layer) for group in self._stack.groups for layer in group.linears):
            self._stack.pack()

    @property
    def is_packed(self) -> bool:
        """Whether the adapters' products are computed from packed copies, as those of a prepacked model are."""
        return self._stack is not None and all(group.packed is not None for group in self._stack.groups)

    def take_off(self) -> None:
        """Give the model back as it is without adapters."""
        self._closing.close()
        self._stack = None

    @contextlib.contextmanager
    def routed(self, adapters: Sequence[Adapter | None], counts: Sequence[int] | None = None) -> Iterator[None]:
        """Within the block the first tokens of every input belong to the first adapter, and so on.

        Args:
            adapters: None for the base model alone.
            counts: tokens of each; None: all tokens belong to the only one.
        """
        if self._stack is None:
            yield
            return
        on = self._stack.adapters
        slots = torch.tensor([-1 if adapter is None else on.index(adapter) for adapter in adapters])
        if counts is not None:
            slots = slots.repeat_interleave(torch.tensor(counts))
        with self._stack.routed(slots.to(self._stack.device)):
            yield


def _distinct(adapters: Sequence[Adapter | None]) -> list[Adapter]:
    return list(dict.fromkeys(adapter for adapter in adapters if adapter is not None))
