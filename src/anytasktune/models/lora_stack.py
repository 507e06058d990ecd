"""Adapters on a model: how their products are computed, one adapter or several at the same time.

Layers that read the same input (query, key and value; gate and up) form a group: x·Aᵀ is one product for all of them. Several
adapters stand side by side in it as one wide adapter: each token's low-rank state is set to zero outside the columns of its
own adapter, in the forward and in the backward pass, so every adapter computes, and is trained, as if it were alone.

The products are one autograd function in the model's own precision (PEFT's layer computes in float32 on bfloat16 models, which
takes a CPU several times as long), and gradients go straight into the adapters' flat tensors.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from anytasktune.models.lora import Adapter

_SIBLINGS = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
PACKED_ROWS = 16
"""Rows that packed weights are laid out for; the form serves 1 to 1,000 equally well."""


class LoraStack:
    """Adapters attached to a model; `slots` are their places in the stack."""

    def __init__(self, model: PreTrainedModel, adapters: Sequence[Adapter]) -> None:
        self.model = model
        self.adapters = list(adapters)
        weight = next(model.parameters())
        self.device, self.dtype = weight.device, weight.dtype
        ranks = [adapter.spec.rank for adapter in self.adapters]
        self.rank = sum(ranks)
        self._column_slots = torch.repeat_interleave(torch.arange(len(ranks)), torch.tensor(ranks)).to(self.device)
        self.mask: torch.Tensor | None = None
        self._wide_masks: dict[int, torch.Tensor] = {}
        # makes autograd follow the first layer too, whose input needs no gradient
        self.anchor = torch.zeros((), device=self.device, requires_grad=True)
        self.groups = [_Group(self, names) for names in _groups(list(self.adapters[0].layers))]

    def refresh(self) -> None:
        """Copy the adapters' weights; to be called after each change of them."""
        for group in self.groups:
            group.refresh()

    def pack(self) -> None:
        """Pack copies of the adapters' weights, for products without gradients, until the next `refresh`."""
        for group in self.groups:
            group.packed = PackedFactors(group.a, group.b)

    def forget(self) -> None:
        """Discard the state of an interrupted forward pass."""
        for group in self.groups:
            group.forget()
        for adapter in self.adapters:
            adapter.grad.zero_()

    def put_on(self) -> None:
        """Put layers with the adapters in the place of the model's own."""
        for group in self.groups:
            for place, name in enumerate(group.names):
                _replace(self.model, name, LoraLinear(group, place))

    def take_off(self) -> None:
        """Put the model's own layers back."""
        for name, layer in self.adapters[0].layers.items():
            _replace(self.model, name, layer)

    @contextlib.contextmanager
    def detached(self) -> Iterator[None]:
        """The model as it is without the adapters, for the length of the block."""
        self.take_off()
        try:
            yield
        finally:
            self.put_on()

    @contextlib.contextmanager
    def routed(self, slots: torch.Tensor | None) -> Iterator[None]:
        """Within the block token i of every input belongs to adapter `slots[i]`; None: all to the only one.

        Args:
            slots: -1 for the base model alone; one number for all tokens.
        """
        before = self.mask
        self._set_mask(None if slots is None else (slots.unsqueeze(1) == self._column_slots).to(self.dtype))
        try:
            yield
        finally:
            self._set_mask(before)

    def keep(self, places: torch.Tensor) -> None:
        """Route only the tokens at `places` from now on, until the end of the `routed` block."""
        if self.mask is not None:
            self._set_mask(self.mask.index_select(0, places))

    def mask_of(self, layers: int) -> torch.Tensor | None:
        """The mask [tokens, layers · ranks] of a group of so many layers."""
        if self.mask is None:
            return None
        if layers not in self._wide_masks:
            self._wide_masks[layers] = self.mask.repeat(1, layers)
        return self._wide_masks[layers]

    def _set_mask(self, mask: torch.Tensor | None) -> None:
        self.mask, self._wide_masks = mask, {}


