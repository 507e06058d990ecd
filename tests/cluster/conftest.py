"""A real Ray cluster of two nodes on this machine, started once for all tests here."""

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from anytasktune.cluster.ray_session import AUTO, RaySession, connected
from anytasktune.pipeline import Workspace
from anytasktune.pipeline.events import Event, Finished, Note, OnEvent
from anytasktune.pipeline.training_on_cluster import ClusterOptions, ClusterTraining
from anytasktune.pipeline.tuning import train
from anytasktune.schema import Run
from anytasktune.settings import Settings
from tests.tiny_project import quick_settings, team_rows, write_rows

ray_cluster = pytest.importorskip("ray.cluster_utils", reason="the extra [cluster] is not installed")
LONG = ("epochs=60", "method=lora", "patience=100", "checkpoint_seconds=0.1", "evals=4", "max_dev_rows=2")
"""A training of tiny models that takes seconds, with many checkpoints."""
_NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}


def write_tasks(folder: Path, count: int) -> Path:
    """A project of some label tasks with rows of their own."""
    lines = ["schema_version: 1", "name: law", "tasks:"]
    for number in range(count):
        lines += [f"  - name: task_{number}", f"    instruction: {{en: Which team takes matter {number}?}}"]
        lines += ["    output: {kind: label, labels: [housing, family, work]}"]
        rows = [row for row in team_rows(30, 100 * number) if row.language == "en"]
        write_rows(folder / "data" / f"task_{number}.jsonl", rows)
    (folder / "domain.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return folder


@dataclass
class TwoNodes:
    """The cluster, this process's connection to it, and what its commands have reported."""

    cluster: object
    session: RaySession

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def add_node(self, **more: object) -> object:
        return self.cluster.add_node(**_NODE | more)

    def train(self, project: Path, settings: Settings, on_event: OnEvent, store: Path | None = None) -> list[Run]:
        """`train --cluster`, in this process."""
        options = ClusterOptions(address=AUTO, store=str(store or ""))
        training = ClusterTraining(self.session, options, 0.0)
        return train(Workspace.open(project), (), settings, on_event, train_them=training.train)


@pytest.fixture(scope="package")
def two_nodes() -> Iterator[TwoNodes]:
    """Two nodes of one processor core each."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # else Ray ends workers where the programs of others fill the memory
    os.environ["RAY_memory_monitor_refresh_ms"] = "0"  # noqa: SIM112
    quick = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 1000, "health_check_failure_threshold": 8}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cluster = ray_cluster.Cluster(initialize_head=True, head_node_args=_NODE | {"_system_config": quick})
        try:
            cluster.add_node(**_NODE)
            with connected(cluster.address, print) as session:
                yield TwoNodes(cluster, session)
        finally:
            cluster.shutdown()


@dataclass(frozen=True)
class Reference:
    """Task-LMs trained on this machine without a cluster."""

    project: Path
    settings: Settings
    runs: list[Run]

    def assert_equal(self, project: Path, runs: list[Run]) -> None:
        """The same ids, adapters and manifests, byte for byte."""
        assert [run.id for run in runs] == [run.id for run in self.runs]
        for run in runs:
            folder = Path("artifacts", "runs", run.target, run.id)
            for name in ("adapter/adapter_model.safetensors", "adapter/task_lm.json", "golden.json"):
                assert (project / folder / name).read_bytes() == (self.project / folder / name).read_bytes(), (run.target, name)


def trained_here(project: Path, model: Path, count: int) -> Reference:
    """Task-LMs trained without a cluster."""
    settings = quick_settings(model, *LONG)
    write_tasks(project, count)
    return Reference(project, settings, train(Workspace.open(project), (), settings))


@pytest.fixture(scope="package")
def reference(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Reference:
    """Four Task-LMs."""
    return trained_here(tmp_path_factory.mktemp("reference"), tiny_model, 4)


def has_checkpoint(project: Path, target: str) -> bool:
    """Whether a whole checkpoint of a training is in the project's own store."""
    return any(project.glob(f"artifacts/cluster/runs/{target}/*/checkpoint-*/SHA256SUMS"))


def texts(events: list[Event]) -> list[str]:
    """The remarks among events."""
    return [event.text for event in events if isinstance(event, Note)]


def last_count(events: list[Event]) -> str:
    """The line that says what became of all trainings."""
    return [event.detail for event in events if isinstance(event, Finished) and event.stage == "train"][-1]
