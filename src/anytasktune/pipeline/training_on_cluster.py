"""Task-LMs trained on a Ray cluster: planned and recorded here, trained by the workers, with the ids they would have here."""

import math
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from anytasktune.cluster.ray_session import AUTO, Node, RaySession, Share, choose_share, connected
from anytasktune.cluster.unit_plan import Unit, makespan, plan_units
from anytasktune.cluster.unit_pool import Ended, UnitPool
from anytasktune.cluster.worker_facts import WorkerFacts, computing_problems, version_problems
from anytasktune.errors import ConfigError, Problem, StoreError, TrainingError, counted
from anytasktune.models.shared_base import send_base
from anytasktune.pipeline.cluster_worker import UnitOrder, WorkerReply, examine_worker, speed_here, train_unit, versions_here
from anytasktune.pipeline.events import Event, Finished, Note, OnEvent, Progress, Started, ignore_event
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.training_jobs import finished_training
from anytasktune.pipeline.tuning import require_closed_lists, trained
from anytasktune.schema import Estimate, Run
from anytasktune.schema.training_order import RowsOfTask, TrainingOrder
from anytasktune.settings import Settings, TrainConfig
from anytasktune.store import Project, remove_artifact
from anytasktune.store.shared_runs import SharedRun
from anytasktune.store.shared_store import SharedStore
from anytasktune.training.estimate import load_of
from anytasktune.training.presets import adapters_at_once
from anytasktune.training.run_plan import RunPlan, estimate_run, plan_run
from anytasktune.training.task_rows import TrainingData
from anytasktune.training.train_runs import Computing, reusable_run, run_id

_EVENTS: TypeAdapter[Event] = TypeAdapter(Event)


@dataclass(frozen=True)
class ClusterOptions:
    """The cluster that trains.

    Attributes:
        address: `HOST:PORT` of the head node, or `auto` for the cluster that this machine belongs to.
        store: a folder that all nodes have mounted, or a URI; empty: in the project.
        gpu_share: part of a GPU that a unit takes; None: a whole one where the cluster has any.
        cores: processor cores of a unit; None: up to four.
    """

    address: str = AUTO
    store: str = ""
    gpu_share: float | None = None
    cores: int | None = None


@contextmanager
def on_cluster(options: ClusterOptions, settings: Settings, on_event: OnEvent | None = None) -> Iterator["ClusterTraining"]:
    """A connection to the cluster for the length of the block.

    Raises:
        ConfigError: no cluster answers, or it has no GPU and one is wanted.
    """
    on_event = on_event or ignore_event

    def note(text: str) -> None:
        on_event(Note(text=text))

    with connected(options.address, note) as session:
        gpus = gpus_of_a_unit(session, options, settings.train)
        yield ClusterTraining(session, options, gpus)


def gpus_of_a_unit(session: RaySession, options: ClusterOptions, config: TrainConfig) -> float:
    """The GPUs that a unit takes; ConfigError where the cluster has none and the user wants one."""
    has_gpu, device = bool(session.nodes(with_gpu=True)), config.device
    wanted = options.gpu_share is not None or device.startswith("cuda")
    if wanted and not has_gpu:
        asked = f"train.device: {device}" if device.startswith("cuda") else f"--gpu-share {options.gpu_share:g}"
        fix = "add a machine that has one (there: ray start --address=HOST:6379), or train without: -c train.device=cpu"
        raise ConfigError("no node of the cluster has a GPU", where=asked, fix=fix)
    return (options.gpu_share or 1.0) if has_gpu and device not in {"cpu", "mps"} else 0.0


@dataclass
class _Counts:
    """Counts of the trainings of one command."""

    trained: set[str] = field(default_factory=set)
    reused: int = 0
    lost_workers: int = 0


