"""A local model folder → the base model in memory, frozen."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.initialization import no_init_weights
from transformers.utils import GENERATION_CONFIG_NAME

from anytasktune.chat import PromptFormat
from anytasktune.errors import AnyTaskTuneError, ModelError
from anytasktune.ids import content_id
from anytasktune.models.local_places import recall, remember
from anytasktune.models.resolve import existing_path, is_cached, resolve_model
from anytasktune.models.shape import ModelShape
from anytasktune.models.silence_libraries import quiet_transformers, reason_of
from anytasktune.schema import BaseModelRef
from anytasktune.settings import DType
from anytasktune.text.plain_text import shorten

_SAMPLE = 1 << 16
_DEVICES = ("cpu", "cuda", "mps")
_WEIGHTS_PER_BYTE = 8
"""More weights than this per byte of the files have no format; those of 4 bits are two."""


@dataclass(frozen=True)
class ModelInfo:
    """Facts on a base model that need no weights: enough to check data and to plan a run."""

    format: PromptFormat
    ref: BaseModelRef
    context_length: int
    """Most tokens the model was made for."""
    shape: ModelShape


@dataclass(frozen=True)
class BaseLM:
    """A frozen base model in memory."""

    model: PreTrainedModel
    info: ModelInfo
    device: torch.device
    dtype: DType

    @property
    def format(self) -> PromptFormat:
        return self.info.format

    @property
    def ref(self) -> BaseModelRef:
        return self.info.ref


def inspect_model(name: str) -> ModelInfo:
    """Find a base model and read its tokenizer and config.

    Args:
        name: folder, `.gguf` file, Hub id, `modelscope:` id or alias (see `resolve_model`).

    Raises:
        ModelError: if it cannot be found, or its config or tokenizer cannot be used.
    """
    return _info(name, resolve_model(name))


def _info(name: str, folder: Path) -> ModelInfo:
    with quiet_transformers(), _as_model_error(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        config = AutoConfig.from_pretrained(folder).get_text_config()
        shape = _plausible(ModelShape.of(config), folder)
        identity, place = fingerprint(folder), existing_path(name)
        ref = BaseModelRef(
            name=name if place is None else place.resolve().name,
            local=place is not None,
            fingerprint=identity,
            hidden_size=int(config.hidden_size),
            layers=int(config.num_hidden_layers),
        )
        if place is not None:
            remember(identity, place)
            remember(_named_place(identity, ref.name), place)
        context = int(getattr(config, "max_position_embeddings", None) or 2048)
        return ModelInfo(_format(tokenizer, shape), ref, context, shape)


def _plausible(shape: ModelShape, folder: Path) -> ModelShape:
    """`shape` itself; ModelError where the files cannot hold so many weights: building the model could fill the memory."""
    held = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    if min(shape.layers, shape.hidden, shape.vocabulary, shape.heads) < 1 or shape.parameters > _WEIGHTS_PER_BYTE * held:
        what = f"config.json describes a model of {shape.parameters:,} weights, but the files have {held:,} bytes"
        raise ModelError(what, where=str(folder), fix="take config.json and weights from one model")
    return shape


def _format(tokenizer: PreTrainedTokenizerBase, shape: ModelShape) -> PromptFormat:
    """The rendering for a tokenizer; ModelError where it makes tokens that the model has no embeddings for."""
    found = PromptFormat.of(tokenizer)
    largest = max([tokenizer.vocab_size - 1, *found.rendering.end_of_turn])
    if largest >= shape.vocabulary:
        what = f"the tokenizer makes tokens up to number {largest}, the model knows {shape.vocabulary}"
        raise ModelError(what, fix="take tokenizer and weights from one model")
    return found


def name_of(ref: BaseModelRef, configured: str = "") -> str | None:
    """The name under which `load_base` finds a base model again; None for a folder or file not known to this machine.

    Folders may hold equal models. The configured name comes first, then the folder or file that the reference names, then any
    other one.

    Args:
        configured: the name in the settings, which stays where it is that of the same model.
    """
    if _is_model(configured, ref.fingerprint):
        return configured
    if not ref.local:
        return ref.name
    places = recall(_named_place(ref.fingerprint, ref.name)), recall(ref.fingerprint)
    return next((str(place) for place in places if place and _is_model(str(place), ref.fingerprint)), None)


def _named_place(identity: str, name: str) -> str:
    """The id of a place by fingerprint and name: equal models in folders of different names are remembered apart."""
    return f"{identity}-{content_id(name)}"


def _is_model(name: str, identity: str) -> bool:
    """Whether a name leads to the model with this fingerprint without a network."""
    try:
        return is_cached(name) and fingerprint(resolve_model(name)) == identity
    except (AnyTaskTuneError, OSError, ValueError):
        return False


def load_base(name: str, *, dtype: str = "auto", device: str = "auto", info: ModelInfo | None = None) -> BaseLM:
    """Find, load and freeze a base model.

    Args:
        name: see `inspect_model`.
        dtype: `float32`, `bfloat16`, or `auto` for bfloat16 where the hardware computes in it.
        device: `cpu`, `cuda`, `mps`, or `auto`.
        info: result of `inspect_model`, if it was called already.

    Raises:
        ModelError: if it cannot be found or loaded, or is no causal language model.
    """
    folder = resolve_model(name)
    place = choose_device(device)
    precision = choose_dtype(dtype, place)
    info = info or _info(name, folder)
    with quiet_transformers():
        model = _load(folder, getattr(torch, precision))
    model.requires_grad_(False)
    return BaseLM(model.eval().to(place), info, place, precision)


def _load(folder: Path, dtype: torch.dtype) -> PreTrainedModel:
    with _as_model_error(folder):
        model = _straight_from_files(folder, dtype)
        if model is not None:
            return model
        model, report = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, output_loading_info=True
        )
        if absent := sorted(report["missing_keys"]):  # the library fills them with chance
            more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
            fix = "take config.json and weights from one model, with all their files"
            raise ModelError(f"weights are missing: {absent[0]}{more}", where=str(folder), fix=fix)
        return model


def _straight_from_files(folder: Path, dtype: torch.dtype) -> PreTrainedModel | None:
    """The model, if its files hold exactly its weights under its own names; None if names or types have to be converted.

    The library's general loader compiles a thousand patterns for old names and traces the model on a device without memory,
    which takes longer than reading the weights of a small model.
    """
    config = AutoConfig.from_pretrained(folder)
    if getattr(config, "quantization_config", None):
        return None
    weights: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        weights |= load_file(path)
    with no_init_weights():
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    missing = shapes.keys() - weights.keys() - model.all_tied_weights_keys.keys()
    unlike = [name for name, tensor in weights.items() if shapes.get(name) != tensor.shape or not tensor.is_floating_point()]
    if missing or unlike or model._keep_in_fp32_modules or model._keep_in_fp32_modules_strict:
        return None
    model.load_state_dict({name: tensor.to(dtype) for name, tensor in weights.items()}, strict=False, assign=True)
    model.tie_weights()
    if (folder / GENERATION_CONFIG_NAME).exists():
        model.generation_config = GenerationConfig.from_pretrained(folder)
    return model


@contextlib.contextmanager
def _as_model_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except AnyTaskTuneError as error:
        located = [problem if problem.where else replace(problem, where=str(folder)) for problem in error.problems]
        raise type(error)(located) from error
    except Exception as error:  # a wrong file can make any part of transformers fail
        fix = "check that the folder holds a causal language model that transformers knows, or choose another model"
        raise ModelError(f"cannot load the model: {shorten(reason_of(error), 300)}", where=str(folder), fix=fix) from error


def choose_device(device: str) -> torch.device:
    """`auto` → CUDA, else Apple's GPU, else the CPU. ModelError for a device that is not there."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        place = torch.device(device)
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError):
        raise ModelError(f"no device {device!r} here", fix="use device=cpu, or auto") from None
    if place.type not in _DEVICES:
        raise ModelError(f"device {device!r} is not used by this program", fix="use device=cpu, cuda, mps or auto")
    return place