@contextlib.contextmanager
def attached(model: PreTrainedModel, adapters: Sequence[Adapter]) -> Iterator[LoraStack]:
    """The model with these adapters on it, for the length of the block."""
    stack = LoraStack(model, adapters)
    stack.refresh()
    stack.put_on()
    try:
        yield stack
    finally:
        stack.take_off()


@contextlib.contextmanager
def merged(model: PreTrainedModel, adapter: Adapter) -> Iterator[None]:
    """The model with the adapter added into its weights (W + s·BA, summed in float32), for the length of the block.

    The sum is rounded to the model's precision, so in bfloat16 answers differ from those of `attached`: this is how exported
    copies compute. The weights come back bit by bit.
    """
    originals = {name: layer.weight.data for name, layer in adapter.layers.items()}
    try:
        for name, layer in adapter.layers.items():
            a, b = adapter.weights[name]
            delta = (b.detach() @ a.detach()) * adapter.spec.scale
            layer.weight.data = (layer.weight.data.float() + delta).to(layer.weight.dtype)
        yield
    finally:
        for name, layer in adapter.layers.items():
            layer.weight.data = originals[name]


def _replace(model: PreTrainedModel, name: str, module: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, module)


def _groups(names: Sequence[str]) -> list[list[str]]:
    """Layer names, grouped by the input they share."""
    groups: dict[tuple[str, int | str], list[str]] = {}
    for name in names:
        parent, _, child = name.rpartition(".")
        family = next((number for number, siblings in enumerate(_SIBLINGS) if child in siblings), child)
        groups.setdefault((parent, family), []).append(name)
    return list(groups.values())


class _Group:
    """Linear layers with the same input, and their adapters' weights in the model's precision.

    Attributes:
        a: [layers · ranks, in]; rows by layer, then by adapter.
        b: per layer [out, ranks], already multiplied by alpha / rank.
        packed: `a` and `b` as `_linear_pointwise` reads them fastest; None where PyTorch's own products are to be used.
    """

    def __init__(self, stack: LoraStack, names: list[str]) -> None:
        self.stack = stack
        self.names = names
        self.linears = [stack.adapters[0].layers[name] for name in names]
        kind = {"dtype": stack.dtype, "device": stack.device}
        self.a = torch.empty(len(names) * stack.rank, self.linears[0].in_features, **kind)
        self.b = [torch.empty(linear.out_features, stack.rank, **kind) for linear in self.linears]
        self.packed: PackedFactors | None = None
        self._input: torch.Tensor | None = None
        self._waiting: dict[int, torch.Tensor] = {}

    def _places(self) -> Iterator["_Place"]:
        for layer, name in enumerate(self.names):
            column = 0
            for adapter in self.stack.adapters:
                columns = slice(column, column + adapter.spec.rank)
                row = layer * self.stack.rank + column
                yield _Place(layer, adapter, name, slice(row, row + adapter.spec.rank), columns)
                column = columns.stop

    @torch.no_grad()
    def refresh(self) -> None:
        self.packed = None
        for place in self._places():
            a, b = place.adapter.weights[place.name]
            self.a[place.rows] = a
            torch.mul(b, place.adapter.spec.scale, out=self.b[place.layer][:, place.columns])

    def add_grads(self, grad_a: torch.Tensor, grad_b: Sequence[torch.Tensor]) -> None:
        """Add gradients of `a` and `b` to those of the adapters."""
        for place in self._places():
            of_a, of_b = place.adapter.grads[place.name]
            of_a.add_(grad_a[place.rows])
            of_b.add_(grad_b[place.layer][:, place.columns], alpha=place.adapter.spec.scale)

    def forget(self) -> None:
        self._input = None
        self._waiting = {}

    def output(self, place: int, x: torch.Tensor) -> torch.Tensor:
        """Output of the layer at `place` for x [..., in]. The others' outputs are computed with it and kept."""
        y = self._waiting.pop(place, None) if x is self._input else None
        if y is None:
            made = _GroupProduct.apply(x.reshape(-1, x.shape[-1]), self.stack.anchor, self)
            self._waiting = dict(enumerate(made))
            y = self._waiting.pop(place)
        self._input = x if self._waiting else None
        return y.view(*x.shape[:-1], -1)


