"""A `.gguf` file → a folder of safetensors, made once and kept."""

import logging
import struct
from pathlib import Path
from typing import Any

from anytasktune.errors import ModelError
from anytasktune.ids import file_hash
from anytasktune.models.cache import cache_root, draft_beside, publish_folder, storing, storing_failed
from anytasktune.models.folder import is_model_folder
from anytasktune.models.silence_libraries import quiet_transformers, reason_of

log = logging.getLogger(__name__)

GGUF_MAGIC = b"GGUF"


def converted_folder(sha256: str) -> Path:
    """Place of the conversion of the GGUF file with this hash, whether it exists or not."""
    return cache_root() / "gguf" / sha256


def convert_gguf(path: Path) -> Path:
    """The folder with the model of a GGUF file, dequantised to bfloat16; converted on first use.

    The folder is named by the content of the file, so a copy or a renamed file is not converted again. Two processes
    may convert the same file at once: the first one's folder stands.

    Raises:
        ModelError: the file cannot be read, is damaged, or holds an architecture transformers cannot convert.
        StoreError: the cache is full or read-only.
    """
    target = converted_folder(gguf_hash(path))
    if is_model_folder(target):
        return target
    log.info("Converting %s to safetensors (once)", path.name)
    with draft_beside(target) as draft:
        _save(*_load(path), draft)
        publish_folder(draft, target, is_model_folder)
    return target


def gguf_hash(path: Path) -> str:
    """SHA-256 of a GGUF file as 64 hex digits; raises ModelError when it cannot be read or is something else."""
    try:
        with path.open("rb") as stream:
            magic = stream.read(len(GGUF_MAGIC))
        if magic != GGUF_MAGIC:
            raise ModelError("not a GGUF file", where=str(path), fix="download the file again, or check its name")
        return file_hash(path)
    except OSError as error:
        raise ModelError(f"the file cannot be read: {error.strerror or error}", where=str(path)) from error


def _load(path: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    try:
        with quiet_transformers():
            model, report = AutoModelForCausalLM.from_pretrained(
                path.parent,
                gguf_file=path.name,
                quantization_config=GgufConfig(dequantize=True),  # else the weights stay packed and cannot be trained
                dtype=torch.bfloat16,
                output_loading_info=True,
            )
            tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise _unusable(path, "it is damaged or cut short") from error
    except Exception as error:  # a damaged file can make any part of the reader fail
        raise _unusable(path, reason_of(error)) from error
    if absent := sorted(report["missing_keys"]):
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise _unusable(path, f"{absent[0]} is missing from it{more}")
    return model, tokenizer


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    from safetensors import SafetensorError

    try:
        with storing(folder.parent), quiet_transformers():
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
    except SafetensorError as error:
        raise storing_failed(folder.parent, str(error)) from error


def _unusable(path: Path, reason: str) -> ModelError:
    return ModelError(
        f"the GGUF file cannot be converted: {reason}",
        where=str(path),
        fix="download it again if it may be damaged, or use the model's safetensors version",
    )