def choose_dtype(dtype: str, device: torch.device) -> DType:
    """`auto` → bfloat16 where the hardware multiplies in it (AVX512-BF16, AMX, recent GPUs), else float32."""
    if dtype == "auto" and device.type == "cuda":
        with torch.cuda.device(device):  # a machine may have GPUs of two generations
            dtype = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    elif dtype == "auto" and device.type == "cpu":
        checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        dtype = "bfloat16" if any(getattr(torch.cpu, check, bool)() for check in checks) else "float32"
    return "bfloat16" if dtype == "bfloat16" else "float32"


def fingerprint(folder: Path) -> str:
    """Hash (16 hex digits) of a model's config and weights.

    Of each safetensors file the header (names, types, shapes, offsets), the size and three samples of 64 KiB are
    hashed: enough to tell two models apart in milliseconds, not a proof against deliberate forgery.
    """
    digest = hashlib.sha256()
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    for volatile in ("_name_or_path", "_model_name_or_path", "transformers_version", "dtype", "torch_dtype"):
        config.pop(volatile, None)
    digest.update(json.dumps(config, sort_keys=True).encode())
    for path in sorted(folder.glob("*.safetensors")):
        size = path.stat().st_size
        digest.update(f"{path.name}:{size}".encode())
        with path.open("rb") as stream:
            header = int.from_bytes(stream.read(8), "little")
            digest.update(stream.read(min(header, size)))
            for offset in (stream.tell(), size // 2, max(0, size - _SAMPLE)):
                stream.seek(offset, os.SEEK_SET)
                digest.update(stream.read(_SAMPLE))
    return digest.hexdigest()[:16]
