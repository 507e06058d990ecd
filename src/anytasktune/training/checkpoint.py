"""What a killed run needs to go on as if nothing had happened."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from anytasktune.errors import StoreError, TrainingError
from anytasktune.schema import EvalPoint, Record
from anytasktune.store import building, disk_errors, read_record, write_record

_STATE = "state.json"
_TENSORS = "tensors.safetensors"
_LOCK = ".lock"


class RunState(Record):
    """The numbers of a run at a step boundary."""

    step: int
    """Optimiser steps done."""
    best_step: int = 0
    best_loss: float | None = None
    worse_evals: int = 0
    """Dev evaluations since the best one."""
    dev_curve: list[EvalPoint] = Field(default_factory=list)
    last_loss: float = 0.0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Checkpoint:
    """A run's state with its tensors: `weights`, `best` and the optimiser's."""

    state: RunState
    tensors: dict[str, torch.Tensor]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, then remove older ones; a crash at any moment leaves at least one whole."""
    target = folder / f"checkpoint-{checkpoint.state.step:08d}"
    with building(target) as temporary:
        with disk_errors(target):  # save_file would hide a full disk behind an error of its own
            (temporary / _TENSORS).write_bytes(save(checkpoint.tensors))
        write_record(temporary / _STATE, checkpoint.state)
    for old in folder.glob("checkpoint-*"):
        if old != target:
            shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest readable checkpoint of a run, or None."""
    for path in sorted(folder.glob("checkpoint-*"), reverse=True):
        try:
            return Checkpoint(read_record(path / _STATE, RunState), load_file(path / _TENSORS))
        except (StoreError, SafetensorError, ValidationError, OSError):
            shutil.rmtree(path, ignore_errors=True)
    return None


def remove_checkpoints(folder: Path) -> None:
    """A finished run needs none."""
    for path in folder.glob("checkpoint-*"):
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def sole_trainer(folder: Path) -> Iterator[None]:
    """Keep other processes from training the same run, and clear away what a killed one left half-written.

    The lock is the operating system's: it ends with the process, however that ends.

    Raises:
        TrainingError: if another process is at it.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        fix = "wait for it, or stop it"
        raise TrainingError("another process is training this very run", where=str(folder), fix=fix) from None
    try:
        for leftover in folder.glob(".*"):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            elif leftover.name != _LOCK:
                leftover.unlink(missing_ok=True)
        yield
    finally:
        lock.release()
        (folder / _LOCK).unlink(missing_ok=True)
