"""LoRA adapters: their weights, read and written in PEFT's format.

A linear layer y = xWᵀ + b becomes y = xWᵀ + b + s·(xAᵀ)Bᵀ with s = alpha / rank (Hu et al., arXiv 2106.09685); how it is
computed stands in `lora_stack`. A and B of all layers are views into one flat float32 tensor, so that an optimiser
step, a checkpoint and a gradient norm are single operations.

The files are PEFT's own (`adapter_config.json`, `adapter_model.safetensors`) and load in stock PEFT and vLLM.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn
from transformers import PreTrainedModel

from anytasktune.errors import ModelError

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
_PREFIX = "base_model.model."


@dataclass(frozen=True)
class LoraSpec:
    """Shape of an adapter."""

    rank: int
    alpha: float

    @property
    def scale(self) -> float:
        return self.alpha / self.rank


class Adapter:
    """The LoRA weights of every linear layer of a trunk, as views into `flat`.

    Attributes:
        flat: float32, all A and B one after the other.
        grad: the gradient of `flat`, same layout; filled by `backward`.
        weights, grads: by layer name, A and B, and their gradients, as views.
    """

    def __init__(self, model: PreTrainedModel, spec: LoraSpec) -> None:
        self.spec = spec
        self.layers = dict(linear_layers(model))
        self.device = next(model.parameters()).device
        size = sum(spec.rank * (layer.in_features + layer.out_features) for layer in self.layers.values())
        self.flat = torch.zeros(size, device=self.device)
        self.grad = torch.zeros(size, device=self.device)
        self.weights: dict[str, tuple[nn.Parameter, nn.Parameter]] = {}
        self.grads: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        offset = 0
        for name, layer in self.layers.items():
            (a, grad_a), offset = self._view(offset, spec.rank, layer.in_features)
            (b, grad_b), offset = self._view(offset, layer.out_features, spec.rank)
            self.weights[name], self.grads[name] = (a, b), (grad_a, grad_b)

    def _view(self, offset: int, rows: int, columns: int) -> tuple[tuple[nn.Parameter, torch.Tensor], int]:
        end = offset + rows * columns
        parameter = nn.Parameter(self.flat[offset:end].view(rows, columns))
        gradient = self.grad[offset:end].view(rows, columns)
        parameter.grad = gradient
        return (parameter, gradient), end

    def initialise(self, seed: int) -> None:
        """A uniform as in PEFT (Kaiming with a = √5), B zero: the model starts out as the base model."""
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for a, b in self.weights.values():
                bound = 1 / math.sqrt(a.shape[1])
                a.copy_((torch.rand(a.shape, generator=generator) * 2 - 1) * bound)
                b.zero_()

    def save(self, folder: Path, base_name: str) -> None:
        """Write the adapter as PEFT does, into an existing folder."""
        tensors = {}
        for name, (a, b) in self.weights.items():
            tensors[f"{_PREFIX}{name}.lora_A.weight"] = a.detach().cpu().clone()
            tensors[f"{_PREFIX}{name}.lora_B.weight"] = b.detach().cpu().clone()
        # save_file would make a file that only its owner may read
        (folder / WEIGHTS_FILE).write_bytes(save(tensors, metadata={"format": "pt"}))
        text = json.dumps(_peft_config(self.spec, sorted(self.layers), base_name), indent=2)
        (folder / CONFIG_FILE).write_text(text + "\n", encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, model: PreTrainedModel, folder: Path) -> "Adapter":
        """Read an adapter written by `save` or by PEFT for the same linear layers.

        Raises:
            ModelError: if files are missing, damaged, of another shape, or of a kind other than plain LoRA.
        """
        adapter = cls(model, _read_spec(folder))
        try:
            tensors = load_file(folder / WEIGHTS_FILE)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"no readable {WEIGHTS_FILE}: {error}", where=str(folder), fix="train it again") from error
        expected = {
            f"{_PREFIX}{name}.lora_{side}.weight": weight
            for name, pair in adapter.weights.items()
            for side, weight in zip("AB", pair, strict=True)
        }
        if odd := sorted(tensors.keys() ^ expected.keys()):
            raise ModelError(f"the adapter does not fit the model: {odd[0]}", where=str(folder), fix="use its own base model")
        with torch.no_grad():
            for name, weight in expected.items():
                if weight.shape != tensors[name].shape:
                    layer = name.removeprefix(_PREFIX).rpartition(".lora_")[0]
                    what = f"{layer} is {list(tensors[name].shape)}, not {list(weight.shape)}"
                    fix = "use its own base model"
                    raise ModelError(f"the adapter does not fit the model: {what}", where=str(folder), fix=fix)
                weight.copy_(tensors[name])
        return adapter


def linear_layers(model: PreTrainedModel) -> Iterator[tuple[str, nn.Linear]]:
    """All linear layers but the output head, by name. ModelError if there is none."""
    head = model.get_output_embeddings()
    found = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear) and module is not head]
    if not found:
        fix = "choose a Llama-, Qwen-, Gemma-, Mistral- or SmolLM-like model"
        raise ModelError(f"{type(model).__name__} has no linear layers to adapt", fix=fix)
    yield from found


def _peft_config(spec: LoraSpec, names: list[str], base_name: str) -> dict[str, Any]:
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_name,
        "r": spec.rank,
        "lora_alpha": spec.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": sorted({name.rpartition(".")[2] for name in names}),
        "inference_mode": True,
        "fan_in_fan_out": False,
        "use_rslora": False,
        "use_dora": False,
    }


def _read_spec(folder: Path) -> LoraSpec:
    try:
        config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        if config["peft_type"] != "LORA" or config.get("use_dora") or config.get("use_rslora"):
            raise ModelError("only plain LoRA adapters can be used", where=str(folder))
        return LoraSpec(int(config["r"]), float(config["lora_alpha"]))
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"no readable {CONFIG_FILE}: {error}", where=str(folder), fix="train it again") from error
