"""A listener that remembers what it was told."""

from collections.abc import Sequence

from anytasktune.pipeline import Silent
from anytasktune.schema import DatasetManifest, DroppedRow, Run
from anytasktune.settings import System
from anytasktune.training.preflight import Preflight


class Recording(Silent):
    """What was made (`built`) and what was found, in order; the rows that were not used; and the notes."""

    def __init__(self) -> None:
        self.built: list[str] = []
        self.found: list[str] = []
        self.dropped: list[DroppedRow] = []
        self.manifests: list[DatasetManifest] = []
        self.looks: list[Preflight] = []
        self.notes: list[str] = []

    def dataset(self, manifest: DatasetManifest, dropped: Sequence[DroppedRow], *, built: bool) -> None:
        self._note(f"data {manifest.task}", built)
        self.manifests.append(manifest)
        self.dropped += dropped

    def left_out(self, look: Preflight) -> None:
        self.looks.append(look)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def trained(self, unit: str, run: Run, *, built: bool) -> None:
        self._note(f"train {unit}", built)

    def answered(self, task: str, system: System, *, built: bool) -> None:
        self._note(f"answer {task} {system}", built)

    def _note(self, what: str, built: bool) -> None:
        (self.built if built else self.found).append(what)
