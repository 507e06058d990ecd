"""Inputs run in processes of their own: one that hangs, swells or crashes its process is a fault like any other."""

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.fuzz.scene import CPU_SECONDS, Outcome, Scene, run_scene

Key = tuple[str, int, int]
"""Family, seed and number of an input."""
WALL_SECONDS = 900.0
"""Time after which an input that does nothing is given up; one that computes is stopped by `CPU_SECONDS`."""
_ADDRESSES = 10 * 2**30
"""Address space of a worker; loading PyTorch takes some gigabytes of it without using them."""


@dataclass(frozen=True)
class Ended:
    """One input with its outcome and the time it took."""

    key: Key
    outcome: Outcome
    inputs: int
    seconds: float


def run_all(keys: Iterable[Key], make: Callable[[Key], Scene], processes: int) -> Iterator[Ended]:
    """Run inputs in `processes` worker processes; the outcomes come as they are ready."""
    workers = [_Worker(make) for _ in range(processes)]
    waiting = iter(keys)
    try:
        for worker in workers:
            worker.take(next(waiting, None))
        while busy := [worker for worker in workers if worker.key is not None]:
            multiprocessing.connection.wait([worker.ours for worker in busy], timeout=1.0)
            for worker in busy:
                ended = worker.result()
                if ended is not None:
                    worker.take(next(waiting, None))
                    yield ended
    finally:
        for worker in workers:
            worker.stop()


class _Worker:
    """A process that runs one input after the other, started anew when one has brought it down."""

    def __init__(self, make: Callable[[Key], Scene]) -> None:
        self._make = make
        self.key: Key | None = None
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.ours, theirs = context.Pipe()
        self._folder = tempfile.mkdtemp(prefix="fuzz-")
        self._process: Any = context.Process(target=_serve, args=(theirs, self._make, self._folder), daemon=True)
        self._process.start()
        theirs.close()

    def take(self, key: Key | None) -> None:
        self.key, self._since, self._cpu = key, time.monotonic(), _cpu_of(self._process.pid)
        if key is not None:
            self.ours.send(key)

    def result(self) -> Ended | None:
        """How the input ended that the worker was given; None while it runs."""
        assert self.key is not None
        seconds = time.monotonic() - self._since
        try:
            if self.ours.poll():
                ended: Ended = self.ours.recv()
                if ended.outcome.kind == "memory":  # its peak would hide that of the next input
                    self._restart()
                return ended
        except (EOFError, OSError):
            code = self._restart()
            return Ended(self.key, Outcome("traceback", f"the process ended with {code}"), 1, seconds)
        if (used := _cpu_of(self._process.pid) - self._cpu) > 2 * CPU_SECONDS or seconds > WALL_SECONDS:
            self._restart()
            return Ended(
                self.key, Outcome("hang", f"stopped after {seconds:.0f} s, {used:.0f} s of them computing"), 1, seconds
            )
        return None

    def _restart(self) -> Any:
        code = self.stop()
        self._start()
        return code

    def stop(self) -> Any:
        self._process.kill()
        self._process.join()
        self.ours.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        return self._process.exitcode


def _cpu_of(process: int) -> float:
    """Processor time of a process in seconds; 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _serve(theirs: Connection, make: Callable[[Key], Scene], folder: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ |= {"ANYTASKTUNE_CACHE": f"{folder}/cache", "HF_HUB_OFFLINE": "1", "HOME": f"{folder}/home"}
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            key = theirs.recv()
            start = time.monotonic()
            scene = make(key)
            outcome = run_scene(scene, Path(folder) / "scene")
            theirs.send(Ended(key, outcome, scene.counts, time.monotonic() - start))
