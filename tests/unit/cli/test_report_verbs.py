"""`anytasktune report` and `verify` on the command line."""

from pathlib import Path

import pytest
from tests.tiny_project import quick_settings, write_project
from tests.unit.cli.conftest import Run

from anytasktune.evaluation.forgetting_guard import GENERAL_TASK, general_items
from anytasktune.pipeline import Workspace, evaluate, tune
from anytasktune.schema import PredictionSet, Report
from anytasktune.store import read_record, write_record


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> tuple[Path, Report, Report]:
    """A project with two reports, the second with fewer systems."""
    project = write_project(tmp_path_factory.mktemp("reports") / "law")
    first = tune(Workspace.open(project), settings=quick_settings(tiny_model))
    second = evaluate(Workspace.open(project), settings=quick_settings(tiny_model, "eval.systems=[base, tuned]"))
    return project, first, second


def test_reports_are_listed_shown_and_compared(run: Run, reports: tuple[Path, Report, Report]) -> None:
    project, first, second = reports
    assert f"● {second.id}" in run("report", "list", "-p", project).out
    listed = run("report", "list", "-p", project, "--json").document
    assert {(one["id"], one["last"]) for one in listed} == {(first.id, False), (second.id, True)}
    assert run("report", "-p", project, "--json").document["id"] == second.id
    assert run("report", "show", first.id[:6], "-p", project, "--json").document["id"] == first.id
    diff = run("report", "diff", first.id[:6], "-p", project, "--json").document
    assert [diff["first"], diff["second"], diff["only_first"]] == [first.id, second.id, ["team/few_shot"]]
    assert all(entry["comparison"]["difference"]["value"] == 0 for entry in diff["systems"])
    assert "只在" in run("report", "diff", first.id, second.id, "-p", project, "--language", "zh").out


def test_verify_passes_and_fails_with_its_exit_code(run: Run, reports: tuple[Path, Report, Report]) -> None:
    project, first, _ = reports
    ended = run("verify", first.id, "-p", project)
    assert (ended.code, ended.err) == (0, "")
    assert f"Report {first.id}: " in ended.out
    assert "computed again, all as the report says." in ended.out
    file = project / "artifacts" / "predictions" / "team" / f"{first.tasks[0].systems[0].predictions}.json"
    whole = file.read_bytes()
    file.unlink()
    ended = run("verify", first.id, "-p", project, "--json")
    assert ended.code == 1
    assert ended.document["ok"] is False
    assert str(file) in {one["place"] for one in ended.document["mismatches"]}
    assert "does not agree with what it was made from: 1 mismatch." in run("verify", first.id, "-p", project).out
    file.write_bytes(whole)


def test_names_that_lead_nowhere_are_answered_with_what_to_do(run: Run, reports: tuple[Path, Report, Report]) -> None:
    project, first, second = reports
    problem = run("report", "show", "none", "-p", project, "--json").first_problem
    assert problem["fix"] == "the reports are: " + ", ".join(sorted([first.id, second.id]))
    assert "compared with itself" in run("report", "diff", second.id, "-p", project).err
    ended = run("report", "-p", project, "list")
    assert ended.code == 2
    assert f"report list … -p {project}" in ended.err


def test_a_project_without_reports_says_how_to_make_one(run: Run, tmp_path: Path) -> None:
    project = write_project(tmp_path / "law")
    assert "There is no report yet. Make one: " in run("report", "list", "-p", project).out
    assert "there is no report yet" in run("report", "-p", project).err
    assert "there is no report yet" in run("verify", "-p", project).err


def test_a_task_lm_that_forgot_more_than_the_budget_ends_with_exit_code_5(
    run: Run, reports: tuple[Path, Report, Report], tiny_model: Path
) -> None:
    project, _, _ = reports
    options = ("team", "-p", project, "-c", f"train.model={tiny_model}", "-c", "systems=[base,tuned]", "-c", "resamples=100")
    foretold = run("eval", *options, "--forgetting", "--dry-run")
    assert (foretold.code, "Nothing was answered" in foretold.out) == (0, True)
    ended = run("eval", *options, "--forgetting", "--json")
    assert ended.code == 0
    path = project / "artifacts" / "predictions" / GENERAL_TASK.name / f"{ended.document['forgetting']['predictions']}.json"
    before = read_record(path, PredictionSet)
    right = zip(before.predictions, general_items(), strict=True)
    predictions = [one.model_copy(update={"output": item.accept[0]}) for one, item in right]
    write_record(path, before.model_copy(update={"predictions": predictions}))
    assert run("eval", *options, "--forgetting").code == 0
    ended = run("eval", *options, "-c", "eval.forgetting_budget=0.5")
    assert ended.code == 5
    assert "Larger drop than the 0.5 allowed: Task-LM of Which team." in ended.out
