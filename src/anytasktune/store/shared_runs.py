"""Training runs in the store of a cluster: `runs/<target>/<id>/`, complete when `run.json` is there.

A worker trains on its own disk and sends what it has: checkpoints while it trains, then the finished run. A worker that
begins a run again goes on from the newest checkpoint. Two that finish the same run write the same files.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from anytasktune.errors import DamagedError
from anytasktune.schema import Run
from anytasktune.schema.training_order import TrainingOrder
from anytasktune.store.atomic import disk_errors, remove_artifact
from anytasktune.store.checksums import SUMS_FILE
from anytasktune.store.run_folder import ADAPTER_FOLDER, GOLDEN_FILE, METRICS_FILE, RUN_FILE, finished_run
from anytasktune.store.shared_store import SharedStore

_CHECKPOINT = "checkpoint-"


class SharedRun:
    """One training run in the store."""

    def __init__(self, store: SharedStore, target: str, run_id: str) -> None:
        self.store, self.target, self.run_id = store, target, run_id
        self._place = f"runs/{target}/{run_id}"

    @property
    def finished(self) -> bool:
        """Whether the whole run is in the store."""
        return self.store.exists(f"{self._place}/{RUN_FILE}")

    def write_order(self, order: TrainingOrder) -> None:
        """Write what is to be trained."""
        self.store.write_record(f"orders/{self.run_id}.json", order)

    def read_order(self) -> TrainingOrder:
        """Read what is to be trained; errors as `SharedStore.read_record`."""
        return self.store.read_record(f"orders/{self.run_id}.json", TrainingOrder)

    def send_checkpoint(self, folder: Path) -> None:
        """Copy a checkpoint into the store, with the log of the steps before it; older ones but the last are removed."""
        self.store.write(f"{self._place}/{METRICS_FILE}", (folder.parent / METRICS_FILE).read_bytes())
        self.store.send_folder(folder, f"{self._place}/{folder.name}", last=SUMS_FILE)
        for old in self._checkpoints()[:-2]:
            self.store.remove(f"{self._place}/{old}")

    def fetch_checkpoint(self, folder: Path) -> bool:
        """Copy the newest whole checkpoint into a run's folder on this machine; returns whether there was one."""
        for name in reversed(self._checkpoints()):
            if self.store.exists(f"{self._place}/{name}/{SUMS_FILE}"):
                self.store.fetch_folder(f"{self._place}/{name}", folder / name)  # checked against its sums when it is loaded
                with disk_errors(folder):
                    (folder / METRICS_FILE).write_bytes(self.store.read(f"{self._place}/{METRICS_FILE}"))
                return True
        return False

    def send(self, folder: Path) -> None:
        """Copy a finished run into the store, unless another worker was faster; `run.json` last, then checkpoints go."""
        if not self.finished:
            self.store.send_folder(folder / ADAPTER_FOLDER, f"{self._place}/{ADAPTER_FOLDER}", last=SUMS_FILE)
            for name in (METRICS_FILE, GOLDEN_FILE, RUN_FILE):
                if (folder / name).exists():
                    self.store.write(f"{self._place}/{name}", (folder / name).read_bytes())
        for old in self._checkpoints():
            self.store.remove(f"{self._place}/{old}")

    def fetch(self, folder: Path, note: Callable[[str], None]) -> Run | None:
        """Copy a finished run into a project; None where there is none yet.

        Args:
            folder: of the run; its parent is that of its target.
            note: receives a line on a run that is damaged, which is removed, so that it is trained anew.
        """
        if not self.finished:
            return None
        with _fetched_beside(folder) as made:
            for name in (METRICS_FILE, GOLDEN_FILE, RUN_FILE):
                if self.store.exists(f"{self._place}/{name}"):
                    (made / name).write_bytes(self.store.read(f"{self._place}/{name}"))
            self.store.fetch_folder(f"{self._place}/{ADAPTER_FOLDER}", made / ADAPTER_FOLDER)
            try:
                run = finished_run(made)
            except DamagedError as error:
                note(f"{self.store}/{self._place}: {error.problems[0].what}; the Task-LM is trained anew")
                self.store.remove(self._place)
                return None
            if run is not None and finished_run(folder) is None:  # at most a checkpoint of a training here
                remove_artifact(folder)
                made.rename(folder)
            return run

    def _checkpoints(self) -> list[str]:
        return [name for name in self.store.names(self._place) if name.startswith(_CHECKPOINT)]


@contextmanager
def _fetched_beside(folder: Path) -> Iterator[Path]:
    """A folder on the same disk that vanishes with the block, unless it is renamed."""
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
            made = Path(temporary) / folder.name
            made.mkdir()
            yield made
