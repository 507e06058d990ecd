"""Files from strangers are read in processes of their own: one that crashes, hangs or swells is that file's end, not ours."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from anytasktune.documents.read_file import left_out
from anytasktune.documents.refusal import broken, too_large
from anytasktune.schema.passages import ReadDocument


@dataclass(frozen=True)
class Limits:
    """What reading one file may take.

    Attributes:
        seconds: time for any file.
        seconds_per_megabyte: more time for large ones.
        megabytes: memory, where the system can hold a process to it (Linux).
        processes: how many files are read at once.
    """

    seconds: float = 60.0
    seconds_per_megabyte: float = 2.0
    megabytes: int = 2048
    processes: int = 2


@dataclass(frozen=True)
class Request:
    """A file to read."""

    path: Path
    kind: str
    sha256: str
    bytes: int


def read_isolated(requests: Sequence[Request], limits: Limits) -> Iterator[ReadDocument]:
    """Read files in worker processes; the results come in the order of the requests, each as soon as it is there."""
    if not requests:
        return
    count = min(limits.processes, len(requests))
    here = threading.local()
    workers: list[_Worker] = []

    def read(request: Request) -> ReadDocument:
        if not hasattr(here, "worker"):
            here.worker = _Worker(limits)
            workers.append(here.worker)
        return here.worker.read(request)  # type: ignore[no-any-return]

    with ThreadPoolExecutor(count) as threads:
        try:
            yield from threads.map(read, requests)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            for worker in workers:
                worker.stop()


class _Worker:
    """A process that reads one file after the other, started anew when one has brought it down."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, request: Request) -> ReadDocument:
        seconds = self._limits.seconds + self._limits.seconds_per_megabyte * request.bytes / 2**20
        process = self._running()
        timed_out = threading.Event()
        clock = threading.Timer(seconds, _end, (process, timed_out))
        clock.start()
        try:
            answer = _ask(process, request)
        finally:
            clock.cancel()
        try:
            return ReadDocument.model_validate_json(answer)
        except ValidationError:
            self.stop()
            if timed_out.is_set():
                return left_out(too_large(f"reading it took more than {seconds:.0f} seconds"), request.kind, request.sha256)
            return left_out(broken("reading it brought the reader down"), request.kind, request.sha256)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for stream in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    stream.close()  # type: ignore[union-attr]
            process.wait()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            package = Path(__file__).parents[2]
            path = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH", "")]))
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                # -P: a file called json.py in the folder of documents must not be imported
                [sys.executable, "-P", "-m", "anytasktune.documents.worker", str(self._limits.megabytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path},
            )
        return self._process


def _ask(process: "subprocess.Popen[bytes]", request: Request) -> bytes:
    """The worker's line; empty or cut off if it is no more."""
    line = json.dumps({"path": os.fsencode(request.path).hex(), "kind": request.kind, "sha256": request.sha256})
    try:
        process.stdin.write(line.encode() + b"\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        return process.stdout.readline()  # type: ignore[union-attr]
    except (OSError, ValueError):
        return b""


def _end(process: "subprocess.Popen[bytes]", timed_out: threading.Event) -> None:
    timed_out.set()
    process.kill()
