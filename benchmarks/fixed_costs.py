"""What is paid before any work is done: the help text, and a cold start up to the first optimiser step."""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.machine import ROOT
from benchmarks.our_engine import Setup


@dataclass(frozen=True)
class FixedCosts:
    """Seconds. The model is in the cache, the files are in the system's memory."""

    help_seconds: list[float]
    task: str
    first_step: list[dict[str, float]]
    """Per cold start: stage → seconds; their sum is the time from the start of the process to the end of its first step."""

    @property
    def best_help(self) -> float:
        return min(self.help_seconds)

    @property
    def best_start(self) -> dict[str, float]:
        return min(self.first_step, key=lambda stages: sum(stages.values()))


def measure_fixed_costs(task: str, folder: Path | None, setup: Setup, times: int) -> FixedCosts:
    """Start fresh processes one after another."""
    starts = [_first_step(task, folder, setup) for _ in range(1 + times)]
    return FixedCosts([_help() for _ in range(2 * times + 1)], task, starts[1:])


def _help() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "anytasktune", "--help"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def _first_step(task: str, folder: Path | None, setup: Setup) -> dict[str, float]:
    place = str(folder.resolve()) if folder else ""
    command = [sys.executable, "-m", "benchmarks.first_step", task, place, json.dumps(asdict(setup))]
    clock = time.time()
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=True)
    stages = {}
    for line in done.stdout.splitlines():
        stamp = json.loads(line)
        stages[stamp["stage"]] = stamp["clock"] - clock
        clock = stamp["clock"]
    return stages