class ClusterTraining:
    """Trains on the cluster; `train` does what `train_targets` does on this machine.

    Attributes:
        gpus: GPUs that a unit takes.
    """

    def __init__(self, session: RaySession, options: ClusterOptions, gpus: float) -> None:
        self._session, self._options, self.gpus = session, options, gpus

    def train(self, context: TrainingContext, data: Sequence[TrainingData]) -> list[Run]:
        """Train the Task-LMs for these data; finished ones of the project and of the store are reused.

        Raises:
            TrainingError: the workers differ in what ids depend on, or some trainings have failed; all others are kept.
            StoreError: the store or a disk refuses something.
        """
        if context.settings.train.method == "head":
            require_closed_lists(data)
        place = self._options.store or str(_own_store(context.workspace.project))
        store = SharedStore.at(place)
        nodes = self._session.nodes(with_gpu=self.gpus > 0)
        share = choose_share(nodes, self.gpus, self._options.cores)
        facts = self._checked_workers(context, store, nodes, share)
        command = _CommandOnCluster(context, store, Computing(facts.device, facts.dtype), _Counts())
        runs = command.reused(data)
        missing = [item for item in data if item.target not in runs]
        if missing:
            runs |= self._trained(command, missing, facts, nodes, share)
        if not self._options.store:
            remove_artifact(_own_store(context.workspace.project))
        return trained(context, [runs[item.target] for item in data])

    def _checked_workers(
        self, context: TrainingContext, store: SharedStore, nodes: Sequence[Node], share: Share
    ) -> WorkerFacts:
        """The facts that hold for all workers; TrainingError where they differ or one cannot train."""
        here, config, base = versions_here(), context.settings.train, context.model_info.ref
        if problems := version_problems(here, self._session.call_on(nodes, share, versions_here)):
            raise TrainingError(problems)
        own = f"proofs/{uuid.uuid4().hex}"  # another command may use the store at the same time
        proof = f"{own}/command"
        store.write(proof, b"")
        try:
            replies = self._examined(nodes, share, store, proof, config, context)
            if any(not reply.facts.fingerprint and not reply.problems for reply in replies) and base.local:
                context.on_event(Started(stage="model", name=base.name, detail=f"copied to {store}"))
                send_base(config.model, base, store)
                replies = self._examined(nodes, share, store, proof, config, context)
        finally:
            store.remove(own)
        problems = [problem for reply in replies for problem in reply.problems]
        facts = [reply.facts for reply in replies]
        for one in facts:
            if not problems and one.fingerprint != base.fingerprint:
                what = f"finds a base model {base.name} with the fingerprint {one.fingerprint or '(none)'}"
                fix = f"give it the files that this machine has: their fingerprint is {base.fingerprint}"
                problems.append(Problem(what, f"node {one.node}", fix))
        if problems := problems or computing_problems(facts):
            raise TrainingError(problems)
        return facts[0]

    def _examined(
        self,
        nodes: Sequence[Node],
        share: Share,
        store: SharedStore,
        proof: str,
        config: TrainConfig,
        context: TrainingContext,
    ) -> list[WorkerReply]:
        return self._session.call_on(nodes, share, examine_worker, store.place, proof, config, context.model_info.ref)

    def _trained(
        self,
        command: "_CommandOnCluster",
        missing: Sequence[TrainingData],
        facts: WorkerFacts,
        nodes: Sequence[Node],
        share: Share,
    ) -> dict[str, Run]:
        context, info, config = command.context, command.context.model_info, command.context.settings.train
        (speed,) = self._session.call_on(nodes[:1], share, speed_here, info.shape, command.computing)
        plans = {item.target: command.planned(item) for item in missing}
        estimates = {target: estimate_run(plan, info, config, speed) for target, plan in plans.items()}
        at_once = adapters_at_once(config, command.computing.device, _step_tokens(next(iter(plans.values()))))
        ids = {item.target: command.write_order(item) for item in missing}
        with UnitPool(self._session, share, command.receive, context.note) as pool:
            slots = pool.slots()
            seconds = {target: one.seconds for target, one in estimates.items()}
            units = plan_units(seconds, slots=slots, most_together=at_once)
            _announce(context, units, slots, len(nodes), estimates)
            orders = {unit: self._order(command, unit, ids, estimates, facts) for unit in units}
            started, disk = time.monotonic(), False
            problems: list[Problem] = []
            for ended in pool.run(train_unit, units, orders):
                command.counts.lost_workers += max(0, len(ended.workers) - 1)
                disk = disk or ended.outcome.disk
                problems += ended.outcome.problems
                command.fetch_all(ended)
        command.report(len(missing), time.monotonic() - started)
        if problems:
            raise StoreError(problems) if disk else TrainingError(problems)
        return command.runs

    def _order(
        self,
        command: "_CommandOnCluster",
        unit: Unit,
        ids: Mapping[str, str],
        estimates: Mapping[str, Estimate],
        facts: WorkerFacts,
    ) -> UnitOrder:
        chosen = {target: ids[target] for target in unit.members}
        costs = {target: estimates[target] for target in unit.members}
        config = command.context.settings.train
        return UnitOrder(command.store.place, chosen, costs, config, command.context.model_info.ref, facts)


