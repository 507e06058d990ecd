"""Checks that a folder holds a whole model: config.json, safetensors weights and a tokenizer."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from anytasktune.errors import ModelError, Problem

PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt")
NOT_WEIGHTS = ("training_args", "optimizer", "scheduler", "rng_state")
"""Beginnings of the names of pickles that trainers leave beside the weights."""
TOKENIZER_CHOICES: tuple[tuple[str, ...], ...] = (("tokenizer.json",), ("tokenizer.model",), ("vocab.json", "merges.txt"))
INDEX_FILE = "model.safetensors.index.json"
LFS_POINTER = b"version https://git-lfs"
SAFETENSORS_ONLY = "weights are loaded from safetensors only, because loading a pickle can run code hidden in it"


def check_model_folder(folder: Path) -> Path:
    """`folder` itself, when it holds a whole model.

    Raises:
        ModelError: it does not; the error says exactly which file is missing or damaged.
    """
    problem = folder_problem(folder)
    if problem is not None:
        raise ModelError(problem)
    return folder


def is_model_folder(folder: Path) -> bool:
    """Whether `folder` exists and holds a whole model."""
    return folder.is_dir() and folder_problem(folder) is None


def folder_problem(folder: Path) -> Problem | None:
    """The first problem that a loader would have with `folder`; None if it holds a whole model."""
    try:
        return next(_problems(folder), None)
    except OSError as error:
        return Problem(f"the model folder cannot be read: {error.strerror or error}", str(folder))


def _problems(folder: Path) -> Iterator[Problem]:
    where = str(folder)
    if not (folder / "config.json").is_file():
        fix = "a model folder has config.json, *.safetensors and tokenizer.json"
        if (folder / "adapter_config.json").is_file():
            fix = "name the base model the adapter was made for"
            yield Problem("this is a LoRA adapter, not a base model", where, fix)
        if ggufs := sorted(folder.glob("*.gguf")):
            fix = f"to use the GGUF file, name the file itself: {ggufs[0]}"
        yield Problem("config.json is missing", where, fix)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        yield no_safetensors(where, (file.name for file in folder.iterdir()))
    yield from filter(None, [_shards_problem(folder), *map(_file_problem, weights)])
    if not any(all((folder / name).is_file() for name in names) for names in TOKENIZER_CHOICES):
        fix = "copy the tokenizer files of the model there (or tokenizer.model)"
        yield Problem("tokenizer.json is missing", where, fix)


def is_pickle(name: str) -> bool:
    """Whether a file name says that the file is a pickle of weights."""
    return name.endswith(PICKLE_SUFFIXES)


def no_safetensors(where: str, names: Iterable[str]) -> Problem:
    """The problem of a folder or repository `where` with files `names`, none of them safetensors."""
    files = sorted(names)
    if pickles := [name for name in files if is_pickle(name) and not name.startswith(NOT_WEIGHTS)]:
        what = f"the weights are a pickle ({pickles[0]}) and there is no *.safetensors; {SAFETENSORS_ONLY}"
        return Problem(what, where, "take a version of the model with model.safetensors, most have one")
    if ggufs := [name for name in files if name.endswith(".gguf")]:
        fix = "name the .gguf file itself instead, and download it first if it is on a hub"
        return Problem(f"there is no *.safetensors, only GGUF ({ggufs[0]})", where, fix)
    return Problem("*.safetensors is missing: there are no weights", where, "add model.safetensors, or all its shards")


def _shards_problem(folder: Path) -> Problem | None:
    index = folder / INDEX_FILE
    if not index.is_file():
        return None
    try:
        shards = {Path(shard) for shard in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Problem("the list of weight files is damaged", str(index), "fetch the file again")
    missing = sorted(shard for shard in shards if not (folder / shard).is_file())
    if not missing:
        return None
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return Problem(f"{missing[0]} is missing{more}", str(folder), f"{INDEX_FILE} lists it: copy it there")


def _file_problem(weights: Path) -> Problem | None:
    """Layout of safetensors: 8 bytes little-endian header size, header (JSON), tensor data up to the largest end offset."""
    size = weights.stat().st_size
    with weights.open("rb") as stream:
        head = stream.read(8)
        if LFS_POINTER.startswith(head) and head:
            return Problem(
                "only a Git LFS pointer, the weights themselves are elsewhere", str(weights), "run `git lfs pull` there"
            )
        header_size = int.from_bytes(head, "little")
        header = stream.read(header_size) if header_size <= size else b""
    try:
        ends = [tensor["data_offsets"][1] for name, tensor in json.loads(header).items() if name != "__metadata__"]
        expected = 8 + header_size + max(ends, default=0)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return Problem("not a safetensors file", str(weights), "fetch the file again")
    if size == expected:
        return None
    return Problem(f"cut short: {size} of {expected} bytes", str(weights), "fetch the file again")
