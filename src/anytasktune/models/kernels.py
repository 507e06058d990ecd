"""Compiled kernels for the elementwise work of a step (kernels.cpp), where a C++ compiler and AVX-512 with bfloat16 are found.

The library is compiled on first use, in about two seconds, and kept in the cache under a name made of its source, its options
and the compiler's version. Without it, or with `ANYTASKTUNE_KERNELS=off`, PyTorch computes the same.
"""

import ctypes
import functools
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import torch

from anytasktune.errors import StoreError
from anytasktune.ids import content_id
from anytasktune.models.cache import cache_root, draft_beside, publish_folder

KERNELS_VARIABLE = "ANYTASKTUNE_KERNELS"
_COMPILERS = ("c++", "g++", "clang++")
_OPTIONS = [
    *("-std=c++17", "-O3", "-fopenmp", "-shared", "-fPIC"),
    *("-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mfma", "-mprefer-vector-width=512"),
    *("-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-ffinite-math-only"),
    *("-fassociative-math", "-freciprocal-math"),
]
_SECONDS = 120
_SUFFIX = {torch.bfloat16: "bf16", torch.float32: "f32"}
_FILE = "kernels.so"


@dataclass(frozen=True)
class KernelState:
    """The library, or the reason why there is none.

    Attributes:
        advice: what to do where it could be had.
    """

    library: ctypes.CDLL | None
    reason: str = ""
    advice: str = ""

    @property
    def note(self) -> str:
        """The line that says that PyTorch takes over where kernels could run; empty where there is nothing to say."""
        told = self.advice or self.reason.startswith(KERNELS_VARIABLE)
        return (
            f"PyTorch computes without compiled kernels: {'; '.join(filter(None, (self.reason, self.advice)))}" if told else ""
        )


@functools.cache
def kernel_state() -> KernelState:
    """Find the library, compiled now if it has to be."""
    if os.environ.get(KERNELS_VARIABLE, "").strip().lower() == "off":
        return KernelState(None, f"{KERNELS_VARIABLE}=off")
    if platform.system() != "Linux" or not getattr(torch.cpu, "_is_avx512_bf16_supported", bool)():
        return KernelState(None, "not for this processor and system")
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None:
        return KernelState(None, "no C++ compiler found", "install g++ or clang++; training is about a quarter faster with it")
    try:
        return KernelState(ctypes.CDLL(str(_compiled(compiler))))
    except (OSError, StoreError, subprocess.SubprocessError) as error:
        stderr = getattr(error, "stderr", None) or str(error)
        lines = [line for line in stderr.splitlines() if line.strip()] or [type(error).__name__]
        return KernelState(None, f"{compiler} failed: {lines[-1].strip()}", "mend the compiler, or set ANYTASKTUNE_KERNELS=off")


def _compiled(compiler: str) -> Path:
    """The library's file in the cache."""
    source = files("anytasktune.models").joinpath("kernels.cpp").read_text(encoding="utf-8")
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True, timeout=_SECONDS).stdout  # noqa: S603
    target = cache_root() / "kernels" / content_id([source, _OPTIONS, version])
    if not (target / _FILE).exists():
        with draft_beside(target) as draft:
            (draft / "kernels.cpp").write_text(source, encoding="utf-8")
            words = [compiler, *_OPTIONS, str(draft / "kernels.cpp"), "-o", str(draft / _FILE)]
            subprocess.run(words, capture_output=True, text=True, check=True, timeout=_SECONDS)  # noqa: S603
            publish_folder(draft, target, lambda folder: (folder / _FILE).exists())
    return target / _FILE


def runs(*tensors: torch.Tensor | None) -> bool:
    """Whether kernels take these tensors: contiguous, on the CPU, all in bfloat16 or all in float32."""
    given = [tensor for tensor in tensors if tensor is not None]
    same = all(tensor.dtype == given[0].dtype and tensor.is_contiguous() for tensor in given)
    return same and given[0].device.type == "cpu" and given[0].dtype in _SUFFIX and kernel_state().library is not None


def call(name: str, dtype: torch.dtype, *arguments: torch.Tensor | int | float | None) -> None:
    """Run a kernel; tensors as the kernel reads them, which the caller has checked with `runs`."""
    library = kernel_state().library
    passed = [_argument(argument) for argument in arguments]
    getattr(library, f"{name}_{_SUFFIX[dtype]}")(*passed)


def _argument(argument: torch.Tensor | int | float | None) -> object:
    if isinstance(argument, torch.Tensor):
        return ctypes.c_void_p(argument.data_ptr())
    if isinstance(argument, float):
        return ctypes.c_float(argument)
    return ctypes.c_void_p(None) if argument is None else ctypes.c_int64(argument)
