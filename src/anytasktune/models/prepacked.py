"""Weights of linear layers, packed once for the CPU's matrix product instead of at every product of few rows.

A product of few rows takes about as long to pack the weights as to multiply. While answers are generated, a token per row at
a time, all products have few rows; so packed copies exist for that time, beside the weights.
"""

import contextlib
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import functional

from anytasktune.models.free_memory import free_memory
from anytasktune.models.lora_stack import PACKED_ROWS, LoraLinear

_LARGEST_SHARE = 0.25
"""Of the free memory that copies may take."""


@contextlib.contextmanager
def prepacked(model: nn.Module) -> Iterator[None]:
    """Have the linear layers of a frozen model multiply by packed copies of their weights, for the length of the block.

    Those in whose place adapters stand are among them. The sums are the same, bit by bit where the library adds in the same
    order. Models on other devices or in other precisions than bfloat16, and models whose copies would take a quarter of the
    free memory, stay as they are.
    """
    found = [module.linear if isinstance(module, LoraLinear) else module for module in model.modules()]
    layers = [module for module in found if type(module) is nn.Linear and "forward" not in vars(module)]
    if not layers or not _pays(layers):
        yield
        return
    for layer in layers:
        layer.forward = _PackedProduct(layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def is_prepacked(layer: nn.Linear) -> bool:
    """Whether a layer multiplies by a packed copy of its weight now."""
    return isinstance(vars(layer).get("forward"), _PackedProduct)


def _pays(layers: list[nn.Linear]) -> bool:
    weights = [layer.weight for layer in layers]
    if not all(weight.device.type == "cpu" and weight.dtype == torch.bfloat16 for weight in weights):
        return False
    if not (torch.backends.mkldnn.is_available() and getattr(torch.cpu, "_is_avx512_bf16_supported", bool)()):
        return False
    free = free_memory(torch.device("cpu"))
    return free is None or sum(weight.nbytes for weight in weights) <= _LARGEST_SHARE * free


class _PackedProduct:
    """The forward pass of a linear layer: x [..., in] → [..., out]."""

    def __init__(self, layer: nn.Linear) -> None:
        self.layer = layer
        self.source = layer.weight.data_ptr()
        with torch.no_grad():
            self.weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), PACKED_ROWS)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        layer = self.layer
        # an adapter may be merged into the weights meanwhile, and gradients are not known to the packed product
        if layer.weight.data_ptr() != self.source or (torch.is_grad_enabled() and x.requires_grad):
            return functional.linear(x, layer.weight, layer.bias)
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, layer.bias, "none", [], "")
        return product
