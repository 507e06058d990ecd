"""Loss and gradient of one optimiser step, each shared prefix forwarded once.

With causal attention the keys and values of a prefix depend on the prefix alone, so they are the same function for every
example of a step: B·(P+S) tokens become P + B·S. The result equals the plain computation (loss and gradient) up to rounding,
for every adapter as if it were trained alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import torch
from transformers import PreTrainedModel

from anytasktune.models.head import token_losses
from anytasktune.models.lora_stack import LoraStack
from anytasktune.models.packed import PACKED, attending
from anytasktune.models.packing_support import packs_rows
from anytasktune.models.rms_norm import short_norms
from anytasktune.models.trunk import has_usual_shape, stream_states
from anytasktune.training.streams import StepRows, Stream, StreamPlanner


class StepEngine:
    """Losses, and gradients of the stack's adapters, over rows."""

    def __init__(self, stack: LoraStack, *, max_tokens: int, prompt_weight: float = 0.0, label_share: float = 0.0) -> None:
        self.stack = stack
        self.model: PreTrainedModel = stack.model
        self.planner = StreamPlanner(
            stack.device, max_tokens, prompt_weight, packs_rows(stack.model), len(stack.adapters), label_share
        )
        self.thin = self.planner.packed and has_usual_shape(stack.model)

    def cut_to(self, max_tokens: int) -> None:
        """Use streams of at most this many tokens from now on."""
        self.planner = replace(self.planner, max_tokens=max_tokens)

    def loss_and_grad(self, parts: Sequence[StepRows]) -> torch.Tensor:
        """Mean loss per trained token of each adapter's rows; the gradients are added to the adapters' own.

        The mean is over the step, not over a forward pass, so that cutting a step differently changes nothing.

        Returns:
            [adapters] on the model's device, not synchronised.
        """
        totals = torch.zeros(len(self.stack.adapters), device=self.stack.device)
        self.stack.refresh()
        with self._computing():
            for carrier, *followers in self.planner.plan(parts):
                carried = self._losses(carrier)
                for stream in followers:
                    losses = self._losses(stream)
                    losses.sum().backward()
                    totals += losses.detach()
                carried.sum().backward()
                totals += carried.detach()
        return totals

    @torch.no_grad()
    def mean_losses(self, parts: Sequence[StepRows]) -> torch.Tensor:
        """The same without gradients: [adapters]."""
        totals = torch.zeros(len(self.stack.adapters), device=self.stack.device)
        self.stack.refresh()
        with self._computing():
            for chain in self.planner.plan(parts):
                for stream in chain:
                    totals += self._losses(stream)
        return totals

    @contextmanager
    def _computing(self) -> Iterator[None]:
        if self.thin:
            yield
            return
        with short_norms(self.model), attending(self.model, PACKED) if self.planner.packed else nullcontext():
            yield

    def _losses(self, stream: Stream) -> torch.Tensor:
        with self.stack.routed(stream.slots):
            hidden = self._needed_states(stream).index_select(0, stream.predictors)
        losses = token_losses(self.model, hidden, stream.targets, stream.choices) * stream.weights
        return losses.new_zeros(len(self.stack.adapters)).index_add(0, stream.owners, losses)

    def _needed_states(self, stream: Stream) -> torch.Tensor:
        """Hidden states [needed, h]."""
        if self.thin and stream.layout is not None:
            states = stream.ids, stream.positions, stream.layout, stream.needed
            return stream_states(self.model, *states, self.stack.keep)
        packed = {} if stream.layout is None else {"position_ids": stream.positions, "packed_layout": stream.layout}
        output = self.model.base_model(stream.ids, use_cache=False, **packed)
        return output.last_hidden_state.flatten(0, 1).index_select(0, stream.needed)
