"""A whole pool on one GPU, wall clock with start-up: ours against TRL with Liger and Unsloth, one process each.

    python -m benchmarks.gpu_pool --model Qwen/Qwen3-0.6B [--tasks-folder FOLDER] [--tasks 20] [--rows 2000]

Every side trains one adapter per task and saves it: one epoch over the same rows as the same tokens, with the same batch, rank,
peak rate and cosine. The peers get the kindest reading of "one task after another": one process, the base loaded once. A peer
that is not installed is left out, and a line says so. Download the model before: the network is not to be timed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.bench_tasks import tasks_folder
from benchmarks.machine import ROOT, Machine, this_machine

_NEEDED = {"ours": ("anytasktune",), "trl_liger": ("trl", "liger_kernel"), "unsloth": ("unsloth", "trl")}


@dataclass(frozen=True)
class PoolJob:
    """What every side is given."""

    model: str
    folder: str
    tasks: int
    rows: int
    batch: int
    rank: int
    learning_rate: float
    device: str
    out: str


@dataclass(frozen=True)
class PoolResult:
    """Wall clock of one side, from the start of its process to its end."""

    side: str
    seconds: float
    adapters: int
    examples: int

    @property
    def per_second(self) -> float:
        return self.examples / self.seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every side that is installed; print and write a table. Returns 1 if a side failed."""
    given = _parser().parse_args(arguments)
    results, failed = [], False
    for side in [name for name in given.sides.split(",") if name]:
        if missing := [package for package in _NEEDED[side] if find_spec(package) is None]:
            print(f"{side}: left out, {', '.join(missing)} cannot be imported")
            continue
        with tempfile.TemporaryDirectory(prefix="bench-pool-") as place:
            result = _run(side, _job(given, place))
        failed |= result is None
        results += [result] if result else []
    path = given.out / f"{this_machine().day}-gpu-pool.json"
    _write(path, this_machine(), given.model, results)
    print(_table(results), path, sep="\n")
    return int(failed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_pool", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--model", default="Qwen/Qwen3-0.6B", help="folder or Hub id")
    add("--tasks-folder", dest="folder", type=Path)
    add("--tasks", type=int, default=20)
    add("--rows", type=int, default=2000, help="rows per task; a task with fewer repeats them")
    add("--batch", type=int, default=16)
    add("--rank", type=int, default=16)
    add("--learning-rate", type=float, default=5e-4)
    add("--device", default="cuda")
    add("--sides", default=",".join(_NEEDED))
    add("--out", type=Path, default=ROOT / "benchmarks" / "results")
    return parser


def _job(given: argparse.Namespace, place: str) -> PoolJob:
    folder = tasks_folder(given.folder)
    return PoolJob(
        model=given.model,
        folder=str(folder.resolve()) if folder else "",
        tasks=given.tasks,
        rows=given.rows,
        batch=given.batch,
        rank=given.rank,
        learning_rate=given.learning_rate,
        device=given.device,
        out=place,
    )


def _run(side: str, job: PoolJob) -> PoolResult | None:
    print(f"{side} ...", flush=True)
    command = [sys.executable, "-m", f"benchmarks.gpu_{side}", json.dumps(asdict(job))]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, check=False)
    seconds = time.perf_counter() - start
    adapters = len(list(Path(job.out).rglob("adapter_model.safetensors")))
    if done.returncode or adapters != job.tasks:
        print(f"{side}: failed with exit code {done.returncode}, {adapters} of {job.tasks} adapters")
        return None
    return PoolResult(side, seconds, adapters, job.tasks * job.rows)


def _table(results: Sequence[PoolResult]) -> str:
    lines = ["| side | seconds | examples/s | adapters |", "|---|---:|---:|---:|"]
    lines += [f"| {r.side} | {r.seconds:,.1f} | {r.per_second:,.1f} | {r.adapters} |" for r in results]
    ours = next((result.seconds for result in results if result.side == "ours"), 0.0)
    peers = [result.seconds for result in results if result.side != "ours"]
    return "\n".join(
        [*lines, f"\nbest peer / ours: {min(peers) / ours:.2f}" if ours and peers else "\nno ratio: a side is missing"]
    )


def _write(path: Path, machine: Machine, model: str, results: Sequence[PoolResult]) -> None:
    content = {"machine": asdict(machine), "model": model, "results": [asdict(result) for result in results]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main())
