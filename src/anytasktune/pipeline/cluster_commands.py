"""`cluster status` and `cluster cancel`: the commands that run on a cluster, from another terminal."""

from anytasktune.cluster.event_box import CommandStatus
from anytasktune.cluster.ray_session import RaySession, connected
from anytasktune.errors import ConfigError
from anytasktune.records import Record
from anytasktune.settings.yaml_reading import nearest


class ClusterNode(Record):
    """A machine of a cluster."""

    name: str
    id: str
    cpus: float
    gpus: float


class ClusterState(Record):
    """A cluster as it stands."""

    nodes: list[ClusterNode]
    commands: list[CommandStatus]


def cluster_state(address: str) -> ClusterState:
    """The nodes of a cluster and the commands of this program that run on it; ConfigError if none answers."""
    with connected(address, lambda _: None, start=False) as session:
        nodes = [ClusterNode(name=node.name, id=node.id, cpus=node.cpus, gpus=node.gpus) for node in session.nodes()]
        return ClusterState(nodes=nodes, commands=session.statuses())


def cancel_command(address: str, name: str = "") -> str:
    """Ask a command on the cluster to end; returns its name.

    Args:
        name: of the command, as `cluster_state` gives it; may be left out where only one runs.

    Raises:
        ConfigError: no cluster answers, or it is not clear which command is meant.
    """
    with connected(address, lambda _: None, start=False) as session:
        chosen = _chosen(session, name)
        session.cancel(chosen)
        return chosen


def _chosen(session: RaySession, name: str) -> str:
    running = list(session.boxes())
    if name in running:
        return name
    if not running:
        raise ConfigError("no command of this program runs on the cluster", fix="anytasktune cluster status shows the nodes")
    if name:
        raise ConfigError(f"no command {name!r} runs on the cluster", fix=nearest(name, running))
    if len(running) > 1:
        raise ConfigError("several commands run on the cluster", fix=f"name one: {' '.join(running)}")
    return running[0]
