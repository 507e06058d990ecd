"""The connection of a command to a Ray cluster. Ray is imported here alone, and only when a cluster is asked for."""

import contextlib
import logging
import os
import socket
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from anytasktune.cluster.event_box import NAMESPACE, CommandStatus
from anytasktune.errors import ConfigError, TrainingError

T = TypeVar("T")
AUTO = "auto"
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is reported to the makers of Ray
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",  # messages of nodes that end: they are told in our own words
    "RAY_task_oom_retries": "3",  # else Ray repeats for ever what fills the memory
}
_OBJECT_BYTES = 100 * 1024 * 1024
"""Memory for values on their way; ours are small, the data are in the store."""
_CONNECT_SECONDS = 10.0
_START = "start one: ray start --head; on other machines: ray start --address=HOST:6379"
_MOST_CORES = 4
"""Processor cores of one training where there are more: small models have no work for many."""


@dataclass(frozen=True)
class Node:
    """A machine of the cluster, or one of several nodes on a machine."""

    id: str
    name: str
    cpus: float
    gpus: float


@dataclass(frozen=True)
class Share:
    """The part of a node that a unit takes."""

    cpus: float
    gpus: float = 0.0

    def times_in(self, node: Node) -> int:
        """Number of units that run on a node at the same time."""
        by_cpus = int(node.cpus / self.cpus + 1e-9) if self.cpus else 1
        return min(by_cpus, int(node.gpus / self.gpus + 1e-9)) if self.gpus else by_cpus


def choose_share(nodes: Sequence[Node], gpus: float, cores: int | None) -> Share:
    """The share of a unit: so many GPUs, and the given cores, else what every node can give to each of its units."""
    if cores is not None:
        return Share(cores, gpus)
    if gpus:
        return Share(min(_MOST_CORES, max(1, *(int(node.cpus / max(1.0, node.gpus / gpus)) for node in nodes))), gpus)
    return Share(min(_MOST_CORES, max(1, min(int(node.cpus) for node in nodes))))


class RaySession:
    """A connection to a cluster."""

    def __init__(self, ray: Any) -> None:
        self.ray = ray

    def nodes(self, *, with_gpu: bool = False) -> list[Node]:
        """The machines that take units, by name and id."""
        found = [
            Node(entry["NodeID"], entry["NodeName"], entry["Resources"].get("CPU", 0.0), entry["Resources"].get("GPU", 0.0))
            for entry in self.ray.nodes()
            if entry["Alive"]
        ]
        usable = [node for node in found if (node.gpus if with_gpu else node.cpus) > 0]
        return sorted(usable, key=lambda node: (node.name, node.id))

    def call_on(self, nodes: Sequence[Node], share: Share, call: Callable[..., T], *given: object) -> list[T]:
        """The results of one call on each of these nodes, at the same time; those that leave meanwhile are left out.

        Raises:
            TrainingError: a node cannot do it, or none is left.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415

        task, needs = self.ray.remote(call), {"num_cpus": share.cpus, "num_gpus": share.gpus}
        places = [NodeAffinitySchedulingStrategy(node.id, soft=False) for node in nodes]
        refs = [task.options(scheduling_strategy=place, **needs).remote(*given) for place in places]
        results, reason = [], "there is none"
        for node, ref in zip(nodes, refs, strict=True):
            try:
                results.append(self.ray.get(ref))
            except self.ray.exceptions.RayTaskError as error:
                what = f"a worker cannot begin: {error.cause or error}"
                fix = "install the same versions of this program and of Python on all nodes"
                raise TrainingError(what, where=f"node {node.name}", fix=fix) from None
            except self.ray.exceptions.RayError as error:
                reason = _first_line(error)
                if node.id in {alive.id for alive in self.nodes()}:
                    break
        else:
            if results:
                return results
        raise TrainingError(f"a node cannot be used: {reason}", fix="see `ray status`, then run the same command again")

    def boxes(self) -> dict[str, Any]:
        """The boxes of all commands that run on the cluster, by name."""
        found = self.ray.util.list_named_actors(all_namespaces=True)
        names = sorted(entry["name"] for entry in found if entry["namespace"] == NAMESPACE)
        with contextlib.suppress(ValueError):  # one may have ended meanwhile
            return {name: self.ray.get_actor(name, namespace=NAMESPACE) for name in names}
        return {}

    def statuses(self) -> list[CommandStatus]:
        """The commands that run on the cluster; one that begins or ends at the moment is left out."""
        found = []
        for box in self.boxes().values():
            with contextlib.suppress(self.ray.exceptions.RayError):
                text = self.ray.get(box.status.remote(), timeout=_CONNECT_SECONDS)
                found += [CommandStatus.model_validate_json(text)] if text else []
        return found

    def cancel(self, name: str) -> None:
        """Ask the command with this box to end."""
        self.ray.get(self.boxes()[name].cancel.remote())


@contextlib.contextmanager
def connected(address: str, note: Callable[[str], None], *, start: bool = True) -> Iterator[RaySession]:
    """A connection to the cluster at an address for the length of the block; the one that this process has, if any.

    Args:
        address: `HOST:PORT` of the head node, or `auto` for the cluster that this machine belongs to.
        note: receives a line where no cluster runs here and one is started, which ends with the block.
        start: whether to start one then.

    Raises:
        ConfigError: Ray is not installed, or no cluster answers there.
    """
    ray = _import_ray()
    if address != AUTO:
        _require_listener(address)
    if ray.is_initialized():
        yield RaySession(ray)
        return
    quiet: dict[str, Any] = {
        "namespace": NAMESPACE,
        "include_dashboard": None,
        "log_to_driver": False,
        "logging_level": logging.CRITICAL,
    }
    with _without_warnings():
        try:
            ray.init(address=address, **quiet)
        except ConnectionError as error:
            if address != AUTO or not start:
                what = "no cluster runs on this machine" if address == AUTO else f"no cluster answers: {_first_line(error)}"
                raise ConfigError(what, where="" if address == AUTO else address, fix=_START) from None
            note("no cluster runs on this machine: one is started for this command, which takes up to half a minute")
            ray.init(address="local", object_store_memory=_OBJECT_BYTES, **quiet | {"include_dashboard": False})
        except RuntimeError as error:  # other versions of Ray or Python than the cluster has
            raise ConfigError(f"cannot join the cluster: {_first_line(error)}", where=address) from None
        try:
            yield RaySession(ray)
        finally:
            ray.shutdown()


def _import_ray() -> Any:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray  # noqa: PLC0415
    except ImportError:
        fix = 'install it: pip install "anytasktune[cluster]"'
        raise ConfigError("a cluster needs Ray, which is not installed", fix=fix) from None
    return ray


def _require_listener(address: str) -> None:
    """Raise ConfigError if nothing listens there: Ray itself would end the process after a minute."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        fix = "give HOST:PORT of its head node, for example 192.168.1.5:6379, or auto"
        raise ConfigError("not an address of a cluster", where=address, fix=fix)
    try:
        socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
    except OSError as error:
        raise ConfigError(f"no cluster answers: {error.strerror or error}", where=address, fix=_START) from None


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Python's warnings about Ray's own code are of no use to a user."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"ray($|\.)")
        warnings.filterwarnings("ignore", category=ResourceWarning)
        yield


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
