"""Units submitted to a cluster as places become free, longest first, and their ends in the order in which they come."""

import contextlib
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anytasktune.cluster.event_box import NAMESPACE, CommandStatus, EventBox, RunningUnit
from anytasktune.cluster.ray_session import RaySession, Share
from anytasktune.cluster.unit_plan import Unit
from anytasktune.cluster.worker_task import BEGUN, Outcome, Send, perform
from anytasktune.errors import Problem, TrainingError, counted

_LOOK_SECONDS = 0.2
_CANCEL_SECONDS = 10.0
"""Time for a cancelled unit to end by itself."""
MOST_RETRIES = 3
"""Times that Ray gives a unit to another worker when its process or node has ended."""


@dataclass(frozen=True)
class Ended:
    """A unit that is no longer run.

    Attributes:
        workers: names of the nodes that began it, the last one last; several where a worker ended before its unit.
    """

    unit: Unit
    outcome: Outcome
    workers: tuple[str, ...]


@dataclass
class _Open:
    """A unit that was submitted."""

    unit: Unit
    workers: list[str] = field(default_factory=list)
    pid: int = 0
    state: str = ""


class UnitPool:
    """Runs units on a cluster; a context manager, which cancels what still runs when the block ends.

    Args:
        receive: gets each line of a worker, with the name of its node; returns the state of its unit in a few words.
        note: gets a line where a worker was lost.
    """

    def __init__(
        self, session: RaySession, share: Share, receive: Callable[[str, str], str], note: Callable[[str], None]
    ) -> None:
        self._session, self._ray, self._share = session, session.ray, share
        self._receive, self._note = receive, note
        self._open: dict[str, _Open] = {}
        self._refs: dict[Any, str] = {}
        self._since = time.strftime("%Y-%m-%d %H:%M:%S")
        self._ended = 0
        self._waiting = 0

    def __enter__(self) -> "UnitPool":
        strategy = sys.modules["ray"].util.scheduling_strategies.NodeAffinitySchedulingStrategy
        here = strategy(self._ray.get_runtime_context().get_node_id(), soft=False)  # it lives as long as this command
        self._name = f"tune-{uuid.uuid4().hex[:6]}"
        options = {"num_cpus": 0, "name": self._name, "namespace": NAMESPACE, "scheduling_strategy": here, "max_restarts": -1}
        self._box = self._ray.remote(EventBox).options(**options).remote()
        return self

    def __exit__(self, *_: object) -> None:
        self._cancel()
        self._ray.kill(self._box)

    def slots(self) -> int:
        """Number of units that can run at the same time on the nodes there are."""
        nodes = self._session.nodes(with_gpu=self._share.gpus > 0)
        return max(1, sum(self._share.times_in(node) for node in nodes))

    def run(self, work: Callable[[Any, Send], None], units: Sequence[Unit], orders: Mapping[Unit, Any]) -> Iterator[Ended]:
        """Do the units, in their order, and yield each as it ends.

        No unit is begun any more after one that a disk refused.

        Args:
            work: does a unit in a worker's process.
            orders: what each unit is about.

        Raises:
            TrainingError: `anytasktune cluster cancel` was called.
        """
        task = self._ray.remote(perform).options(
            num_cpus=self._share.cpus, num_gpus=self._share.gpus, max_retries=MOST_RETRIES, retry_exceptions=False
        )
        waiting = list(units)
        while waiting or self._refs:
            while waiting and len(self._refs) < self.slots():
                unit, key = waiting.pop(0), uuid.uuid4().hex
                self._open[key] = _Open(unit)
                self._refs[task.remote(work, orders[unit], key, self._box)] = key
            self._waiting = sum(len(unit.members) for unit in waiting)
            ready, _ = self._ray.wait(list(self._refs), timeout=_LOOK_SECONDS)
            self._take_lines()
            for ref in ready:
                ended = self._end(ref)
                if ended.outcome.disk:
                    waiting.clear()
                yield ended

    def _end(self, ref: Any) -> Ended:
        entry = self._open.pop(self._refs.pop(ref))
        self._ended += len(entry.unit.members)
        try:
            outcome = self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            reason = str(error).strip().partition("\n")[0]
            what = f"its worker ended {counted(max(1, len(entry.workers)), 'time')}, the last time: {reason}"
            fix = "see that the nodes have enough memory, then run the same command again"
            outcome = Outcome((Problem(what, ", ".join(entry.unit.members), fix),))
        return Ended(entry.unit, outcome, tuple(entry.workers))

    def _take_lines(self) -> None:
        running = [
            RunningUnit(
                members=list(entry.unit.members),
                node=entry.workers[-1] if entry.workers else "",
                pid=entry.pid,
                state=entry.state,
            )
            for entry in self._open.values()
        ]
        status = CommandStatus(
            box=self._name,
            command=" ".join(["anytasktune", *sys.argv[1:]]),
            since=self._since,
            waiting=self._waiting,
            ended=self._ended,
            running=running,
        )
        try:
            lines, cancelled = self._ray.get(self._box.take.remote(status.model_dump_json()))
        except self._ray.exceptions.RayActorError:  # ended, where the memory is full, and begun again without its lines
            return
        for key, line in lines:
            self._take_line(self._open.get(key), line)
        if cancelled:
            raise TrainingError("cancelled by `anytasktune cluster cancel`", fix="run the same command again to go on")

    def _take_line(self, entry: _Open | None, line: str) -> None:
        if entry is None:  # its unit has ended, and what it made is in the store
            return
        first, _, rest = line.partition(" ")
        if first != BEGUN:
            entry.state = self._receive(line, entry.workers[-1] if entry.workers else "") or entry.state
            return
        node, _, pid = rest.rpartition(" ")
        entry.pid = int(pid)
        if entry.workers:
            names = ", ".join(entry.unit.members)
            self._note(f"{names}: the worker on {entry.workers[-1]} has ended; {node} goes on from the last checkpoint")
        entry.workers.append(node)

    def _cancel(self) -> None:
        """End what still runs: as Ctrl-C does, and by force after some seconds."""
        refs = list(self._refs)
        if not refs:
            return
        for ref in refs:
            self._ray.cancel(ref)
        _, late = self._ray.wait(refs, num_returns=len(refs), timeout=_CANCEL_SECONDS)
        for ref in late:
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.cancel(ref, force=True)
        self._refs.clear()