@dataclass
class _CommandOnCluster:
    """One command: its project, the store, and the runs it has so far."""

    context: TrainingContext
    store: SharedStore
    computing: Computing
    counts: _Counts
    runs: dict[str, Run] = field(default_factory=dict)
    _ids: dict[str, str] = field(default_factory=dict)

    def reused(self, data: Sequence[TrainingData]) -> dict[str, Run]:
        """The runs that the project or the store has."""
        context = self.context
        for item in data:
            identity = run_id(context.model_info.ref, item, context.settings.train, self.computing)
            self._ids[item.target] = identity
            folder = self._folder(item.target)
            run = reusable_run(folder, context.note) or self._fetch(item.target)
            if run is not None:
                self.counts.reused += 1
                self.runs[item.target] = finished_training(context, folder, run, reused=True)
        return dict(self.runs)

    def planned(self, data: TrainingData) -> RunPlan:
        """The steps of a run from its beginning."""
        context, computing = self.context, self.computing
        return plan_run(
            context.model_info,
            data,
            context.settings.train,
            dtype=computing.dtype,
            device=computing.device,
            encode=context.encoder.encode,
        )

    def write_order(self, data: TrainingData) -> str:
        """Write what is to be trained into the store; returns the id of the run."""
        identity = self._ids[data.target]
        parts = [
            RowsOfTask(
                task=part.task,
                splits={split: list(rows) for split, rows in part.splits.items()},
                dataset_id=part.dataset_id,
                left_out=list(part.left_out),
            )
            for part in data.parts
        ]
        info, config = self.context.model_info, self.context.settings.train
        order = TrainingOrder(run_id=identity, target=data.target, parts=parts, config=config, base_model=info.ref)
        SharedRun(self.store, data.target, identity).write_order(order)
        return identity

    def receive(self, line: str, node: str) -> str:
        """Take an event of a worker; returns what it says of the state of its unit."""
        event = _EVENTS.validate_json(line)
        if isinstance(event, Finished):
            self._take_run(event.name)
            return f"{event.name} done"
        self.context.on_event(event.model_copy(update={"node": node}) if isinstance(event, Progress) else event)
        return f"{event.name} {event.done}/{event.total}" if isinstance(event, Progress) else ""

    def fetch_all(self, ended: Ended) -> None:
        """Take over the runs of a unit that has ended, those that were not reported, too."""
        for target in ended.unit.members:
            self._take_run(target)

    def report(self, wanted: int, seconds: float) -> None:
        """Report what became of the trainings."""
        counts = self.counts
        facts = [f"{len(counts.trained)} trained", f"{counts.reused} reused"]
        facts += [f"{wanted - len(counts.trained)} failed"] if len(counts.trained) < wanted else []
        facts += [counted(counts.lost_workers, "worker") + " lost and replaced"] if counts.lost_workers else []
        name = counted(wanted + counts.reused, "Task-LM")
        self.context.on_event(Finished(stage="train", name=name, detail=", ".join(facts), seconds=seconds))

    def _take_run(self, target: str) -> None:
        if target in self.runs:
            return
        if (run := self._fetch(target)) is not None:
            self.counts.trained.add(target)
            self.runs[target] = finished_training(self.context, self._folder(target), run, reused=False)

    def _fetch(self, target: str) -> Run | None:
        return SharedRun(self.store, target, self._ids[target]).fetch(self._folder(target), self.context.note)

    def _folder(self, target: str) -> Path:
        return self.context.workspace.project.runs(target) / self._ids[target]


def _announce(
    context: TrainingContext, units: Sequence[Unit], slots: int, nodes: int, estimates: Mapping[str, Estimate]
) -> None:
    total = Estimate.total(estimates.values())
    expected = total.model_copy(update={"seconds": round(makespan(units, slots), 2)})
    together = math.ceil(len(estimates) / len(units))
    name = f"{counted(len(estimates), 'Task-LM')} on {counted(nodes, 'node')}, {slots} at a time"
    name += f", {together} side by side in each" if together > 1 else ""
    context.on_event(Started(stage="train", name=name, estimate=expected))


def _step_tokens(plan: RunPlan) -> int:
    return load_of(plan.train, plan.order[0]).tokens if plan.order else 0


def _own_store(project: Project) -> Path:
    return project.artifacts / "cluster"
