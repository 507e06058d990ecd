"""Progress events of the stages. A stage prints nothing; it passes records to `on_event`, and by default nobody receives them.

An event is a record with a stable JSON form (`event.model_dump_json()`); its field `event` names the kind.
"""

import time
from collections.abc import Callable
from typing import Literal

from pydantic import Field

from anytasktune.records import Record
from anytasktune.schema import Estimate
from anytasktune.settings import System

Stage = Literal[
    "ingest",
    "teacher",
    "feasibility",
    "synth",
    "augment",
    "gate",
    "judge",
    "data",
    "check",
    "model",
    "train",
    "head",
    "curve",
    "transfer",
    "shots",
    "answer",
    "matrix",
    "route",
    "forgetting",
    "export",
    "engine",
]
MOST_EXAMPLES = 5


class Started(Record):
    """A stage begins; or, without `total`, a remark on what is about to happen."""

    event: Literal["started"] = "started"
    stage: Stage
    name: str
    """The task, adapter target, folder or model it is about."""
    total: int | None = None
    detail: str = ""
    estimate: Estimate | None = None
    """Expected cost of all trainings that begin now."""


class Progress(Record):
    """A stage has done `done` of `total`."""

    event: Literal["progress"] = "progress"
    stage: Stage
    name: str
    system: System | None = None
    """The system that answers."""
    done: int
    total: int
    detail: str = ""
    seconds_left: float | None = None
    loss: float | None = None
    node: str = ""
    """The node of a cluster that does it; empty on this machine."""


class Finished(Record):
    """A stage is done with one task, adapter target or folder."""

    event: Literal["finished"] = "finished"
    stage: Stage
    name: str
    system: System | None = None
    artifact: str = ""
    """Id of the result."""
    reused: bool = False
    """The result existed already."""
    detail: str = ""
    seconds: float | None = None
    estimate_error: float | None = None
    """Relative difference between `seconds` and the estimate."""
    kept: int | None = None
    """Number of rows or candidates in the result, where others were dropped for the reasons in `dropped`."""
    dropped: dict[str, int] = Field(default_factory=dict)
    """Reason → number of rows, candidates or files that were not used."""
    examples: tuple[str, ...] = ()
    """The first of them, in words; at most `MOST_EXAMPLES`."""


class Note(Record):
    """A remark that is no error: what is skipped or left out, and why."""

    event: Literal["note"] = "note"
    text: str


class Warned(Record):
    """A warning about rows, which keeps none from being trained on."""

    event: Literal["warned"] = "warned"
    name: str
    """The task."""
    code: str
    where: str
    what: str
    fix: str


Event = Started | Progress | Finished | Note | Warned
OnEvent = Callable[[Event], None]


def ignore_event(event: Event) -> None:
    """The receiver of events where none is given."""


class Meter:
    """Reports progress of one stage, with the time left at its pace so far."""

    def __init__(self, on_event: OnEvent, stage: Stage, name: str, total: int, system: System | None = None) -> None:
        self._on_event, self._stage, self._name, self._system = on_event, stage, name, system
        self._begun = time.monotonic()
        on_event(Progress(stage=stage, name=name, system=system, done=0, total=total))

    def update(self, done: int, total: int, detail: str = "") -> None:
        """Report that `done` of `total` are done."""
        left = (time.monotonic() - self._begun) / done * (total - done) if done else None
        self._on_event(
            Progress(
                stage=self._stage,
                name=self._name,
                system=self._system,
                done=done,
                total=total,
                detail=detail,
                seconds_left=left,
            )
        )
