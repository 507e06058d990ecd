"""The evaluation of the router in the report: picked up, shown in both languages, verified."""

import json
import re
from pathlib import Path

import pytest
from tests.tiny_project import quick_settings, write_pool

from anytasktune.pipeline import Workspace, evaluate, train
from anytasktune.pipeline.evaluating_router import evaluate_router
from anytasktune.pipeline.reporting import router_page
from anytasktune.pipeline.verifying import verify
from anytasktune.reports import report_files
from anytasktune.reports.report_words import words
from anytasktune.reports.router_view import view_router
from anytasktune.schema import Report
from anytasktune.schema.router_evaluation import RouterEvaluation
from anytasktune.settings import Settings
from anytasktune.store import read_record, write_record

TITLES = {"en": "The router: inputs whose task nobody names", "zh": "路由：未指明任务的输入"}


def settings_for(model: Path) -> Settings:
    return quick_settings(model, "systems=[base,tuned]", "simple_baselines=false", "eval.resamples=100")


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    folder = write_pool(tmp_path_factory.mktemp("routed") / "law")
    train(Workspace.open(folder), settings=quick_settings(tiny_model))
    return folder


@pytest.fixture(scope="module")
def reports(pool: Path, tiny_model: Path) -> tuple[Report, Report]:
    """The report before the router is evaluated, and after."""
    workspace, settings = Workspace.open(pool), settings_for(tiny_model)
    before = evaluate(workspace, settings=settings)
    found = evaluate_router(workspace, "constant", settings)
    assert router_page(workspace, found.id) is None
    after = evaluate(workspace, settings=settings)
    assert router_page(workspace, found.id) == pool / "artifacts" / "reports" / after.id / "report.html"
    return before, after


def test_it_is_shown_once_it_was_measured_in_both_languages(reports: tuple[Report, Report]) -> None:
    before, after = reports
    assert (before.router, before.id == after.id) == (None, False)
    assert after.router is not None
    for language, ending in (("en", ""), ("zh", ".zh")):
        view = view_router(after, words(language))
        assert view is not None
        for name in (f"report{ending}.html", f"report{ending}.md"):
            page, plain = report_files(after, [])[name], report_files(before, [])[name]
            assert page.count(TITLES[language]) == 1
            assert TITLES[language] not in plain
            for line in (*view.findings, view.how):
                assert re.sub(r"[\\\s]", "", line) in re.sub(r"[\\\s]", "", page.replace("&#39;", "'"))
            assert f"{after.router.gaps[0].named.value:.3f}" in page
        assert f'points="{view.plot.points}"' in report_files(after, [])[f"report{ending}.html"]
        for row, task in zip(view.confusion, after.router.tasks, strict=True):
            assert (row.inputs, row.taken[row.own]) == (sum(row.taken), task.right)


def test_a_report_on_one_task_or_other_rows_shows_none(pool: Path, reports: tuple[Report, Report], tiny_model: Path) -> None:
    workspace, settings = Workspace.open(pool), settings_for(tiny_model)
    assert evaluate(workspace, ["team"], settings).router is None
    fewer = settings.model_copy(update={"eval": settings.eval.model_copy(update={"max_rows": 3})})
    assert evaluate(workspace, settings=fewer).router is None


def test_verify_finds_a_number_changed_in_the_report_or_in_the_record(pool: Path, reports: tuple[Report, Report]) -> None:
    workspace, report = Workspace.open(pool), reports[1]
    assert report.router is not None
    assert verify(workspace, report.id).mismatches == ()
    stored = pool / "artifacts" / "reports" / report.id / "report.json"
    whole, content = stored.read_bytes(), json.loads(stored.read_bytes())
    content["router"]["routed"] += 1
    stored.write_text(json.dumps(content), encoding="utf-8")
    assert any("router.routed" in one.place for one in verify(workspace, report.id).mismatches)
    stored.write_bytes(whole)
    record = pool / "artifacts" / "router_evaluations" / f"{report.router.id}.json"
    kept = record.read_bytes()
    found = read_record(record, RouterEvaluation)
    write_record(record, found.model_copy(update={"inputs": found.inputs + 1}))
    assert any("router.inputs" in one.place for one in verify(workspace, report.id).mismatches), "its checksum holds"
    record.write_bytes(kept.replace(b'"routed":', b'"routed": 1', 1))
    assert verify(workspace, report.id).mismatches
    record.unlink()
    assert any(str(record) in one.place for one in verify(workspace, report.id).mismatches)
    record.write_bytes(kept)
