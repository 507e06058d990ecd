"""Folders of safetensors that transformers loads: weights with the adapter merged into them."""

import json
from pathlib import Path
from typing import Literal

import torch

from anytasktune.errors import ExportError
from anytasktune.exporting.export_source import ExportSource
from anytasktune.models.merged_weights import save_merged

NumberFormat = Literal["f32", "f16", "bf16", "q8_0"]
MERGED_FORMATS: dict[NumberFormat, torch.dtype] = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def stored_format(source: ExportSource) -> NumberFormat:
    """The number format of the base model's own files."""
    config = json.loads((source.base_folder / "config.json").read_text(encoding="utf-8"))
    stored = config.get("dtype") or config.get("torch_dtype")
    return next((name for name, dtype in MERGED_FORMATS.items() if str(dtype) == f"torch.{stored}"), "f32")


def write_merged(source: ExportSource, folder: Path, number_format: NumberFormat) -> None:
    """Write the weights with the adapter added into them.

    Args:
        number_format: `f32`, `f16` or `bf16`.

    Raises:
        ExportError: another number format.
    """
    if number_format not in MERGED_FORMATS:
        fix = f"give one of {', '.join(MERGED_FORMATS)}, or export to gguf"
        raise ExportError(f"merged safetensors cannot be {number_format}", where="--quantize", fix=fix)
    save_merged(source.task_lm.base.model, source.task_lm.adapter, folder, MERGED_FORMATS[number_format])
