"""Versions, device and precision of workers: equal ids need equal ones on all machines, so they are compared."""

from collections.abc import Sequence

from anytasktune.errors import Problem
from anytasktune.records import Record
from anytasktune.settings import DType

_INSTALL = {"anytasktune": "anytasktune", "torch": "torch"}


class WorkerFacts(Record):
    """The program, the base model and the precision of a worker."""

    node: str
    """Name of the machine, for people."""
    anytasktune: str
    torch: str
    device: str = ""
    """Empty where it is not known yet, and the precision neither."""
    dtype: DType = "float32"
    fingerprint: str = ""
    """Of the base model it finds; empty where it finds none."""


def version_problems(here: WorkerFacts, workers: Sequence[WorkerFacts]) -> list[Problem]:
    """Versions that differ from those of this machine."""
    problems = []
    for worker in workers:
        for name, package in _INSTALL.items():
            ours, theirs = getattr(here, name), getattr(worker, name)
            if ours != theirs:
                what = f"{name} is {theirs} on this node, and {ours} on {here.node}"
                fix = f"install one version on both, for example there: pip install {package}=={ours.partition('+')[0]}"
                problems.append(Problem(what, f"node {worker.node}", fix))
    return problems


def computing_problems(workers: Sequence[WorkerFacts]) -> list[Problem]:
    """Devices and precisions that differ from those of the first worker: the results would be other ones."""
    problems = []
    first = workers[0]
    for worker in workers[1:]:
        where = f"node {worker.node}"
        if worker.device != first.device:
            what = f"computes on {worker.device}, node {first.node} on {first.device}"
            problems.append(Problem(what, where, "choose one for all: -c train.device=cpu"))
        elif worker.dtype != first.dtype:
            what = f"computes in {worker.dtype}, node {first.node} in {first.dtype}"
            problems.append(Problem(what, where, "choose one for all: -c train.dtype=float32"))
    return problems
