"""Reports on pages: listed with verdicts, shown as they were written, compared."""

import html
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.unit.studio.studio_client import open_client
from tests.unit.studio.trained_project import write_trained_project

from anytasktune.pipeline import Workspace
from anytasktune.pipeline.reporting import all_reports, summarize
from anytasktune.pipeline.tuning import tune


@pytest.fixture(scope="module")
def law(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Workspace:
    """A project with two reports."""
    workspace = write_trained_project(tmp_path_factory.mktemp("studio") / "law", tiny_model)
    tune(workspace, settings=workspace.settings(["train.epochs=2", "eval.shots=1"]))
    return workspace


@pytest.fixture
def client(law: Workspace) -> TestClient:
    return open_client(law.project.root)


def test_reports_are_listed_with_the_verdict_on_each_task_in_both_languages(client: TestClient, law: Workspace) -> None:
    (first, second), last = all_reports(law.project)
    page = client.get("/p/law/reports").text
    assert page.index(f'href="/p/law/reports/{second.id}"') < page.index(f'href="/p/law/reports/{first.id}"')
    assert summarize(first).headline in page
    chinese = open_client(law.project.root, "zh").get("/p/law/reports").text
    assert summarize(second, "zh").verdicts[0][1].outcome in chinese
    assert last == second.id


def test_a_report_is_sent_as_it_was_written_under_a_policy_that_lets_its_script_run(client: TestClient, law: Workspace) -> None:
    report = all_reports(law.project)[0][0]
    page = client.get(f"/p/law/reports/{report.id}").text
    assert f'src="/p/law/reports/{report.id}/files/report.html"' in page
    sent = client.get(f"/p/law/reports/{report.id}/files/report.html")
    folder = law.project.reports / report.id
    assert sent.text == (folder / "report.html").read_text(encoding="utf-8")
    policy = sent.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in policy
    own = re.search(r"script-src 'sha256-[^']+'", html.unescape(sent.text))
    assert own is not None
    assert own.group() in policy
    answers = client.get(f"/p/law/reports/{report.id}/files/predictions.jsonl")
    assert answers.content == (folder / "predictions.jsonl").read_bytes()
    assert "attachment" in answers.headers["content-disposition"]


def test_only_files_of_a_report_are_sent(client: TestClient, law: Workspace) -> None:
    report = all_reports(law.project)[0][0]
    for name in ("SHA256SUMS", "..%2f..%2f..%2fdomain.yaml", "nothing.html"):
        assert client.get(f"/p/law/reports/{report.id}/files/{name}").status_code == 404
    assert client.get("/p/law/reports/nothing").status_code == 404


def test_two_reports_are_compared_on_the_rows_they_share(client: TestClient, law: Workspace) -> None:
    first, second = (report.id for report in all_reports(law.project)[0])
    page = client.get("/p/law/reports/compare", params={"first": first, "second": second}).text
    assert f"From report {first} to {second}" in page
    assert "eval.shots" in page
    assert f"report diff {first} {second}" in page
    chinese = open_client(law.project.root, "zh")
    assert "配对检验" in chinese.get("/p/law/reports/compare", params={"first": first, "second": second}).text
    same = client.get("/p/law/reports/compare", params={"first": first, "second": first})
    assert same.status_code == 422
    assert "compared with itself" in same.text


def test_a_project_without_reports_says_how_one_is_made(tmp_path: Path, law: Workspace) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "domain.yaml").write_bytes(law.project.domain_file.read_bytes())
    page = open_client(tmp_path).get("/p/new/reports").text
    assert "There is no report yet" in page
    assert 'href="/p/new/train"' in page
