"""The commands in terminals of their own: training, status, cancelling; a driver that is killed and started again."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from anytasktune.cli.app import run_safely
from anytasktune.errors import TrainingError
from anytasktune.pipeline.events import Event, Progress
from tests.cluster.conftest import LONG, Reference, TwoNodes, has_checkpoint, last_count, write_tasks
from tests.tiny_project import QUICK

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Ray has no clusters of Windows machines"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # Ray leaves its log files open
]


def test_ray_says_nothing_and_a_killed_command_goes_on_when_it_is_started_again(
    two_nodes: TwoNodes, reference: Reference, tmp_path: Path, tiny_model: Path
) -> None:
    project = write_tasks(tmp_path, 4)
    overrides = [word for setting in (f"train.model={tiny_model}", *QUICK, *LONG) for word in ("-c", setting)]
    words = ["train", "-p", str(project), "--cluster", two_nodes.address, "--progress", "json", *overrides]
    command = [sys.executable, "-m", "anytasktune", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines: list[dict[str, object]] = []
    killed = False
    for line in process.stderr:
        assert line.startswith("{"), f"Ray, or a fault: {line}{process.stderr.read()}"
        lines.append(json.loads(line))
        if lines[-1].get("node") and not killed and has_checkpoint(project, lines[-1]["name"]):
            (status,) = two_nodes.session.statuses()
            for pid in [unit.pid for unit in status.running if lines[-1]["name"] in unit.members and unit.pid]:
                os.kill(pid, signal.SIGKILL)
                killed = True
        if "goes on from the last checkpoint" in lines[-1].get("text", ""):
            break
    process.kill()
    assert killed
    assert process.communicate()[0] == ""

    events: list[Event] = []
    reference.assert_equal(project, two_nodes.train(project, reference.settings, events.append))
    trained, reused = (int(part.split()[0]) for part in last_count(events).split(", "))
    assert trained + reused == 4
    first: dict[str, int] = {}
    for event in events:
        if isinstance(event, Progress) and event.node:
            first.setdefault(event.name, event.done)
    assert max(first.values()) > 1, "a training that was begun goes on from its checkpoint"


def test_a_command_is_shown_and_cancelled(
    two_nodes: TwoNodes, reference: Reference, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project, at = write_tasks(tmp_path, 4), ["--cluster", two_nodes.address]
    assert run_safely(["cluster", "cancel", *at]) == 1
    assert "no command of this program runs on the cluster" in capsys.readouterr().err
    shown: list[str] = []

    def show_and_cancel(event: Event) -> None:
        (status,) = two_nodes.session.statuses() or [None]
        if status and not shown and any(unit.pid and has_checkpoint(project, unit.members[0]) for unit in status.running):
            for words in (["status", *at], ["status", "--json", *at], ["cancel", *at]):
                capsys.readouterr()
                assert run_safely(["cluster", *words]) == 0
                shown.append(capsys.readouterr().out)

    with pytest.raises(TrainingError, match=r"cancelled by `anytasktune cluster cancel`.*run the same command again to go on"):
        two_nodes.train(project, reference.settings, show_and_cancel)
    text, state, cancelled = shown
    assert "0 done, 2 waiting" in " ".join(text.split())
    (command,) = json.loads(state)["commands"]
    assert {node["cpus"] for node in json.loads(state)["nodes"]} == {1.0}
    assert any(unit["node"] and unit["pid"] and unit["members"] for unit in command["running"])
    assert f"{command['box']}: asked to end" in cancelled
    events: list[Event] = []
    reference.assert_equal(project, two_nodes.train(project, reference.settings, events.append))
    assert last_count(events).startswith("4 trained")


def test_no_cluster_at_an_address_and_options_without_a_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = write_tasks(tmp_path, 1)
    for words, code, said in [
        (("--cluster", "127.0.0.1:9"), 1, "no cluster answers"),
        (("--cluster", "here"), 1, "not an address of a cluster"),
        (("--store", "/tmp"), 2, "go with --cluster"),
    ]:
        assert run_safely(["train", "-p", str(project), *words]) == code
        assert said in " ".join(capsys.readouterr().err.split())
