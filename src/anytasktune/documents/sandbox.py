"""Reads files in processes of their own: a file that crashes, hangs or swells its reader is skipped, and reading goes on."""

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

from anytasktune.documents.discovery import DocumentFile
from anytasktune.documents.formats import read_file, skipped_document
from anytasktune.documents.skip_reasons import broken, too_large
from anytasktune.errors import counted
from anytasktune.schema.passages import ReadDocument


@dataclass(frozen=True)
class Limits:
    """Limits on reading one file.

    Attributes:
        seconds: time for any file.
        seconds_per_megabyte: more time for large ones.
        megabytes: memory, where the system can limit a process (Linux).
        processes: number of files that are read at once.
    """

    seconds: float = 60.0
    seconds_per_megabyte: float = 2.0
    megabytes: int = 2048
    processes: int = 2


def read_sandboxed(files: Sequence[DocumentFile], limits: Limits) -> Iterator[ReadDocument]:
    """Read files in worker processes; the results come in the order of the files, each as soon as it is there."""
    if not files:
        return
    here = threading.local()
    workers: list[_Worker] = []

    def read(file: DocumentFile) -> ReadDocument:
        if not hasattr(here, "worker"):
            here.worker = _Worker(limits)
            workers.append(here.worker)
        return here.worker.read(file)  # type: ignore[no-any-return]

    with ThreadPoolExecutor(min(limits.processes, len(files))) as threads:
        try:
            yield from threads.map(read, files)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            for worker in workers:
                worker.stop()


def serve(megabytes: int) -> None:
    """Run a worker process: a line of JSON in, a line of JSON out, until standard input is closed."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - only where the system has it

        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20, megabytes * 2**20))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whatever a library prints must not come between the answers
    for line in sys.stdin.buffer:
        request = json.loads(line)
        document = read_file(Path(os.fsdecode(bytes.fromhex(request["path"]))), request["format"], request["sha256"])
        answers.write(document.model_dump_json().encode() + b"\n")
        answers.flush()


class _Worker:
    """A process that reads one file after the other, started anew when a file has brought it down."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, file: DocumentFile) -> ReadDocument:
        seconds = self._limits.seconds + self._limits.seconds_per_megabyte * file.size / 2**20
        process = self._process = self._process or _start(self._limits.megabytes)
        timed_out = threading.Event()

        def kill() -> None:
            timed_out.set()
            process.kill()

        clock = threading.Timer(seconds, kill)
        clock.start()
        try:
            answer = _ask(process, file)
        finally:
            clock.cancel()
        try:
            return ReadDocument.model_validate_json(answer)
        except ValidationError:
            self.stop()
            took_long = too_large(f"reading it took more than {counted(round(seconds), 'second')}")
            why = took_long if timed_out.is_set() else broken("reading it crashed the reader")
            return skipped_document(why, file.format_name, file.sha256)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for stream in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    stream.close()  # type: ignore[union-attr]
            process.wait()


def _start(megabytes: int) -> "subprocess.Popen[bytes]":
    package = Path(__file__).parents[2]
    path = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH", "")]))
    code = f"from anytasktune.documents.sandbox import serve; serve({megabytes})"
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-P", "-c", code],  # -P: a file called json.py in the folder of documents must not be imported
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )


def _ask(process: "subprocess.Popen[bytes]", file: DocumentFile) -> bytes:
    """The worker's answer; empty or cut off if the process has ended."""
    line = json.dumps({"path": os.fsencode(file.path).hex(), "format": file.format_name, "sha256": file.sha256})
    try:
        process.stdin.write(line.encode() + b"\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        return process.stdout.readline()  # type: ignore[union-attr]
    except (OSError, ValueError):
        return b""
