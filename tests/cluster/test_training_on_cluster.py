"""Task-LMs on a real cluster of two nodes: as on one machine, whatever ends in between."""

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from anytasktune.errors import ConfigError, StoreError, TrainingError
from anytasktune.pipeline.events import Event, Finished, Progress
from anytasktune.pipeline.training_on_cluster import ClusterOptions, gpus_of_a_unit
from anytasktune.settings import TrainConfig
from tests.cluster.conftest import Reference, TwoNodes, has_checkpoint, last_count, texts, trained_here, write_tasks

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Ray has no clusters of Windows machines"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # Ray leaves its log files open
]


def test_ids_and_adapters_are_those_of_one_machine_and_are_trained_once(
    two_nodes: TwoNodes, reference: Reference, tmp_path: Path
) -> None:
    project, store = write_tasks(tmp_path, 4), tmp_path / "store"
    events: list[Event] = []
    proof_of_another = store / "proofs" / "another" / "command"
    proof_of_another.parent.mkdir(parents=True)
    proof_of_another.touch()
    reference.assert_equal(project, two_nodes.train(project, reference.settings, events.append, store))
    assert last_count(events) == "4 trained, 0 reused"
    assert [path for path in (store / "proofs").rglob("*") if path.is_file()] == [proof_of_another], "commands share a store"
    assert len({event.node for event in events if isinstance(event, Progress) and event.node}) == 2

    events.clear()
    reference.assert_equal(project, two_nodes.train(project, reference.settings, events.append, store))
    assert not [event for event in events if isinstance(event, Progress)], "nothing is trained again"

    (tmp_path / "other").mkdir()
    other = write_tasks(tmp_path / "other", 4)
    damaged = next((store / "runs" / "task_2").rglob("adapter_model.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    events.clear()
    reference.assert_equal(other, two_nodes.train(other, reference.settings, events.append, store))
    assert last_count(events) == "1 trained, 3 reused"
    assert "trained anew" in " ".join(texts(events))


@pytest.mark.skipif("CLUSTER_TASKS" not in os.environ, reason="takes minutes: CLUSTER_TASKS=20 for twenty Task-LMs")
def test_many_task_lms_are_those_of_one_machine(two_nodes: TwoNodes, tiny_model: Path, tmp_path: Path) -> None:
    count = int(os.environ["CLUSTER_TASKS"])
    (tmp_path / "here").mkdir()
    here, project, events = trained_here(tmp_path / "here", tiny_model, count), write_tasks(tmp_path, count), []
    here.assert_equal(project, two_nodes.train(project, here.settings, events.append))
    assert last_count(events) == f"{count} trained, 0 reused"


def test_a_killed_worker_and_a_killed_box_are_replaced_and_the_training_goes_on(
    two_nodes: TwoNodes, reference: Reference, tmp_path: Path
) -> None:
    project = write_tasks(tmp_path, 4)
    events: list[Event] = []

    def kill_one(event: Event) -> None:
        if not killed and isinstance(event, Progress) and has_checkpoint(project, event.name):
            (status,) = two_nodes.session.statuses()
            for pid in [unit.pid for unit in status.running if unit.members == [event.name] and unit.pid]:
                killed.append(event)
                os.kill(pid, signal.SIGKILL)
                (box,) = two_nodes.session.boxes().values()
                two_nodes.session.ray.kill(box, no_restart=False)  # as Ray does where the memory is full
        events.append(event)

    killed: list[Progress] = []
    reference.assert_equal(project, two_nodes.train(project, reference.settings, kill_one))
    assert killed
    assert last_count(events) == "4 trained, 0 reused, 1 worker lost and replaced"
    later = events[events.index(killed[0]) :]
    begun_again = [event.done for event in later if isinstance(event, Progress) and event.name == killed[0].name]
    assert min(begun_again) > 1, "it goes on from a checkpoint, not from the first step"


def test_a_node_that_leaves_takes_no_training_with_it(two_nodes: TwoNodes, reference: Reference, tmp_path: Path) -> None:
    project, node = write_tasks(tmp_path, 4), two_nodes.add_node()
    events: list[Event] = []

    def remove(event: Event) -> None:
        events.append(event)
        is_there = isinstance(event, Progress) and event.node.endswith(f"/{node.node_id[:6]}")
        if is_there and node in two_nodes.cluster.worker_nodes:
            two_nodes.cluster.remove_node(node, allow_graceful=False)
            removed_during.append(event.name)
            had_ended.extend(path.parts[-3] for path in project.glob("artifacts/cluster/runs/*/*/run.json"))

    removed_during: list[str] = []
    had_ended: list[str] = []
    reference.assert_equal(project, two_nodes.train(project, reference.settings, remove))
    assert removed_during
    assert last_count(events).startswith("4 trained, 0 reused")
    assert "1 worker lost and replaced" in last_count(events) or removed_during[0] in had_ended


def test_what_the_store_refuses_is_named_and_the_rest_is_kept(
    two_nodes: TwoNodes, reference: Reference, tmp_path: Path
) -> None:
    project, store = write_tasks(tmp_path, 4), tmp_path / "store"
    in_the_way = store / "runs" / "task_3"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file", encoding="utf-8")
    events: list[Event] = []
    with pytest.raises(StoreError, match=r"task_3.*a file stands where a folder belongs"):
        two_nodes.train(project, reference.settings, events.append, store)
    finished = {event.name for event in events if isinstance(event, Finished) and event.stage == "train"} & _tasks(4)

    in_the_way.unlink()
    events.clear()
    reference.assert_equal(project, two_nodes.train(project, reference.settings, events.append, store))
    assert last_count(events) == f"{4 - len(finished)} trained, {len(finished)} reused"


def test_a_node_with_another_version_is_refused_by_name(two_nodes: TwoNodes, reference: Reference, tmp_path: Path) -> None:
    other = tmp_path / "lib" / "anytasktune"
    source = Path(__file__).parents[2] / "src" / "anytasktune"
    other.mkdir(parents=True)
    for path in source.iterdir():
        (other / path.name).symlink_to(path)
    (other / "version.py").unlink()
    (other / "version.py").write_text('__version__ = "0.0.1"\n', encoding="utf-8")
    path = os.pathsep.join([str(other.parent), os.environ.get("PYTHONPATH", "")])
    node = two_nodes.add_node(env_vars={"PYTHONPATH": path})
    try:
        with pytest.raises(TrainingError, match=rf"node .*/{node.node_id[:6]}: anytasktune is 0\.0\.1 on this node"):
            two_nodes.train(write_tasks(tmp_path, 1), reference.settings, lambda _: None)
    finally:
        two_nodes.cluster.remove_node(node)


@pytest.mark.parametrize(
    ("share", "device", "where"),
    [(0.5, "auto", "--gpu-share 0.5"), (None, "cuda", "train.device: cuda")],
)
def test_a_wish_for_a_gpu_is_refused_at_once_where_there_is_none(
    two_nodes: TwoNodes, share: float | None, device: str, where: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(where)):
        gpus_of_a_unit(two_nodes.session, ClusterOptions(gpu_share=share), TrainConfig(device=device))
    assert gpus_of_a_unit(two_nodes.session, ClusterOptions(), TrainConfig()) == 0


def _tasks(count: int) -> set[str]:
    return {f"task_{number}" for number in range(count)}
