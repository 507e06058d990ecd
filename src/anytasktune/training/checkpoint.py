"""Checkpoints: the state a killed run resumes from."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import torch
from filelock import FileLock, Timeout
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from anytasktune.errors import Problem, StoreError, TrainingError
from anytasktune.records import Record
from anytasktune.schema import EvalPoint
from anytasktune.store import atomic_folder, check_sums, disk_errors, read_record, remove_file, write_atomic, write_record

_STATE = "state.json"
_TENSORS = "tensors.safetensors"
_LOCK = ".lock"
_KEPT = 2


class RunState(Record):
    """The state of a run between two steps, without its tensors."""

    step: int
    """Optimiser steps done."""
    best: EvalPoint | None = None
    worse_evals: int = 0
    """Dev evaluations since the last one that was better by score or by loss."""
    dev_curve: list[EvalPoint] = Field(default_factory=list)
    last_loss: float = 0.0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Checkpoint:
    """A run's state with its tensors: `weights`, `best`, `evaluated` (one line per evaluation) and the optimiser's."""

    state: RunState
    tensors: dict[str, torch.Tensor]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint, then remove all older ones but the last, which stands in should this one be damaged.

    Returns its folder.
    """
    target = folder / f"checkpoint-{checkpoint.state.step:08d}"
    with atomic_folder(target) as temporary:
        write_atomic(temporary / _TENSORS, save(checkpoint.tensors))  # save_file would hide a full disk behind its own error
        write_record(temporary / _STATE, checkpoint.state)
    for old in sorted(folder.glob("checkpoint-*"))[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return target


class CheckpointWriter:
    """Writes checkpoints in a thread, one at a time. Use as a context manager: all is on disk when the block ends.

    A failed write raises from the next `submit`, or from `close`.

    Args:
        on_saved: receives the folder of each checkpoint, in that thread; what it raises counts as a failed write.
    """

    def __init__(self, folder: Path, on_saved: Callable[[Path], None] = lambda _: None) -> None:
        self.folder, self.on_saved = folder, on_saved
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._pending: Future[None] | None = None

    def submit(self, checkpoint: Checkpoint) -> None:
        """Copy the tensors now and write them soon; waits for the previous one, so that no more than two are in memory.

        Raises:
            StoreError: the previous one could not be written.
        """
        self._finish()
        tensors = {name: tensor.detach().to("cpu", copy=True) for name, tensor in checkpoint.tensors.items()}
        self._pending = self._thread.submit(self._save, Checkpoint(checkpoint.state, tensors))

    def _save(self, checkpoint: Checkpoint) -> None:
        self.on_saved(save_checkpoint(self.folder, checkpoint))

    def close(self) -> None:
        """Wait until everything is written.

        Raises:
            StoreError: something could not be written.
        """
        try:
            self._finish()
        finally:
            self._thread.shutdown()

    def _finish(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def __enter__(self) -> "CheckpointWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
            return
        with contextlib.suppress(StoreError):  # the error on its way out came first and says more
            self.close()


def load_checkpoint(folder: Path, note: Callable[[str], None] = lambda _: None) -> Checkpoint | None:
    """The newest intact checkpoint of a run, or None; `note` receives a line on each that is damaged and is removed."""
    for path in sorted(folder.glob("checkpoint-*"), reverse=True):
        try:
            check_sums(path)
            return Checkpoint(read_record(path / _STATE, RunState), load_file(path / _TENSORS))
        except (StoreError, SafetensorError, OSError) as error:
            what = error.problems[0] if isinstance(error, StoreError) else Problem(str(error), str(path))
            note(f"{what.where}: {what.what}; training resumes from an earlier checkpoint, or from the start")
            shutil.rmtree(path, ignore_errors=True)
    return None


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a finished run."""
    for path in folder.glob("checkpoint-*"):
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Lock a run against other processes, and remove half-written files that a killed one left.

    The lock is the operating system's: it ends with the process, however that ends.

    Raises:
        TrainingError: if another process trains this run.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        fix = "wait for it, or stop it"
        raise TrainingError("another process is training this run", where=str(folder), fix=fix) from None
    try:
        for leftover in folder.glob(".*"):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            elif leftover.name != _LOCK:
                remove_file(leftover)
        yield
    finally:
        lock.release()
        remove_file(folder / _LOCK)
