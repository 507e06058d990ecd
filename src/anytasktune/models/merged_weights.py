"""A base model and an adapter → weights with the adapter added into them, in memory and as safetensors."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import torch
from transformers import PreTrainedModel

from anytasktune.models.lora import Adapter
from anytasktune.models.silence_libraries import quiet_transformers
from anytasktune.store import disk_errors


def merged_tensors(model: PreTrainedModel, adapter: Adapter | None) -> Iterator[tuple[str, torch.Tensor]]:
    """Name and weight of every tensor of the model, on the CPU, the adapter added; weights tied to another are left out."""
    tied = set(model.all_tied_weights_keys)
    for name, tensor in model.state_dict().items():
        layer = name.removesuffix(".weight")
        if name in tied:
            continue
        if adapter is not None and layer in adapter.weights and name != layer:
            a, b = adapter.weights[layer]
            tensor = (tensor.float() + (b.detach() @ a.detach()) * adapter.spec.scale).to(tensor.dtype)  # noqa: PLW2901
        yield name, tensor.detach().cpu()


def save_merged(model: PreTrainedModel, adapter: Adapter, folder: Path, dtype: torch.dtype) -> None:
    """Write config and safetensors of the model with the adapter added, in `dtype`, into an existing folder."""
    own = model.config.dtype
    try:
        model.config.dtype = dtype
        with quiet_transformers(), disk_errors(folder):
            weights = {name: tensor.to(dtype) for name, tensor in merged_tensors(model, adapter)}
            model.save_pretrained(folder, state_dict=weights)
            for path in folder.glob("*.safetensors"):  # made such that only its owner may read it
                shutil.copymode(folder / "config.json", path)
    finally:
        model.config.dtype = own
