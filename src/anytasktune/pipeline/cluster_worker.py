"""Trainings in the process of a worker of a cluster, by the functions that train on one machine."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from anytasktune.cluster.worker_facts import WorkerFacts, computing_problems, version_problems
from anytasktune.cluster.worker_task import Send, node_name
from anytasktune.errors import AnyTaskTuneError, Problem, TrainingError
from anytasktune.models.load import BaseLM, inspect_model, load_base
from anytasktune.models.shape import ModelShape
from anytasktune.models.shared_base import base_on_worker
from anytasktune.pipeline.events import Event, Finished, Note, OnEvent, Progress
from anytasktune.pipeline.training_jobs import reporting_job
from anytasktune.schema import BaseModelRef, Estimate
from anytasktune.schema.training_order import TrainingOrder
from anytasktune.settings import TrainConfig
from anytasktune.store.shared_runs import SharedRun
from anytasktune.store.shared_store import SharedStore
from anytasktune.training.estimate import Speed
from anytasktune.training.machine_speed import measure_speed
from anytasktune.training.task_rows import TaskRows, TrainingData
from anytasktune.training.train_runs import Computing, Job, run_id, train_task_lms
from anytasktune.version import __version__

_SEND_SECONDS = 0.2
"""Seconds between two reports of progress."""


@dataclass(frozen=True)
class UnitOrder:
    """The trainings of one unit, on one base model.

    Attributes:
        store: the place of the store.
        runs: target → id of its run, whose order is in the store.
        estimates: target → expected cost.
        config: settings of all; `model` as the command names it.
        base: the base model of all.
        facts: what the workers compute with.
    """

    store: str
    runs: Mapping[str, str]
    estimates: Mapping[str, Estimate]
    config: TrainConfig
    base: BaseModelRef
    facts: WorkerFacts


@dataclass(frozen=True)
class WorkerReply:
    """The answer of a worker to the question whether it can train."""

    facts: WorkerFacts
    problems: tuple[Problem, ...] = ()


def versions_here() -> WorkerFacts:
    """The versions on this machine."""
    return WorkerFacts(node=node_name(), anytasktune=__version__, torch=version("torch"))


def examine_worker(store_place: str, proof: str, config: TrainConfig, base: BaseModelRef) -> WorkerReply:
    """Find out what this worker computes with, and whether it reaches the store and the base model.

    Args:
        proof: name of a file that the command has written into the store.
    """
    facts = versions_here()
    where = f"node {facts.node}"
    try:
        store = SharedStore.at(store_place)
        if not store.exists(proof):
            fix = "give a folder that all nodes have mounted at this path, or s3://BUCKET/PREFIX: --store PLACE"
            return WorkerReply(facts, (Problem(f"does not see the store {store}", where, fix),))
        store.write(f"{proof}.{facts.node.replace('/', '-')}", b"")
        computing = Computing.here(config)
        facts = facts.model_copy(update={"device": computing.device, "dtype": computing.dtype})
        name = base_on_worker(config.model, base, store)
        found = inspect_model(name).ref.fingerprint if name else ""
        return WorkerReply(facts.model_copy(update={"fingerprint": found}))
    except AnyTaskTuneError as error:
        problems = [Problem(one.what, f"{where}: {one.where}" if one.where else where, one.fix) for one in error.problems]
        return WorkerReply(facts, tuple(problems))


def speed_here(shape: ModelShape, computing: Computing) -> Speed:
    """The speed of this worker, measured in about two seconds."""
    import torch  # noqa: PLC0415

    return measure_speed(shape, torch.device(computing.device), getattr(torch, computing.dtype))


def train_unit(order: UnitOrder, send: Send) -> None:
    """Train what is not in the store yet, and send it there; checkpoints, too, so that another worker can go on.

    Args:
        send: gets an event as a JSON line.

    Raises:
        TrainingError: this worker computes otherwise than the others.
        AnyTaskTuneError: as `train_task_lms`.
    """

    sent = 0.0

    def tell(event: Event) -> None:
        nonlocal sent
        if isinstance(event, Progress) and event.done < event.total:
            if time.monotonic() - sent < _SEND_SECONDS:
                return
            sent = time.monotonic()
        send(event.model_dump_json())

    store = SharedStore.at(order.store)
    shared = {target: SharedRun(store, target, identity) for target, identity in order.runs.items()}
    missing = {target: run for target, run in shared.items() if not run.finished}
    if not missing:
        return
    base = _checked_base(order, store)
    with tempfile.TemporaryDirectory(prefix="anytasktune-", ignore_cleanup_errors=True) as scratch:
        jobs = [_job(Path(scratch), base, order, run, tell) for run in missing.values()]
        config = order.config.model_copy(update={"model": base.ref.name})
        for job, run in train_task_lms(base, jobs, config, lambda text: tell(Note(text=text))):
            shared[job.data.target].send(job.folder)
            tell(Finished(stage="train", name=run.target, artifact=run.id, seconds=run.usage.seconds))


def _job(scratch: Path, base: BaseLM, order: UnitOrder, shared: SharedRun, tell: OnEvent) -> Job:
    given = shared.read_order()
    data = data_of(given)
    found = run_id(base.ref, data, order.config, Computing(base.device.type, base.dtype))
    if found != shared.run_id:
        what = f"{shared.target} would become run {found} on this node, not {shared.run_id}"
        raise TrainingError(what, where=f"node {node_name()}", fix="install the same versions on all nodes")
    folder = scratch / shared.target / shared.run_id
    folder.mkdir(parents=True)
    shared.fetch_checkpoint(folder)
    job = reporting_job(data, folder, tell, None, order.estimates.get(shared.target))
    return replace(job, on_checkpoint=shared.send_checkpoint)


def data_of(order: TrainingOrder) -> TrainingData:
    """The rows of a training."""
    parts = [TaskRows(part.task, part.splits, part.dataset_id, tuple(part.left_out)) for part in order.parts]
    return TrainingData(order.target, tuple(parts))


def _checked_base(order: UnitOrder, store: SharedStore) -> BaseLM:
    """The base model; TrainingError where this worker does not compute as the first one said it does."""
    name = base_on_worker(order.config.model, order.base, store)
    where = f"node {node_name()}"
    if name is None:
        raise TrainingError(f"the base model {order.base.name} is not found", where=where, fix="run the same command again")
    base = _warm_base(name, order.config.dtype, order.config.device)
    if base.ref.fingerprint != order.base.fingerprint:
        what = f"the base model here has the fingerprint {base.ref.fingerprint}, not {order.base.fingerprint}"
        raise TrainingError(what, where=where, fix="give all nodes the same files of the model")
    here = versions_here().model_copy(update={"device": base.device.type, "dtype": base.dtype})
    if problems := [*version_problems(order.facts, [here]), *computing_problems([order.facts, here])]:
        raise TrainingError(problems)
    return base


@lru_cache(maxsize=1)
def _warm_base(name: str, dtype: str, device: str) -> BaseLM:
    """The base model, which stays in memory for the units that follow in this process."""
    return load_base(name, dtype=dtype, device=device)
