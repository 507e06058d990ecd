"""Memory that is free on a device, limits of containers and of the process included."""

import ctypes
import importlib
import re
import subprocess
import sys
from pathlib import Path

import torch

_CGROUP = Path("/sys/fs/cgroup")


def free_memory(device: torch.device) -> int | None:
    """Bytes that can still be allocated on a device, limits of containers and of the process included; None where unknown."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free) + int(unused)
    amounts = [_available()]
    if device.type == "mps":  # of the memory that it shares with the processor, an Apple GPU may take a part
        amounts.append(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    amounts += [of_cgroup(_CGROUP, _own_cgroup())]
    if sys.platform == "linux":
        resource = importlib.import_module("resource")  # Windows has none
        most, _ = resource.getrlimit(resource.RLIMIT_AS)
        if most != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            amounts.append(int(most - pages * resource.getpagesize()))
    known = [amount for amount in amounts if amount is not None]
    return max(0, min(known)) if known else None


def _available() -> int | None:
    """Available memory as the operating system reports it."""
    try:
        if sys.platform == "win32":
            return _of_windows()
        if sys.platform == "darwin":
            return of_vm_stat(subprocess.run(["/usr/bin/vm_stat"], capture_output=True, text=True, check=True).stdout)
        return of_meminfo(Path("/proc/meminfo").read_text(encoding="ascii"))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def of_meminfo(text: str) -> int | None:
    """Available memory on Linux: free, or used only to cache files."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.M)
    return int(found[1]) * 1024 if found else None


def of_vm_stat(text: str) -> int | None:
    """Available memory on macOS: pages that are free, inactive, speculative or purgeable."""
    size = re.search(r"page size of (\d+) bytes", text)
    pages = re.findall(r"^Pages (?:free|inactive|speculative|purgeable):\s+(\d+)\.", text, re.M)
    return int(size[1]) * sum(map(int, pages)) if size and pages else None


def _of_windows() -> int | None:  # pragma: no cover
    sizes = ("total", "available", "pages", "free_pages", "address", "free_address", "more")

    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong), *((name, ctypes.c_ulonglong) for name in sizes)]

    status = Status(length=ctypes.sizeof(Status))
    windows = getattr(ctypes, "windll")  # noqa: B009
    return int(status.available) if windows.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else None


def _own_cgroup() -> str:
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.removeprefix("0::").strip("/") for line in lines if line.startswith("0::")), "")


def of_cgroup(root: Path, group: str = "") -> int | None:
    """Least memory left below the limits of a control group and of its parents (version 2, or 1)."""
    here = root / group
    parents = [here, *(place for place in here.parents if place.is_relative_to(root))]
    left = [_left_in(place, "memory.max", "memory.current", "inactive_file") for place in parents]
    left.append(_left_in(root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"))
    return min((amount for amount in left if amount is not None), default=None)


def _left_in(folder: Path, limit: str, usage: str, reclaimable: str) -> int | None:
    try:
        most, used = int((folder / limit).read_text(encoding="ascii")), int((folder / usage).read_text(encoding="ascii"))
        found = re.search(rf"^{reclaimable} (\d+)", (folder / "memory.stat").read_text(encoding="ascii"), re.M)
    except (OSError, ValueError):  # no such group, or "max": no limit
        return None
    return most - used + (int(found[1]) if found else 0)
