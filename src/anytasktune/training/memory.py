"""Memory of a run: how much is free, how much a step takes, and the largest streams that fit.

How a step is cut into streams never changes its result, so memory is a matter of planning: `micro_batch_tokens` is lowered
until the estimate fits, and halved again if an allocation still fails.
"""

import ctypes
import importlib
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch

from anytasktune.errors import PreflightError
from anytasktune.models.shape import ModelShape
from anytasktune.training.estimate import Load

Result = TypeVar("Result")

# Found with `python -m benchmarks.calibrate` (SmolLM2-135M in bfloat16 and float32, steps of 500 to 3,500 tokens).
# Steps took 12 % less to 2 % more than estimated with these.
ACTIVATIONS = 1.25
"""Measured over counted bytes of the activations kept for the backward pass."""
STEP_BYTES = 192 << 20
"""Memory of a step beside activations and logits, however small it is."""
PROCESS_BYTES = 320 << 20
"""Python, PyTorch and transformers themselves."""
_LOGIT_BYTES = 256 << 20
_LOGIT_COPIES = 2.5
_ADAPTER_COPIES = 6
_SHARE = 0.9
_SMALLEST = 16
_REFUSALS = ("not enough memory", "can't allocate memory", "cannot allocate memory", "out of memory", "bad alloc", "bad_alloc")
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Footprint:
    """The sizes that determine the memory of a step.

    Attributes:
        shape: the model's.
        size: bytes of a number in its precision.
        rank: of the adapter.
        largest: the step with most tokens.
        longest: tokens of the longest row with its prefix, which are always in one stream.
    """

    shape: ModelShape
    size: int
    rank: int
    largest: Load
    longest: int

    def concurrent_tokens(self, micro_batch_tokens: int) -> int:
        """Most tokens whose activations are in memory at the same time.

        A step that does not fit into one stream keeps its first, which carries the prefix, while the others come and go.
        """
        one = max(micro_batch_tokens, self.longest)
        return min(self.largest.tokens, one if self.largest.tokens <= one else 2 * one)

    def step_bytes(self, micro_batch_tokens: int) -> int:
        """Peak of a step beyond model and adapter."""
        share = self.concurrent_tokens(micro_batch_tokens) / max(1, self.largest.tokens)
        # the rows of a block are as wide as its longest, and a prefix' queries see a few keys that are masked
        pair_bytes = 1.2 * self.shape.layers * self.shape.heads * self.size
        kept = self.largest.tokens * token_bytes(self.shape, self.size) + self.largest.pairs * pair_bytes
        logits = min(_LOGIT_BYTES, 4.0 * share * self.largest.targets * self.shape.vocabulary)
        return int(ACTIVATIONS * share * kept + _LOGIT_COPIES * logits) + STEP_BYTES

    def adapter_bytes(self) -> int:
        """Weights, gradient, best weights, both moments in float32, and the weights in the model's precision."""
        return self.shape.adapter(self.rank) * 4 * _ADAPTER_COPIES

    def total_bytes(self, micro_batch_tokens: int) -> int:
        """Peak of the process."""
        model = self.shape.parameters * self.size
        return PROCESS_BYTES + model + self.adapter_bytes() + self.step_bytes(micro_batch_tokens)


def token_bytes(shape: ModelShape, size: int) -> float:
    """Activations that all layers keep of a token: inputs of the two norms in float32; of the products, queries, keys, values;
    factors and result of the gate."""
    products = 2 * shape.hidden + 2 * shape.queries + 2 * shape.states + 4 * shape.inner
    return shape.layers * (8.0 * shape.hidden + size * products)


def plan_micro_batch_tokens(wanted: int, footprint: Footprint, free: int | None) -> int:
    """The most tokens, up to `wanted`, that a stream can have for the step to fit into `free` bytes (None: not known).

    Raises:
        PreflightError: not even one row at a time fits.
    """
    if free is None:
        return wanted
    room = int(free * _SHARE) - footprint.adapter_bytes()
    if footprint.step_bytes(wanted) <= room:
        return wanted
    if (missing := footprint.step_bytes(_SMALLEST) - room) > 0:
        what = f"the longest row ({footprint.longest} tokens) needs {missing / 1e9:.1f} GB more memory than is free"
        fix = "close other programs, shorten the rows, lower max_length and skip_bad_rows=true, or choose a smaller model"
        raise PreflightError(what, fix=fix)
    low, high = _SMALLEST, wanted
    while high - low > max(1, low // 16):
        middle = (low + high) // 2
        low, high = (middle, high) if footprint.step_bytes(middle) <= room else (low, middle)
    return low


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error is a failed allocation; on a CPU PyTorch says so only in the message."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in message for words in _REFUSALS)


class ShrinkingStep:
    """Runs steps, with half the tokens per stream and once more when an allocation fails.

    Args:
        micro_batch_tokens: tokens per stream to begin with.
        clear: discards what a failed attempt has left, such as half a gradient.
        note: receives a line when streams get smaller.
    """

    def __init__(self, micro_batch_tokens: int, clear: Callable[[], None], note: Callable[[str], None]) -> None:
        self.micro_batch_tokens = micro_batch_tokens
        self._clear = clear
        self._note = note

    def run(self, step: Callable[[int], Result]) -> Result:
        """The result of `step(micro_batch_tokens)`.

        Raises:
            PreflightError: the smallest streams do not fit.
        """
        while True:
            try:
                return step(self.micro_batch_tokens)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                refused = str(error).splitlines()[0] if str(error) else type(error).__name__
            # out of the handler, whose traceback would keep the failed attempt's tensors
            self._clear()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            if self.micro_batch_tokens <= _SMALLEST:
                fix = "close other programs, shorten the rows, or choose a smaller model"
                raise PreflightError(f"not enough memory for a single row: {refused}", fix=fix)
            self.micro_batch_tokens = max(_SMALLEST, self.micro_batch_tokens // 2)
            self._note(f"not enough memory: going on with micro_batch_tokens={self.micro_batch_tokens}, to the same result")


def free_memory(device: torch.device) -> int | None:
    """Bytes that can still be allocated on a device, limits of containers and of the process included; None where unknown."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free) + int(unused)
    amounts = [_available(), of_cgroup(_CGROUP, _own_cgroup())]
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
