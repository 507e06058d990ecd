"""General models on this machine beside the Task-LMs: real models, the same rows, one report."""

from pathlib import Path

import pytest
from tests.tiny_models import save_tiny_model
from tests.tiny_project import quick_settings, write_project
from tests.unit.pipeline.recording import Recording

from anytasktune.errors import ModelError
from anytasktune.pipeline import Workspace, evaluate, tune
from anytasktune.pipeline.diffing_reports import diff_stored_reports
from anytasktune.pipeline.verifying import verify
from anytasktune.schema import PredictionSet, Report
from anytasktune.settings import SIMPLE
from anytasktune.settings.systems import general_system
from anytasktune.store import read_record

ZERO_SHOT, FEW_SHOT = general_system("big", few_shot=False), general_system("big", few_shot=True)


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("general") / "big", "qwen2")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("general_project") / "law")


@pytest.fixture(scope="module")
def report(project: Path, tiny_model: Path, big: Path) -> Report:
    settings = quick_settings(tiny_model, f"general_models=['{big.as_posix()}']")
    return tune(Workspace.open(project), settings=settings)


def test_it_answers_the_same_rows_with_and_without_examples_and_is_compared(report: Report) -> None:
    (task,) = report.tasks
    systems = ["base", "few_shot", ZERO_SHOT, FEW_SHOT]
    assert [result.system for result in task.systems] == [*SIMPLE, *systems, "tuned"]
    assert [entry.against for entry in task.comparisons] == [*SIMPLE, *systems]
    found = {result.system: result for result in task.systems}
    for system in (ZERO_SHOT, FEW_SHOT):
        result = found[system]
        assert result.scored == task.test_rows
        assert result.well_formed == 1
        assert result.general_model is not None
        assert result.general_model.name == "big"
        assert result.general_model.parameters
        assert result.seconds_per_1000 is not None
        assert result.machine == report.machine
    assert found[FEW_SHOT].shot_choice is not None
    assert found["base"].general_model is None


def test_labels_of_a_general_model_are_scored_by_probability(project: Path, report: Report) -> None:
    folder = project / "artifacts" / "predictions" / "team"
    result = next(result for result in report.tasks[0].systems if result.system == ZERO_SHOT)
    kept = read_record(folder / f"{result.predictions}.json", PredictionSet)
    assert all(abs(sum((prediction.probabilities or {}).values()) - 1) < 1e-4 for prediction in kept.predictions)


def test_pages_items_and_verification_know_it(project: Path, report: Report) -> None:
    folder = project / "artifacts" / "reports" / report.id
    assert ">big, few-shot<" in (folder / "report.html").read_text(encoding="utf-8")
    assert "big（少样本）" in (folder / "report.zh.md").read_text(encoding="utf-8")
    assert f'"{FEW_SHOT}"' in (folder / "predictions.jsonl").read_text(encoding="utf-8")
    assert verify(Workspace.open(project)).mismatches == ()


def test_a_copy_of_the_model_elsewhere_is_not_asked_again(project: Path, report: Report, tiny_model: Path, big: Path) -> None:
    copy = save_tiny_model(big.parent / "again" / "big", "qwen2")
    events = Recording()
    settings = quick_settings(tiny_model, f"general_models=['{big.as_posix()}', '{copy.as_posix()}']")
    again = evaluate(Workspace.open(project), settings=settings, on_event=events)
    assert [result.system for result in again.tasks[0].systems] == [result.system for result in report.tasks[0].systems]
    assert not [line for line in events.made if line.startswith("answer")]


def test_reports_with_and_without_it_are_compared(project: Path, report: Report, tiny_model: Path) -> None:
    without = evaluate(Workspace.open(project), settings=quick_settings(tiny_model))
    found = diff_stored_reports(Workspace.open(project), report.id, without.id)
    assert f"team/{ZERO_SHOT}" in found.only_first
    assert [one.system for one in found.systems][-1] == "tuned"


def test_the_base_itself_is_named_and_left_out(project: Path, report: Report, tiny_model: Path) -> None:
    events = Recording()
    settings = quick_settings(tiny_model, f"general_models=['{tiny_model.as_posix()}']")
    without = evaluate(Workspace.open(project), settings=settings, on_event=events)
    assert "tuned" in {result.system for result in without.tasks[0].systems}
    assert not [result for result in without.tasks[0].systems if result.general_model]
    assert any("the base model itself" in note for note in events.notes)


def test_a_model_that_is_not_there_is_named_before_anything_is_trained(tmp_path: Path, tiny_model: Path) -> None:
    project, events = write_project(tmp_path / "law"), Recording()
    settings = quick_settings(tiny_model, "general_models=['./nowhere']")
    with pytest.raises(ModelError, match="no such folder"):
        tune(Workspace.open(project), settings=settings, on_event=events)
    assert events.trained == []


def test_the_examples_of_each_model_are_named_apart(project: Path, report: Report) -> None:
    page = (project / "artifacts" / "reports" / report.id / "report.md").read_text(encoding="utf-8")
    assert "Few-shot examples:" in page
    assert "Few-shot examples, big:" in page


def test_a_report_holds_no_path_of_a_general_model(project: Path, report: Report, big: Path) -> None:
    assert report.config.general_models == ["big"]
    folder = project / "artifacts" / "reports" / report.id
    assert not [path for path in folder.iterdir() if str(big.parent) in path.read_text(encoding="utf-8")]
