"""GGUF files: a model with the adapter added into its weights, the base model alone, or the adapter alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch

from anytasktune.exporting.export_source import ExportSource
from anytasktune.exporting.gguf_architectures import GgufArchitecture
from anytasktune.exporting.gguf_vocabulary import write_vocabulary
from anytasktune.exporting.merged_folders import NumberFormat
from anytasktune.models.lora import Adapter
from anytasktune.models.merged_weights import merged_tensors
from anytasktune.store import disk_errors

Array = np.ndarray[Any, np.dtype[Any]]
_TYPES: dict[NumberFormat, tuple[gguf.GGMLQuantizationType, gguf.LlamaFileType]] = {
    "f32": (gguf.GGMLQuantizationType.F32, gguf.LlamaFileType.ALL_F32),
    "f16": (gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16),
    "bf16": (gguf.GGMLQuantizationType.BF16, gguf.LlamaFileType.MOSTLY_BF16),
    "q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
}


def write_model(source: ExportSource, path: Path, number_format: NumberFormat, *, with_adapter: bool = True) -> None:
    """Write the whole model, with the adapter added into its weights or without.

    Raises:
        ExportError: architecture or tokenizer are not among those this program writes.
    """
    base = source.task_lm.base
    architecture = GgufArchitecture.of(base.model.config)
    writer = gguf.GGUFWriter(None, architecture.name)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(
        f"{source.task.name} {source.task_lm.manifest.id}" if with_adapter else source.task_lm.manifest.base_model.name
    )
    architecture.write_hyperparameters(writer)
    writer.add_file_type(_TYPES[number_format][1])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    write_vocabulary(source, int(base.model.config.vocab_size), writer)
    if (factors := architecture.rope_factors()) is not None:
        writer.add_tensor("rope_freqs.weight", factors)
    for name, tensor in merged_tensors(base.model, source.task_lm.adapter if with_adapter else None):
        _add(writer, architecture.tensor_name(name), architecture.ordered(name, tensor), number_format)
    _finish(writer, path)


def write_adapter(source: ExportSource, path: Path, number_format: NumberFormat) -> None:
    """Write the adapter alone, to be loaded beside the base model in GGUF.

    Raises:
        ExportError: the architecture is not among those this program writes.
    """
    adapter = source.task_lm.adapter
    architecture = GgufArchitecture.of(source.task_lm.base.model.config)
    writer = gguf.GGUFWriter(None, architecture.name)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_name(f"{source.task.name} {source.task_lm.manifest.id}")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, adapter.spec.alpha)  # llama.cpp divides it by the rank, as PEFT does
    for name, tensor in _lora_tensors(architecture, adapter):
        _add(writer, name, tensor, number_format)
    _finish(writer, path)


def _lora_tensors(architecture: GgufArchitecture, adapter: Adapter) -> Iterator[tuple[str, torch.Tensor]]:
    for layer, (a, b) in adapter.weights.items():
        name = architecture.tensor_name(f"{layer}.weight")
        yield f"{name}.lora_a", a.detach().cpu()
        yield f"{name}.lora_b", architecture.ordered(layer, b.detach().cpu())


def _add(writer: gguf.GGUFWriter, name: str, tensor: torch.Tensor, number_format: NumberFormat) -> None:
    """Add a tensor; norms and biases stay float32, and rows that do not fill the blocks of a format become float16."""
    data: Array = tensor.float().contiguous().numpy()
    kind = _TYPES[number_format][0]
    if data.ndim == 1 or name.endswith("_norm.weight"):
        kind = gguf.GGMLQuantizationType.F32
    elif data.shape[-1] % gguf.GGML_QUANT_SIZES[kind][0]:
        kind = gguf.GGMLQuantizationType.F16
    writer.add_tensor(name, gguf.quants.quantize(data, kind), raw_dtype=kind)


def _finish(writer: gguf.GGUFWriter, path: Path) -> None:
    with disk_errors(path):
        writer.write_header_to_file(path)
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
