"""The thread in which models answer: one question after the other; their memory is freed when nobody asks for a while."""

import gc
import queue
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from anytasktune.errors import AnyTaskTuneError, ConfigError, Problem
from anytasktune.pipeline.events import ignore_event
from anytasktune.pipeline.kept_systems import KeptSystems

IDLE_SECONDS = 600.0
_MOST_WAITING, _MOST_KEPT = 20, 50


@dataclass
class Trial:
    """Something a person tries: one answer per named system, or one run of an action.

    Attributes:
        results: name of a system → what came of it, in the order in which they answered.
        faults: name of a system → why it gave no answer.
        seconds: name of a system → time it took, loading of its model included.
    """

    project: str
    subject: str
    text: str
    names: tuple[str, ...]
    id: str = field(default_factory=lambda: secrets.token_hex(6))
    results: dict[str, object] = field(default_factory=dict)
    faults: dict[str, tuple[Problem, ...]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """Whether every system has answered or failed."""
        return len(self.results) + len(self.faults) == len(self.names)


Ask = Callable[[KeptSystems, str], object]
"""Lets a system of this name answer."""


class ModelThread:
    """Answers trials in a thread of its own, which ends after `idle_seconds` without one and frees all models.

    Nothing that answers is loaded before the first trial.
    """

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self.idle_seconds = idle_seconds
        self._waiting: queue.Queue[tuple[Trial, Ask]] = queue.Queue(_MOST_WAITING)
        self._kept: dict[str, Trial] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether models may be in memory."""
        return self._thread is not None

    def start(self, trial: Trial, ask: Ask) -> Trial:
        """Begin a trial behind those that wait; ConfigError where too many do."""
        with self._lock:
            try:
                self._waiting.put_nowait((trial, ask))
            except queue.Full:
                raise ConfigError(f"{_MOST_WAITING} questions wait already", fix="wait for their answers") from None
            self._kept[trial.id] = trial
            for old in list(self._kept)[:-_MOST_KEPT]:
                del self._kept[old]
            if self._thread is None:
                self._thread = threading.Thread(target=self._answer, daemon=True, name="models")
                self._thread.start()
        return trial

    def trial(self, identity: str, project: str) -> Trial | None:
        """The trial of this id; None where it was forgotten, or is of another project."""
        found = self._kept.get(identity)
        return found if found is not None and found.project == project else None

    def _answer(self) -> None:
        systems = KeptSystems(ignore_event)
        while True:
            try:
                trial, ask = self._waiting.get(timeout=self.idle_seconds)
            except queue.Empty:
                with self._lock:
                    if self._waiting.empty():
                        self._thread = None
                        break
                continue
            for name in trial.names:
                _answer_one(systems, trial, name, ask)
        del systems
        gc.collect()


def _answer_one(systems: KeptSystems, trial: Trial, name: str, ask: Ask) -> None:
    begun = time.monotonic()
    try:
        result = ask(systems, name)
    except AnyTaskTuneError as error:
        trial.faults[name] = error.problems
    except Exception as error:  # a fault of ours must not end the thread, and every trial after it
        trial.faults[name] = (Problem(f"{type(error).__name__}: {error}"),)
    else:
        trial.seconds[name] = time.monotonic() - begun
        trial.results[name] = result
