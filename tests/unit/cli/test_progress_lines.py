"""The lines of progress in a log: every word set apart, and nothing said twice."""

from pathlib import Path

import pytest
from tests.tiny_project import write_project

from anytasktune.cli.progress import Display
from anytasktune.pipeline import Event, Finished, Progress, Started, Workspace


def lines(folder: Path, capsys: pytest.CaptureFixture[str], *events: Event) -> list[str]:
    with Display(Workspace.open(write_project(folder)), log_seconds=0.0) as display:
        for event in events:
            display(event)
    return capsys.readouterr().err.splitlines()


def test_stage_and_name_are_set_apart_however_long_the_stage_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = lines(
        tmp_path / "firm",
        capsys,
        Started(stage="teacher", name="kind", detail="3 requests"),
        Finished(stage="augment", name="kind"),
        Finished(stage="data", name="kind"),
    )
    assert said[:3] == ["· teacher kind: 3 requests", "✓ augment kind", "✓ data   kind"]


def test_what_is_done_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answering = Progress(stage="answer", name="kind", done=60, total=60, detail="2 failed", seconds_left=5)
    training = Progress(stage="train", name="kind", done=3, total=9, loss=0.5)
    said = lines(tmp_path / "firm", capsys, answering, training)
    assert said[:2] == ["  answer kind  60 of 60, 2 failed, 5 s left", "  train  kind  3 of 9, loss 0.500"]


def test_each_training_on_a_cluster_has_a_bar_until_it_is_done(tmp_path: Path) -> None:
    with Display(Workspace.open(write_project(tmp_path / "firm"))) as display:

        def bars() -> list[str]:
            return [f"{task.description} {task.fields['detail']}" for task in display.bars.tasks]

        display(Progress(stage="train", name="kind", done=3, total=9, loss=0.5, node="gpu/a1"))
        display(Progress(stage="train", name="team", done=1, total=9, loss=0.7, node="gpu/b2"))
        display(Progress(stage="train", name="kind", done=4, total=9, loss=0.4, node="gpu/a1"))
        assert bars() == ["train  kind loss 0.400, on gpu/a1", "train  team loss 0.700, on gpu/b2"]
        display(Finished(stage="train", name="kind"))
        assert bars() == ["train  team loss 0.700, on gpu/b2"]
        display(Progress(stage="answer", name="kind", done=1, total=9))
        assert bars() == ["answer kind 1/9"], "here, one thing is done after the other"
