"""Deploying on pages: a server as a job with snippets that work, exports with parity, versions promoted and rolled back."""

import re
import time
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient
from tests.action_project import write_actions
from tests.unit.studio.studio_client import open_client
from tests.unit.studio.trained_project import write_trained_project

from anytasktune.pipeline import Workspace
from anytasktune.pipeline.background_jobs import JobView, find_job, list_jobs, start_job, stop_job
from anytasktune.pipeline.production import promoted
from anytasktune.pipeline.promoting import PromoteOptions, promote
from anytasktune.pipeline.stored_versions import versions
from anytasktune.pipeline.teacher_access import consents


@pytest.fixture(scope="module")
def law(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Workspace:
    return write_trained_project(tmp_path_factory.mktemp("studio") / "law", tiny_model)


@pytest.fixture(scope="module")
def client(law: Workspace) -> TestClient:
    return open_client(law.project.root)


def ended(law: Workspace, job_id: str) -> JobView:
    """The job when it has ended."""
    while (job := find_job(law.project, job_id)).is_alive:
        time.sleep(0.1)
    return job


def test_a_server_runs_as_a_job_and_its_snippet_is_answered(client: TestClient, law: Workspace) -> None:
    assert "No server of this project runs" in client.get("/p/law/deploy").text
    client.post("/p/law/deploy/serve", data={"port": "0"})
    (job,) = list_jobs(law.project)
    while "data-ready" not in (shown := client.get("/p/law/deploy/servers").text):
        assert find_job(law.project, job.id).is_alive, find_job(law.project, job.id)
        time.sleep(0.1)
    address = re.search(r"http://127\.0\.0\.1:\d+/v1", shown)
    assert address is not None
    question = {"model": "team", "messages": [{"role": "user", "content": "the landlord keeps the deposit"}]}
    reply = httpx.post(f"{address.group()}/chat/completions", json=question, timeout=60)
    assert reply.json()["choices"][0]["message"]["content"] in ("housing", "family", "work")
    assert f"curl {address.group()}/chat/completions" in shown
    assert f'base_url="{address.group()}"' in shown.replace("&#34;", '"')
    client.post(f"/p/law/deploy/serve/{job.id}/stop")
    assert find_job(law.project, job.id).state == "done"
    assert "No server of this project runs" in client.get("/p/law/deploy").text


def test_a_server_that_cannot_start_says_why(client: TestClient, law: Workspace) -> None:
    ended(law, start_job(law.project, ["serve", "--port", "99999"]).id)
    page = client.get("/p/law/deploy").text
    assert "less than or equal to 65535" in page
    assert "No server of this project runs" not in page


def test_a_server_sends_nothing_to_another_machine_before_somebody_agrees(tmp_path: Path) -> None:
    folder = write_actions(tmp_path / "shop")
    settings = "router: {fallback_url: 'https://answers.example/v1', fallback_model: large}\n"
    (folder / "settings.yaml").write_text(settings, encoding="utf-8")
    client, shop = open_client(folder), Workspace.open(folder)
    page = client.get("/p/shop/deploy").text
    for shown in ("https://answers.example/v1", "large", "I agree that they are sent to answers.example", "serve --yes"):
        assert shown in page
    refused = client.post("/p/shop/deploy/serve", data={"port": "0"})
    assert refused.status_code == 422
    assert "nobody has agreed that inputs that fit no task go to answers.example" in refused.text
    assert not list_jobs(shop.project)
    client.post("/p/shop/deploy/serve", data={"port": "0", "agreed": "true"})
    (job,) = list_jobs(shop.project)
    assert job.command == ["serve", "--port", "0", "--yes"]
    while not (given := consents(shop.project)) and find_job(shop.project, job.id).is_alive:
        time.sleep(0.1)
    stop_job(shop.project, job.id)
    assert [(one.host, one.masked) for one in given or consents(shop.project)] == [("answers.example", True)]
    page = client.get("/p/shop/deploy").text
    assert "Agreed for this project" in page
    assert "serve --yes" not in page


def test_a_wrong_address_of_the_router_is_told_on_the_page(tmp_path: Path) -> None:
    folder = write_actions(tmp_path / "shop")
    (folder / "settings.yaml").write_text(
        "router: {fallback_url: 'answers.example', fallback_model: large}\n", encoding="utf-8"
    )
    client = open_client(folder)
    assert "router.fallback_url is no http(s) address" in client.get("/p/shop/deploy").text
    assert client.post("/p/shop/deploy/serve", data={"port": "0"}).status_code == 422


def test_an_export_is_listed_with_its_parity(client: TestClient, law: Workspace) -> None:
    reply = client.post("/p/law/deploy/export", data={"task": "team", "form": "peft"}, follow_redirects=False)
    job = ended(law, reply.headers["location"].rpartition("/")[2])
    assert job.state == "done", job.result
    page = client.get("/p/law/deploy").text
    assert str(law.project.root / "export" / "team" / "peft") in page
    assert "the same" in page or "not checked" in page
    refused = client.post("/p/law/deploy/export", data={"task": "team", "form": "exe"})
    assert refused.status_code == 422


def test_a_version_is_promoted_with_its_evidence_and_rolled_back(client: TestClient, law: Workspace) -> None:
    ((one,), _) = versions(law, "team")
    form = {"task": "team", "version": one.run, "by": "Anna", "despite_report": "true"}
    reply = client.post("/p/law/deploy/promote", data=form, follow_redirects=False)
    started = stop_job(law.project, reply.headers["location"].rpartition("/")[2])
    assert started.command == ["promote", "team", one.run, "--by", "anna", "--despite-report"]
    promote(law, "team", PromoteOptions(one.run, despite_report=True, by="anna"), law.settings())  # as the job does
    page = client.get("/p/law/deploy").text
    assert "in production since" in page
    assert f"{one.run} promoted by anna" in page
    assert f"rows of {one.report}" in page
    page = client.post("/p/law/deploy/rollback", data={"task": "team", "by": "Anna"}).text
    assert promoted(law.project, "team") == []
    assert "rolled back to the newest Task-LM by anna" in page
    again = client.post("/p/law/deploy/rollback", data={"task": "team"})
    assert again.status_code == 422
    assert client.post("/p/law/deploy/promote", data=form | {"version": "abc"}).status_code == 422
