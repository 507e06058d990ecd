"""Training runs are listed with their steps, drawn, and planned with the disk they take."""

import math
import os
from pathlib import Path

import pytest
from tests.tiny_project import quick_settings, write_project

from anytasktune.errors import EvaluationError
from anytasktune.pipeline import Workspace
from anytasktune.pipeline.checking import plan
from anytasktune.pipeline.stored_trainings import find_training, trainings
from anytasktune.pipeline.stored_versions import versions
from anytasktune.pipeline.tuning import train
from anytasktune.reports.training_plot import STEP_PLOT_HEIGHT, STEP_PLOT_WIDTH, step_plot
from anytasktune.store.run_folder import ADAPTER_FOLDER, RUN_FILE


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Workspace:
    workspace = Workspace.open(write_project(tmp_path_factory.mktemp("trained")))
    train(workspace, settings=quick_settings(tiny_model))
    return workspace


def test_a_finished_run_is_listed_with_its_steps_and_its_curves(trained: Workspace) -> None:
    (training,) = trainings(trained.project)
    assert training.run is not None
    assert len(training.steps) == training.run.steps_done
    losses, scores = training.loss_plot(), training.score_plot()
    assert losses is not None
    assert scores is not None
    assert [line.name for line in losses.lines] == ["loss", "dev_loss"]
    assert losses.lines[0].last == pytest.approx(training.run.final_train_loss, abs=1e-4)
    assert find_training(trained.project, "team", training.id) == training
    with pytest.raises(EvaluationError, match="no training run"):
        find_training(trained.project, "team", "abc")


@pytest.mark.parametrize("score", [0.0, 0.25, 0.4, 1.0])
def test_equal_scores_are_a_level_line(score: float) -> None:
    plot = step_plot({"dev_score": [(1, score), (2, score)]}, 2)
    assert plot is not None
    assert len({y for _, y in plot.lines[0].dots}) == 1


def test_runs_are_found_by_when_they_were_written(trained: Workspace) -> None:
    (training,) = trainings(trained.project)
    assert trainings(trained.project, since=training.changed, until=training.changed) == [training]
    assert trainings(trained.project, since="2999-01-01T00:00:00+00:00") == []


def test_a_run_ended_when_its_record_says_so_even_if_its_files_were_copied_later(tmp_path: Path, tiny_model: Path) -> None:
    workspace = Workspace.open(write_project(tmp_path))
    train(workspace, settings=quick_settings(tiny_model))
    (before,) = trainings(workspace.project)
    record = workspace.project.artifacts / "runs" / "team" / before.id / RUN_FILE
    os.utime(record, (4e9, 4e9))
    assert [training.changed for training in trainings(workspace.project)] == [before.changed]
    assert versions(workspace, "team")[0][0].trained == before.changed


def test_a_run_that_has_not_ended_is_listed_without_a_record(trained: Workspace, tmp_path: Path, tiny_model: Path) -> None:
    workspace = Workspace.open(write_project(tmp_path))
    train(workspace, settings=quick_settings(tiny_model))
    (folder,) = (workspace.project.artifacts / "runs").glob("team/[!.]*/")
    (folder / RUN_FILE).unlink()
    (training,) = trainings(workspace.project)
    assert training.run is None
    plot = training.loss_plot(planned=10 * len(training.steps))
    assert plot is not None
    assert float(plot.lines[0].points.split()[-1].partition(",")[0]) < STEP_PLOT_WIDTH / 3


def test_a_plan_says_the_size_of_the_adapter_on_disk(trained: Workspace, tiny_model: Path) -> None:
    (planned,) = plan(trained, settings=quick_settings(tiny_model))
    (weights,) = trained.project.runs("team").glob(f"[!.]*/{ADAPTER_FOLDER}/adapter_model.safetensors")
    assert planned.disk_bytes == pytest.approx(weights.stat().st_size, rel=0.25)  # the file has names beside the weights


def test_a_plot_holds_few_points_within_its_box_and_leaves_out_what_is_no_number() -> None:
    many = [(step, 1 / step) for step in range(1, 5001)]
    plot = step_plot({"loss": [*many, (5001, math.nan)]}, 6000)
    assert plot is not None
    places = [tuple(map(float, place.split(","))) for place in plot.lines[0].points.split()]
    assert len(places) <= 160
    assert all(0 <= x <= STEP_PLOT_WIDTH and 0 <= y <= STEP_PLOT_HEIGHT for x, y in places)
    assert step_plot({"loss": [(1, math.inf)]}, 10) is None
