"""One optimiser step's loss and gradient, with the prefix forwarded once.

With causal attention the keys and values of the prefix depend on the prefix alone, so they are the same function for every
example of a step. They are computed once, with their graph; all suffixes attend to them; the gradients the suffixes
leave in them are added up by linearity and sent back through the prefix in one backward pass. The result equals
the plain computation (loss and gradient) up to rounding: B·(P+S) tokens become P + B·S.
"""

from dataclasses import dataclass, field

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache, DynamicLayer

from anytasktune.models.head import logits_at
from anytasktune.training.batches import MicroBatch, RowSet, micro_batches


@dataclass
class _Prefix:
    """Keys and values of one prefix, [1, heads, P, width] per layer, in the order k₀, v₀, k₁, v₁, …"""

    length: int
    states: list[torch.Tensor]
    """As computed, with their graph."""
    leaves: list[torch.Tensor] = field(default_factory=list)
    """The same numbers cut off from the graph; gradients of all micro-batches gather here."""

    def cache(self, batch: int) -> DynamicCache:
        """A cache holding the prefix for `batch` rows, without copying it."""
        cache = DynamicCache()
        for keys, values in zip(self.leaves[::2], self.leaves[1::2], strict=True):
            cache.layers.append(_filled_layer(keys.expand(batch, -1, -1, -1), values.expand(batch, -1, -1, -1)))
        return cache

    def backward(self) -> None:
        """Send the gathered gradients through the prefix."""
        pairs = [(state, leaf.grad) for state, leaf in zip(self.states, self.leaves, strict=True) if leaf.grad is not None]
        torch.autograd.backward([state for state, _ in pairs], [grad for _, grad in pairs])


def _filled_layer(keys: torch.Tensor, values: torch.Tensor) -> DynamicLayer:
    # DynamicLayer.update would copy the expanded tensors once more
    layer = DynamicLayer()
    layer.lazy_initialization(keys, values)
    layer.keys, layer.values = keys, values
    return layer


class StepEngine:
    """Computes losses over rows of one RowSet on one model."""

    def __init__(self, model: PreTrainedModel, rows: RowSet, *, max_tokens: int) -> None:
        self.model = model
        self.rows = rows
        self.max_tokens = max_tokens
        self.device = next(model.parameters()).device

    def loss_and_grad(self, indices: list[int]) -> torch.Tensor:
        """Mean loss over all trained tokens of the rows; gradients are added to the adapter's.

        The mean is over the step, not the micro-batch, so that cutting a step differently changes nothing.

        Returns:
            A scalar on the model's device (not synchronised).
        """
        chosen = [self.rows.rows[index] for index in indices]
        total_targets = sum(row.targets for row in chosen)
        total = torch.zeros((), device=self.device)
        prefixes: dict[int, _Prefix] = {}
        for batch in micro_batches(chosen, self.max_tokens):
            if batch.group not in prefixes:
                prefixes[batch.group] = self._prefix(batch.group, train=True)
            loss = self._summed_loss(batch, prefixes[batch.group]) / total_targets
            loss.backward()
            total += loss.detach()
        for prefix in prefixes.values():
            if prefix.length:
                prefix.backward()
        return total

    def mean_loss(self) -> float:
        """Mean loss per trained token of all rows, without gradients."""
        with torch.no_grad():
            prefixes = [self._prefix(group, train=False) for group in range(len(self.rows.prefixes))]
            batches = micro_batches(self.rows.rows, self.max_tokens)
            total = sum(float(self._summed_loss(batch, prefixes[batch.group])) for batch in batches)
        return total / sum(row.targets for row in self.rows.rows)

    def _prefix(self, group: int, *, train: bool) -> _Prefix:
        ids = self.rows.prefixes[group]
        if not ids:
            return _Prefix(0, [])
        cache = DynamicCache()
        self.model.base_model(torch.tensor([ids], device=self.device), past_key_values=cache, use_cache=True)
        states = [state for layer in cache.layers for state in (layer.keys, layer.values)]
        leaves = [state.detach().requires_grad_(train) for state in states]
        return _Prefix(len(ids), states, leaves)

    def _summed_loss(self, batch: MicroBatch, prefix: _Prefix) -> torch.Tensor:
        ids = batch.ids.to(self.device)
        positions = torch.arange(prefix.length, prefix.length + ids.shape[1], device=self.device).unsqueeze(0)
        output = self.model.base_model(
            ids,
            position_ids=positions.expand_as(ids),
            past_key_values=prefix.cache(len(ids)) if prefix.length else None,
            use_cache=bool(prefix.length),
        )
        hidden = output.last_hidden_state.flatten(0, 1).index_select(0, batch.predictors.to(self.device))
        return cross_entropy(logits_at(self.model, hidden), batch.targets.to(self.device), reduction="sum")
