"""What the numbers were measured on."""

import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from anytasktune.version import __version__

ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = ("torch", "transformers", "peft", "trl", "accelerate", "liger-kernel", "unsloth", "flash-attn")
_TELLING_FLAGS = re.compile(r"avx|amx|bf16|asimd|sve|neon|fma")
_VARIABLES = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "LD_PRELOAD")


@dataclass(frozen=True)
class Machine:
    """One computer at one moment."""

    day: str
    system: str
    processor: str
    cores: int
    flags: list[str]
    memory_gb: float
    gpu: str
    load: list[float]
    """Running processes on average over 1, 5 and 15 minutes, before the first measurement."""
    threads: int
    versions: dict[str, str]
    commit: str
    environment: dict[str, str]

    @property
    def slug(self) -> str:
        """A short name for files."""
        words = re.sub(r"[^a-z0-9]+", "-", self.processor.lower()).strip("-")
        return f"{words[:32]}-{self.cores}-cores"


def this_machine() -> Machine:
    """Look around."""
    return Machine(
        day=date.today().isoformat(),
        system=platform.platform(),
        processor=_processor(),
        cores=os.cpu_count() or 1,
        flags=_flags(),
        memory_gb=_memory_gb(),
        gpu=torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none",
        load=[round(value, 2) for value in getattr(os, "getloadavg", lambda: ())()],
        threads=torch.get_num_threads(),
        versions=_versions(),
        commit=_commit(),
        environment={name: os.environ[name] for name in _VARIABLES if name in os.environ},
    )


def code_digest() -> str:
    """Hash of the program's and the benchmarks' source: measurements of other code are not taken for this one's."""
    digest = sha256()
    for folder in ("src", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _cpuinfo(field: str) -> str:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return ""
    found = re.search(rf"^{field}\s*:\s*(.+)$", path.read_text(encoding="utf-8"), re.M)
    return found[1].strip() if found else ""


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _flags() -> list[str]:
    return [flag for flag in (_cpuinfo("flags") or _cpuinfo("Features")).split() if _TELLING_FLAGS.search(flag)]


def _memory_gb() -> float:
    if not hasattr(os, "sysconf"):
        return 0.0
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


def _versions() -> dict[str, str]:
    found = {"anytasktune": __version__, "python": sys.version.split()[0]}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "src", "benchmarks")
        return git("rev-parse", "--short=12", "HEAD") + (" with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
