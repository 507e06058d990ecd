"""What stages tell whoever watches them. The stages print nothing themselves."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from anytasktune.schema import DatasetManifest, DroppedRow, Estimate, Run
from anytasktune.settings import System
from anytasktune.training.preflight import Preflight

if TYPE_CHECKING:
    from anytasktune.training.loop import Progress


class Listener(Protocol):
    """Somebody who wants to know how far things are; the command line draws progress from this."""

    def dataset(self, manifest: DatasetManifest, dropped: Sequence[DroppedRow], *, built: bool) -> None:
        """A data set is ready, without the dropped rows; `built` is False if it was there already."""

    def left_out(self, look: Preflight) -> None:
        """Rows that fail the preflight are trained without, as `skip_bad_rows` says."""

    def note(self, text: str) -> None:
        """Something to know that is no error: what is skipped or left out of a training or a comparison, and why."""

    def loading(self, model: str) -> None:
        """The base model is about to be found and loaded."""

    def estimated(self, runs: int, whole: Estimate) -> None:
        """So many Task-LMs are about to be trained, which is expected to take this together."""

    def training(self, unit: str, progress: "Progress") -> None:
        """A training step was done."""

    def trained(self, unit: str, run: Run, *, built: bool) -> None:
        """A Task-LM is ready; `built` is False if it was there already."""

    def answering(self, task: str, system: System, done: int, total: int) -> None:
        """A system has answered `done` of `total` rows."""

    def answered(self, task: str, system: System, *, built: bool) -> None:
        """A system's predictions are ready."""

    def costing(self, task: str, expected: str) -> None:
        """A teacher is about to be asked, which is expected to take this."""

    def making(self, stage: str, name: str, done: int, total: int, detail: str = "") -> None:
        """A stage of making data has done `done` of `total`; `detail` is the figure to watch, such as the cost so far."""

    def made(self, stage: str, name: str, detail: str, *, lost: Mapping[str, int] | None = None, built: bool = True) -> None:
        """A stage of making data is through; `lost` counts, by reason, what did not come out of it."""


class Silent:
    """A listener that does nothing, for library use."""

    def dataset(self, manifest: DatasetManifest, dropped: Sequence[DroppedRow], *, built: bool) -> None: ...

    def left_out(self, look: Preflight) -> None: ...

    def note(self, text: str) -> None: ...

    def loading(self, model: str) -> None: ...

    def estimated(self, runs: int, whole: Estimate) -> None: ...

    def training(self, unit: str, progress: "Progress") -> None: ...

    def trained(self, unit: str, run: Run, *, built: bool) -> None: ...

    def answering(self, task: str, system: System, done: int, total: int) -> None: ...

    def answered(self, task: str, system: System, *, built: bool) -> None: ...

    def costing(self, task: str, expected: str) -> None: ...

    def making(self, stage: str, name: str, done: int, total: int, detail: str = "") -> None: ...

    def made(
        self, stage: str, name: str, detail: str, *, lost: Mapping[str, int] | None = None, built: bool = True
    ) -> None: ...