@dataclass(frozen=True)
class _Place:
    """One layer's part of one adapter: its rows in a group's `a`, its columns in the layer's `b`."""

    layer: int
    adapter: Adapter
    name: str
    rows: slice
    columns: slice


class PackedFactors:
    """The factors of a group's adapters, packed for products of few rows; the sums are those of PyTorch's own products."""

    @torch.no_grad()
    def __init__(self, a: torch.Tensor, b: Sequence[torch.Tensor]) -> None:
        pack = torch.ops.mkldnn._reorder_linear_weight
        self.a, self.b, self.rank = pack(a, PACKED_ROWS), [pack(each, PACKED_ROWS) for each in b], len(a) // len(b)

    def outputs(self, x: torch.Tensor, mask: torch.Tensor, linears: Sequence[nn.Linear]) -> tuple[torch.Tensor, ...]:
        """Outputs of the layers for x [n, in], of whose low-rank states those are kept where `mask` is 1."""
        product = torch.ops.mkldnn._linear_pointwise.binary
        low = product(x, mask, self.a, None, "mul").split(self.rank, dim=1)
        return tuple(product(part, linear(x), b, None, "add") for part, linear, b in zip(low, linears, self.b, strict=True))


class _GroupProduct(torch.autograd.Function):
    """y_i = xW_iᵀ + b_i + (xA_iᵀ)B_iᵀ for all layers i of a group; x [n, in], W and b frozen."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, _: torch.Tensor, group: _Group) -> tuple[torch.Tensor, ...]:
        mask = group.stack.mask_of(len(group.names))
        if group.packed is not None and mask is not None and len(mask) == len(x) and not ctx.needs_input_grad[0]:
            return group.packed.outputs(x, mask, group.linears)
        low = x @ group.a.t()
        if mask is not None:
            low *= mask
        outputs = []
        for layer, (linear, b) in enumerate(zip(group.linears, group.b, strict=True)):
            outputs.append(linear(x).addmm_(_of_layer(low, layer, group), b.t()))
        ctx.save_for_backward(x, low, mask)
        ctx.group = group
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, None, None]:
        x, low, mask = ctx.saved_tensors
        group: _Group = ctx.group
        grad_low = torch.cat([grad @ b for grad, b in zip(grads, group.b, strict=True)], dim=1)
        if mask is not None:
            grad_low *= mask
        grad_b = [grad.t() @ _of_layer(low, layer, group) for layer, grad in enumerate(grads)]
        group.add_grads(grad_low.t() @ x, grad_b)
        if not ctx.needs_input_grad[0]:
            return None, None, None
        grad_x = grads[0] @ group.linears[0].weight
        for grad, linear in zip(grads[1:], group.linears[1:], strict=True):
            grad_x.addmm_(grad, linear.weight)
        return grad_x.addmm_(grad_low, group.a), None, None


def _of_layer(low: torch.Tensor, layer: int, group: _Group) -> torch.Tensor:
    return low[:, layer * group.stack.rank : (layer + 1) * group.stack.rank]


class LoraLinear(nn.Module):
    """Stands in a linear layer's place while adapters are attached."""

    def __init__(self, group: _Group, place: int) -> None:
        super().__init__()
        self._group = group
        self._place = place

    @property
    def linear(self) -> nn.Linear:
        """The layer whose place it takes."""
        return self._group.linears[self._place]

    @property
    def weight(self) -> nn.Parameter:
        """The frozen weight, for models that check its type."""
        return self.linear.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., in] → [..., out]."""
        return self._group.output(self._place, x)
