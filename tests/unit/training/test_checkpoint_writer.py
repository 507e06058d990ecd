"""Checkpoints are written beside the training, and none is ever half there."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from tests.bit_flips import flip_bit
from tests.limits import files_up_to

from anytasktune.errors import StoreError
from anytasktune.training.checkpoint import Checkpoint, CheckpointWriter, RunState, load_checkpoint

_ENDLESS = """
import sys
from pathlib import Path
from tests.unit.training.test_checkpoint_writer import checkpoint
from anytasktune.training.checkpoint import CheckpointWriter

with CheckpointWriter(Path(sys.argv[1])) as writer:
    for step in range(1, 1_000_000):
        writer.submit(checkpoint(step, 200_000))
        print(step, flush=True)
"""


def checkpoint(step: int, size: int = 1000) -> Checkpoint:
    return Checkpoint(RunState(step=step), {"weights": torch.full((size,), float(step))})


def read_step(folder: Path) -> int:
    """The step of the newest checkpoint, whose tensors must be those of that step."""
    found = load_checkpoint(folder)
    assert found is not None
    assert found.tensors["weights"].unique().tolist() == [found.state.step]
    return found.state.step


def test_after_the_block_only_the_last_two_checkpoints_are_on_disk(tmp_path: Path) -> None:
    with CheckpointWriter(tmp_path) as writer:
        for step in (1, 2, 3):
            writer.submit(checkpoint(step))
    assert read_step(tmp_path) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-00000002", "checkpoint-00000003"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("checkpoint")]


def test_weights_may_change_once_they_are_submitted(tmp_path: Path) -> None:
    given = checkpoint(1, 2_000_000)
    with CheckpointWriter(tmp_path) as writer:
        writer.submit(given)
        given.tensors["weights"].fill_(99.0)
    assert read_step(tmp_path) == 1


def test_a_write_that_fails_stops_the_training_at_the_next_one(tmp_path: Path) -> None:
    writer = CheckpointWriter(tmp_path)
    with files_up_to(2000):
        writer.submit(checkpoint(1))
        with pytest.raises(StoreError, match="cannot write"):
            writer.submit(checkpoint(2))
    writer.submit(checkpoint(3))
    writer.close()
    assert read_step(tmp_path) == 3


def test_a_last_write_that_fails_is_not_lost(tmp_path: Path) -> None:
    with files_up_to(2000), pytest.raises(StoreError, match="cannot write"), CheckpointWriter(tmp_path) as writer:
        writer.submit(checkpoint(1))
    assert load_checkpoint(tmp_path) is None


def test_an_error_of_the_training_is_not_hidden_and_submitted_checkpoints_are_kept(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), CheckpointWriter(tmp_path) as writer:
        writer.submit(checkpoint(1))
        raise KeyboardInterrupt
    assert read_step(tmp_path) == 1


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_killed_while_writing_there_is_a_whole_checkpoint(tmp_path: Path) -> None:
    root = str(Path(__file__).resolve().parents[3])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-c", _ENDLESS, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    for _ in range(9):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    output, _ = process.communicate()
    given = 9 + len(output.splitlines())
    assert given - 2 <= read_step(tmp_path) <= given + 1


@pytest.mark.parametrize("name", ["state.json", "tensors.safetensors", "SHA256SUMS"])
@pytest.mark.parametrize("place", [5, 10**9 + 7])
def test_a_damaged_checkpoint_gives_way_to_the_one_before_and_is_named(tmp_path: Path, name: str, place: int) -> None:
    with CheckpointWriter(tmp_path) as writer:
        for step in (1, 2):
            writer.submit(checkpoint(step))
    notes: list[str] = []
    for step, left in ((2, 1), (1, None)):
        flip_bit(tmp_path / f"checkpoint-{step:08d}" / name, place)
        found = load_checkpoint(tmp_path, notes.append)
        assert (found.state.step if found else None) == left
        assert f"checkpoint-{step:08d}" in notes[-1]
        assert not (tmp_path / f"checkpoint-{step:08d}").exists()
    assert len(notes) == 2
