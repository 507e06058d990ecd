"""Learning curves of a real tiny project: what is trained, what is kept, and what the report says of it."""

import json
import shutil
from pathlib import Path

import pytest
from tests.tiny_project import quick_settings, team_rows, write_project
from tests.unit.cli.conftest import clear_rows
from tests.unit.pipeline.recording import Recording

from anytasktune.errors import EvaluationError
from anytasktune.pipeline import Workspace, evaluate, measure_learning_curves, plan_learning_curves, train, tune
from anytasktune.pipeline.answering import ask
from anytasktune.pipeline.verifying import verify
from anytasktune.schema.learning_curve import LearningCurves
from anytasktune.store import read_ref

FEW = ("train.batch_size=64", "eval.systems=tuned", "split.dev=0.2")


@pytest.fixture(scope="module")
def measured_once(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> tuple[Path, LearningCurves]:
    project = write_project(tmp_path_factory.mktemp("curves") / "law", clear_rows(96))
    (curves,) = measure_learning_curves(Workspace.open(project), settings=quick_settings(tiny_model, *FEW))
    return project, curves


@pytest.fixture
def measured(measured_once: tuple[Path, LearningCurves], tmp_path: Path) -> Path:
    """A project with learning curves."""
    return Path(shutil.copytree(measured_once[0], tmp_path / "law"))


def test_task_lm_label_head_and_linear_model_are_measured_on_the_same_sizes(
    measured_once: tuple[Path, LearningCurves],
) -> None:
    _, curves = measured_once
    assert [curve.learner for curve in curves.curves] == ["tuned", "head", "linear"]
    sizes = [[point.rows for point in curve.points] for curve in curves.curves]
    assert sizes[0] == sizes[1] == sizes[2]
    assert sizes[0] == sorted(set(sizes[0]))
    assert sizes[0][0] >= 8
    assert curves.split == "dev"
    assert {curve.evaluated_rows for curve in curves.curves} == {19}


def test_the_second_time_nothing_is_trained_or_asked(measured: Path, tiny_model: Path) -> None:
    before = sorted(path for path in (measured / "artifacts").rglob("*") if path.is_file())
    events = Recording()
    measure_learning_curves(Workspace.open(measured), settings=quick_settings(tiny_model, *FEW), on_event=events)
    assert events.made == []
    assert sorted(path for path in (measured / "artifacts").rglob("*") if path.is_file()) == before


def test_the_run_on_all_rows_is_the_one_that_train_makes_and_the_one_that_answers(measured: Path, tiny_model: Path) -> None:
    workspace, events = Workspace.open(measured), Recording()
    (run,) = train(workspace, settings=quick_settings(tiny_model, *FEW), on_event=events)
    assert events.trained == []
    assert [path.name for path in workspace.project.runs("team").glob("[!.]*/")] == [run.id]
    assert read_ref(workspace.project.runs("team")) == run.id
    parts = sorted(path.name for path in (workspace.project.learning_curves("team") / "runs").iterdir())
    assert run.id not in parts
    answer = ask(workspace, "team", "matter 7: wage boss", settings=quick_settings(tiny_model))
    assert answer.version == run.id


def test_a_part_that_is_gone_is_trained_again_to_the_same_curve(
    measured: Path, measured_once: tuple[Path, LearningCurves], tiny_model: Path
) -> None:
    runs = Workspace.open(measured).project.learning_curves("team") / "runs"
    smallest = measured_once[1].curves[0].points[0]
    shutil.rmtree(runs / str(smallest.run))
    events = Recording()
    (again,) = measure_learning_curves(Workspace.open(measured), settings=quick_settings(tiny_model, *FEW), on_event=events)
    assert events.trained == ["team"]
    assert [point.score for point in again.curves[0].points] == [point.score for point in measured_once[1].curves[0].points]


def test_a_report_on_this_very_task_lm_shows_the_curve_and_verifies(measured: Path, tiny_model: Path) -> None:
    report = evaluate(Workspace.open(measured), settings=quick_settings(tiny_model, *FEW))
    shown = report.tasks[0].learning_curves
    assert shown is not None
    assert [curve.learner for curve in shown.curves] == ["tuned", "head", "linear"]
    assert verify(Workspace.open(measured)).mismatches == ()
    answers = measured / "artifacts" / "predictions" / "team" / f"{shown.curves[0].points[0].predictions}.json"
    content = json.loads(answers.read_text(encoding="utf-8"))
    right = content["predictions"][0]["output"]
    content["predictions"][0]["output"] = "work" if right != "work" else "family"
    answers.write_text(json.dumps(content), encoding="utf-8")
    assert verify(Workspace.open(measured)).mismatches


def test_a_report_on_another_task_lm_shows_no_curve(measured: Path, tiny_model: Path) -> None:
    other = tune(Workspace.open(measured), settings=quick_settings(tiny_model, *FEW, "rank=2"))
    assert other.tasks[0].learning_curves is None


def test_the_plan_counts_what_is_left_and_trains_nothing(tmp_path: Path, tiny_model: Path) -> None:
    workspace = Workspace.open(write_project(tmp_path / "law", clear_rows(96)))
    (plan,) = plan_learning_curves(workspace, settings=quick_settings(tiny_model, *FEW))
    assert (plan.trainings, plan.trained) == (6, 0)
    assert plan.estimate.tokens > 0
    assert not (workspace.project.artifacts / "runs").exists()
    assert not (workspace.project.artifacts / "learning_curves").exists()


def test_too_few_rows_are_refused_with_what_to_do(tmp_path: Path, tiny_model: Path) -> None:
    few = Workspace.open(write_project(tmp_path / "few", team_rows(30)))
    with pytest.raises(EvaluationError, match="cannot be divided into three sizes of 8 rows and more"):
        measure_learning_curves(few, settings=quick_settings(tiny_model))
    no_dev = Workspace.open(write_project(tmp_path / "dev", clear_rows(60)))
    with pytest.raises(EvaluationError, match="learning-curve team --split test"):
        measure_learning_curves(no_dev, settings=quick_settings(tiny_model))
