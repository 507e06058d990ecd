"""Every Task-LM answers every task: from the command to the report, resumed, foretold and verified."""

from pathlib import Path

import pytest
from tests.tiny_project import POOL, quick_settings, write_pool
from tests.unit.pipeline.recording import Recording

from anytasktune.pipeline import Workspace, evaluate, train
from anytasktune.pipeline.expected_answers import expected_answers
from anytasktune.pipeline.verifying import verify
from anytasktune.schema import PredictionSet, Report
from anytasktune.settings import Settings
from anytasktune.store import read_record, write_record

MODELS = ["", "team", "haste", "reply", "action-intake", "mixed-pool"]
TASKS = ["team", "haste", "reply"]


def settings_for(model: Path, *more: str) -> Settings:
    return quick_settings(model, "eval.across_tasks=true", "systems=[base,tuned]", "simple_baselines=false", *more)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    folder = write_pool(tmp_path_factory.mktemp("across") / "law")
    workspace = Workspace.open(folder)
    train(workspace, settings=quick_settings(tiny_model))
    train(workspace, ["team", "haste"], quick_settings(tiny_model), granularity="action")
    train(workspace, settings=quick_settings(tiny_model), granularity="mixed")
    return folder


@pytest.fixture(scope="module")
def report(pool: Path, tiny_model: Path) -> Report:
    return evaluate(Workspace.open(pool), settings=settings_for(tiny_model))


def test_every_model_answers_the_dev_rows_of_every_task(pool: Path, report: Report) -> None:
    matrix = report.matrix
    assert matrix is not None
    assert [model.target for model in matrix.models] == MODELS
    assert [(cell.target, cell.task) for cell in matrix.cells] == [(target, task) for target in MODELS for task in TASKS]
    for cell in matrix.cells:
        stored = read_record(pool / "artifacts" / "predictions" / cell.task / f"{cell.predictions}.json", PredictionSet)
        assert (stored.split, len(stored.predictions)) == ("dev", matrix.rows[cell.task])
        assert stored.task_lm is None if cell.target == "" else stored.task_lm is not None
    learned = {(cell.target, cell.task) for cell in matrix.cells if cell.learned}
    assert learned == {
        *((task, task) for task in TASKS),
        ("action-intake", "team"),
        ("action-intake", "haste"),
        *(("mixed-pool", task) for task in TASKS),
    }


def test_pages_and_terminal_show_the_matrix_in_both_languages(pool: Path, report: Report) -> None:
    folder = pool / "artifacts" / "reports" / report.id
    for page in ("report.html", "report.md"):
        assert "Every Task-LM on every task" in (folder / page).read_text(encoding="utf-8")
    for page in ("report.zh.html", "report.zh.md"):
        assert "每个 Task-LM 在每项任务上的得分" in (folder / page).read_text(encoding="utf-8")


def test_a_second_evaluation_answers_nothing_anew(pool: Path, tiny_model: Path, report: Report) -> None:
    events = Recording()
    again = evaluate(Workspace.open(pool), settings=settings_for(tiny_model), on_event=events)
    assert events.made == []
    assert again.id == report.id


def test_what_is_missing_is_foretold_and_is_what_is_answered(pool: Path, tiny_model: Path, report: Report) -> None:
    workspace, settings = Workspace.open(pool), settings_for(tiny_model)
    assert all(one.known and one.seconds == 0 for one in expected_answers(workspace, settings=settings))
    assert report.matrix is not None
    cell = report.matrix.cell("reply", "team")
    assert cell is not None
    (pool / "artifacts" / "predictions" / "team" / f"{cell.predictions}.json").unlink()
    (missing,) = [one for one in expected_answers(workspace, settings=settings) if not one.known]
    assert (missing.model, missing.task, missing.split, missing.rows) == ("reply", "team", "dev", report.matrix.rows["team"])
    events = Recording()
    again = evaluate(workspace, settings=settings, on_event=events).matrix
    assert again is not None
    assert [one.score for one in again.cells] == [one.score for one in report.matrix.cells]
    assert events.made == ["matrix reply"]


def test_verify_computes_the_matrix_again_and_finds_a_changed_prediction(pool: Path, report: Report) -> None:
    workspace = Workspace.open(pool)
    assert verify(workspace).mismatches == ()
    assert report.matrix is not None
    cell = report.matrix.cell("team", "reply")
    assert cell is not None
    path = pool / "artifacts" / "predictions" / "reply" / f"{cell.predictions}.json"
    whole = path.read_bytes()
    record = read_record(path, PredictionSet)
    first = record.predictions[0].model_copy(update={"output": "boss"})
    write_record(path, record.model_copy(update={"predictions": [first, *record.predictions[1:]]}))
    found = [one.what for one in verify(workspace).mismatches]
    path.write_bytes(whole)
    assert "these are not the predictions that were scored" in found
    path.rename(path.with_suffix(".aside"))
    assert verify(workspace).mismatches
    path.with_suffix(".aside").rename(path)
    assert verify(workspace).mismatches == ()


def test_general_instructions_are_asked_before_and_after_and_verified(pool: Path, tiny_model: Path) -> None:
    workspace, settings = Workspace.open(pool), settings_for(tiny_model, "eval.across_tasks=false", "eval.forgetting=true")
    missing = [one for one in expected_answers(workspace, settings=settings) if not one.known]
    assert {(one.task, one.rows) for one in missing} == {("general_instructions", 80)}
    events = Recording()
    report = evaluate(workspace, settings=settings, on_event=events)
    assert report.forgetting is not None
    assert [one.target for one in report.forgetting.models] == MODELS[1:]
    assert verify(workspace).mismatches == ()
    again = Recording()
    assert evaluate(workspace, settings=settings, on_event=again).id == report.id
    assert [event.reused for event in again.finished if event.stage == "forgetting"] == [True] * len(MODELS)
    path = pool / "artifacts" / "predictions" / "general_instructions" / f"{report.forgetting.models[0].predictions}.json"
    whole = path.read_bytes()
    record = read_record(path, PredictionSet)
    first = record.predictions[0].model_copy(update={"output": "12"})
    write_record(path, record.model_copy(update={"predictions": [first, *record.predictions[1:]]}))
    assert any("models[0]" in one.place for one in verify(workspace).mismatches)
    path.write_bytes(whole)


def test_a_task_that_was_edited_since_is_not_asked_of_those_that_learned_it(pool: Path, tiny_model: Path) -> None:
    domain = pool / "domain.yaml"
    domain.write_text(POOL.replace("How urgent is the matter?", "Is it urgent?"), encoding="utf-8")
    report = evaluate(Workspace.open(pool), ["team", "reply"], settings_for(tiny_model))
    assert report.matrix is not None
    assert {cell.task for cell in report.matrix.cells} == {"team", "reply"}
    train(Workspace.open(pool), ["haste"], quick_settings(tiny_model))
    matrix = evaluate(Workspace.open(pool), settings=settings_for(tiny_model)).matrix
    domain.write_text(POOL, encoding="utf-8")
    assert matrix is not None
    assert {target for target in MODELS if matrix.cell(target, "haste") is None} == {"action-intake", "mixed-pool"}
