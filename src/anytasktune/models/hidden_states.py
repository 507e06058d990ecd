"""Hidden states of chosen layers, taken from a model's own forward pass."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel


@contextlib.contextmanager
def captured_states(model: PreTrainedModel, shares: tuple[float, ...]) -> Iterator[list[torch.Tensor]]:
    """Capture the hidden states [batch, tokens, h] after the layers at these shares of the depth, in every forward pass inside.

    Args:
        shares: 0.5 is the layer in the middle, 1 the output of the trunk, its last norm included.

    Yields:
        A list that holds one tensor per share after each forward pass of the trunk.
    """
    trunk = model.base_model
    layers = max((module for module in trunk.modules() if isinstance(module, nn.ModuleList)), key=len)
    states: list[torch.Tensor] = [torch.empty(0)] * len(shares)

    def keep(place: int, output: Any) -> None:
        if hasattr(output, "last_hidden_state"):
            output = output.last_hidden_state
        states[place] = output[0] if isinstance(output, tuple) else output

    with contextlib.ExitStack() as hooks:
        for place, share in enumerate(shares):
            module = trunk if share == 1 else layers[max(1, round(share * len(layers))) - 1]
            hook = module.register_forward_hook(lambda _module, _input, output, place=place: keep(place, output))
            hooks.callback(hook.remove)
        yield states
