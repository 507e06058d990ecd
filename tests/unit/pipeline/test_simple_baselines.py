"""Simple baselines in every evaluation: answered, compared, kept."""

from pathlib import Path

import pytest
from tests.tiny_project import quick_settings, write_project
from tests.unit.pipeline.recording import Recording

from anytasktune.baselines import LinearModel
from anytasktune.pipeline import Workspace, evaluate, tune
from anytasktune.schema import PredictionSet, Report
from anytasktune.settings import SIMPLE
from anytasktune.store import read_record


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("simple") / "law")


@pytest.fixture(scope="module")
def report(project: Path, tiny_model: Path) -> Report:
    return tune(Workspace.open(project), settings=quick_settings(tiny_model, "eval.systems=[base, tuned]"))


def test_they_are_compared_although_nobody_asked_for_them(report: Report) -> None:
    (task,) = report.tasks
    assert [result.system for result in task.systems] == [*SIMPLE, "base", "tuned"]
    assert [entry.against for entry in task.comparisons] == [*SIMPLE, "base"]
    assert {result.scored for result in task.systems} == {task.test_rows}
    assert all(result.well_formed == 1 for result in task.systems)


def test_the_linear_model_is_kept_and_answers_as_reported(project: Path, report: Report) -> None:
    result = next(result for result in report.tasks[0].systems if result.system == "linear")
    assert result.kept_at is not None
    model = LinearModel.load(project / result.kept_at)
    assert model.manifest.train_rows == result.train_rows == report.tasks[0].train_rows
    context = Workspace.open(project)
    folder = context.project.predictions("team")
    (kept,) = [found for path in folder.glob("*.json") if (found := read_record(path, PredictionSet)).system == "linear"]
    (dataset,) = context.project.datasets("team").glob("*/test.jsonl")
    inputs = [line for line in dataset.read_text(encoding="utf-8").splitlines() if line]
    assert len(kept.predictions) == len(inputs)
    assert all(abs(sum((prediction.probabilities or {}).values()) - 1) < 1e-4 for prediction in kept.predictions)
    size = sum(path.stat().st_size for path in (project / result.kept_at).iterdir())
    assert size < 1_000_000
    assert not list((project / "artifacts" / "baselines").rglob("*.pkl"))


def test_the_second_time_nothing_is_fitted_or_answered(project: Path, report: Report, tiny_model: Path) -> None:
    events = Recording()
    again = evaluate(
        Workspace.open(project), settings=quick_settings(tiny_model, "eval.systems=[base, tuned]"), on_event=events
    )
    assert again.id == report.id
    assert all(event.reused for event in events.finished if event.stage == "answer")


def test_fewer_training_rows_hold_for_them_too(project: Path, report: Report, tiny_model: Path) -> None:
    settings = quick_settings(tiny_model, "eval.systems=[base]", "max_train_rows=6")
    (task,) = evaluate(Workspace.open(project), settings=settings).tasks
    assert task.systems[2].train_rows == 6


def test_they_are_left_out_on_purpose_only_and_the_report_says_so(project: Path, report: Report, tiny_model: Path) -> None:
    settings = quick_settings(tiny_model, "eval.systems=[base, tuned]", "simple_baselines=false")
    (task,) = evaluate(Workspace.open(project), settings=settings).tasks
    assert [result.system for result in task.systems] == ["base", "tuned"]
    assert "no_simple_baselines" in {caveat.code for caveat in task.caveats}


def test_a_damaged_model_is_fitted_anew_with_a_note(project: Path, report: Report, tiny_model: Path) -> None:
    kept_at = next(result.kept_at for result in report.tasks[0].systems if result.system == "linear")
    arrays = project / str(kept_at) / "linear.safetensors"
    whole = arrays.read_bytes()
    arrays.write_bytes(whole[:-1] + b"?")
    events = Recording()
    evaluate(Workspace.open(project), settings=quick_settings(tiny_model, "eval.systems=[base, tuned]"), on_event=events)
    assert arrays.read_bytes() == whole
