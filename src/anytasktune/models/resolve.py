"""A model's name → a local folder with its safetensors, config.json and tokenizer."""

import difflib
import os
import re
from pathlib import Path, PureWindowsPath

from anytasktune.errors import ModelError
from anytasktune.models.catalog import CATALOG, DEFAULT_MODEL, WAYS_TO_NAME_A_MODEL, CatalogEntry, nearest_names
from anytasktune.models.folder import SAFETENSORS_ONLY, check_model_folder, is_model_folder, is_pickle
from anytasktune.models.gguf import convert_gguf
from anytasktune.models.hub import cached_hub_folder, hub_folder
from anytasktune.models.modelscope import cached_modelscope_folder, modelscope_folder
from anytasktune.models.wheel import model_from_wheel, wheel_is_cached

MODELSCOPE_PREFIX = "modelscope:"
HUB_VARIABLE = "ANYTASKTUNE_HUB"
HUBS = ("huggingface", "modelscope")
_HUB_ID = re.compile(r"\w(?:[\w.-]*\w)?/\w(?:[\w.-]*\w)?")


def resolve_model(name: str) -> Path:
    """The local folder of a model, fetched and converted if need be.

    Tried in this order: an existing folder, an existing ``.gguf`` file, the alias of the embedded default,
    ``modelscope:org/name``, a Hub id ``org/name`` (from ModelScope when ANYTASKTUNE_HUB is ``modelscope``). What a cache
    holds whole is used without asking the network.

    Raises:
        ModelError: nothing has that name, or what has it cannot be fetched or used; the error says what can be done.
        StoreError: a cache is full or read-only.
    """
    name = name.strip()
    path = existing_path(name)
    if path is not None and path.is_dir():
        return check_model_folder(path)
    if path is not None:
        if _is_gguf(path):
            return convert_gguf(path)
        if is_pickle(path.name):
            raise ModelError(f"a pickle of weights is not read: {SAFETENSORS_ONLY}", where=str(path))
        fix = f"try its folder: {path.parent}"
        raise ModelError("a model is a folder or a .gguf file, not this", where=str(path), fix=fix)
    if name == DEFAULT_MODEL:
        return model_from_wheel()
    hub, repo = _hub_and_repo(name)
    return modelscope_folder(repo) if hub == "modelscope" else hub_folder(repo)


def hub_id(name: str) -> str | None:
    """The Hugging Face id that any machine finds a model by; None for folders, files, aliases and other hubs."""
    if existing_path(name) is not None or name == DEFAULT_MODEL:
        return None
    hub, repo = _hub_and_repo(name)
    return repo if hub == "huggingface" else None


def is_cached(name: str) -> bool:
    """Whether `resolve_model(name)` will do without a network; False for a name it would refuse."""
    name = name.strip()
    path = existing_path(name)
    if path is not None:
        return is_model_folder(path) if path.is_dir() else _is_gguf(path)
    if name == DEFAULT_MODEL:
        return wheel_is_cached()
    try:
        hub, repo = _hub_and_repo(name)
    except ModelError:
        return False
    return (cached_modelscope_folder(repo) if hub == "modelscope" else cached_hub_folder(repo)) is not None


def list_models() -> list[tuple[CatalogEntry, bool]]:
    """The catalogue, each model with whether it can be used without a network."""
    return [(entry, is_cached(entry.name)) for entry in CATALOG]


def existing_path(name: str) -> Path | None:
    """The folder or file that a name of a model names; None if it is an alias or an id of a hub."""
    try:
        path = Path(name).expanduser()
        return path if name and path.exists() else None
    except (OSError, ValueError, RuntimeError):  # a name no file can have, or an unknown user's home
        return None


def _is_gguf(path: Path) -> bool:
    return path.suffix.lower() == ".gguf"


def _hub_and_repo(name: str) -> tuple[str, str]:
    """Hub and repository of a name; raises ModelError for a name no hub can know."""
    repo = name.removeprefix(MODELSCOPE_PREFIX)
    if repo == name and _looks_like_path(name):
        raise ModelError("there is no such folder or file", where=name, fix=_nearest_path(Path(name)))
    if not _HUB_ID.fullmatch(repo):
        near = nearest_names(repo)
        fix = f"did you mean {' or '.join(near)}?" if near else WAYS_TO_NAME_A_MODEL
        raise ModelError(f"no model is called {name!r}", fix=fix)
    hub = os.environ.get(HUB_VARIABLE, "").strip().casefold() or HUBS[0]
    if repo == name and hub not in HUBS:
        raise ModelError(f"{HUB_VARIABLE} is {hub!r}", fix=f"set it to {' or '.join(HUBS)}, or unset it")
    return (hub if repo == name else "modelscope"), repo


def _looks_like_path(name: str) -> bool:
    return (
        name.startswith((".", "~", "/"))
        or "\\" in name
        or name.lower().endswith(("/", ".gguf", ".safetensors"))
        or name.count("/") > 1
        or bool(PureWindowsPath(name).drive)
    )


def _nearest_path(path: Path) -> str:
    parent = existing_path(str(path.parent))
    siblings = [entry.name for entry in parent.iterdir()] if parent is not None and parent.is_dir() else []
    if near := difflib.get_close_matches(path.name, siblings, n=1):
        return f"did you mean {path.parent / near[0]}?"
    return f"check the path, it is taken from {Path.cwd()}; {WAYS_TO_NAME_A_MODEL}"
