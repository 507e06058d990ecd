"""Options of training on a cluster, and the verbs `cluster status` and `cluster cancel`."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from anytasktune.cli.console import DONE, UsageError, print_json, say, show
from anytasktune.cli.options import Json

if TYPE_CHECKING:
    from anytasktune.pipeline import Settings
    from anytasktune.pipeline.events import OnEvent
    from anytasktune.pipeline.tuning import TrainTargets

cluster_app = typer.Typer(help="Trainings on a Ray cluster (tune --cluster): what runs there; cancel it.", no_args_is_help=True)
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Train on a Ray cluster: HOST:PORT of its head node, or auto for the one that this machine belongs to.",
    ),
]
Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="PLACE",
        help="With --cluster: a folder that all nodes have mounted, or s3://BUCKET/PREFIX. Default: in the project.",
    ),
]
GpuShare = Annotated[
    float | None,
    typer.Option("--gpu-share", min=0.05, max=8, help="With --cluster: GPUs that a worker takes, e.g. 0.5; default: 1."),
]
_Address = Annotated[
    str, typer.Option("--cluster", metavar="ADDRESS", help="HOST:PORT of its head node; default: this machine's.")
]


@contextlib.contextmanager
def trainer(
    address: str | None, store: str | None, gpu_share: float | None, settings: "Settings", on_event: "OnEvent"
) -> "Iterator[TrainTargets | None]":
    """The function that trains on the cluster for the length of the block; None where no cluster is named."""
    if address is None:
        if store is not None or gpu_share is not None:
            raise UsageError("--store and --gpu-share go with --cluster", fix="add --cluster auto, or leave them out")
        yield None
        return
    from anytasktune.pipeline.training_on_cluster import ClusterOptions, on_cluster

    options = ClusterOptions(address=address, store=store or "", gpu_share=gpu_share)
    with on_cluster(options, settings, on_event) as cluster:
        yield cluster.train


@cluster_app.command()
def status(address: _Address = "auto", as_json: Json = False) -> int:
    """Show the nodes of a cluster, and what this program trains on each."""
    from anytasktune.pipeline.cluster_commands import cluster_state

    state = cluster_state(address)
    if as_json:
        print_json(state.model_dump(mode="json"))
        return DONE
    from anytasktune.cli.tables import new_table

    nodes = new_table("node", "cores", "GPUs", left=1)
    for node in state.nodes:
        nodes.add_row(f"{node.name}/{node.id[:6]}", f"{node.cpus:g}", f"{node.gpus:g}")
    show(nodes)
    for command in state.commands:
        say(f"\n{command.box}  since {command.since}  {command.ended} done, {command.waiting} waiting  {command.command}")
        for unit in command.running:
            say(f"  {unit.node or 'waiting for a node'}: {', '.join(unit.members)}  {unit.state}")
    if not state.commands:
        say("nothing is trained there at the moment")
    return DONE


@cluster_app.command()
def cancel(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name that `cluster status` shows; not needed for one.")] = "",
    address: _Address = "auto",
) -> int:
    """End a command that trains on a cluster; the same command, started again, goes on from the last checkpoints."""
    from anytasktune.pipeline.cluster_commands import cancel_command

    say(f"{cancel_command(address, name)}: asked to end; the same command, started again, goes on where it was")
    return DONE
