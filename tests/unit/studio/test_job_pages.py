"""Jobs on pages: started, followed, stopped, started again; the command line sees the same ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.tiny_project import write_project
from tests.unit.studio.studio_client import open_client

from anytasktune.pipeline import Workspace
from anytasktune.pipeline.background_jobs import find_job, list_jobs, log_after, start_job


@pytest.fixture(scope="module")
def law(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a job that has ended well and one that has failed."""
    folder = write_project(tmp_path_factory.mktemp("studio") / "law")
    workspace = Workspace.open(folder)
    for words in (["check"], ["check", "<script>alert(1)</script>"]):
        job = start_job(workspace.project, words)
        messages(open_client(folder), f"/p/law/jobs/{job.id}/events")
    return folder


def messages(client: TestClient, path: str, **headers: str) -> list[tuple[str, Any]]:
    """All server-sent events of a job until its end."""
    found = []
    with client.stream("GET", path, headers=headers) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in reply.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((name, json.loads(line.removeprefix("data: "))))
    return found


def test_the_events_of_a_job_come_with_words_and_end_with_its_state(law: Path) -> None:
    done, failed = list_jobs(Workspace.open(law).project)
    seen = messages(open_client(law), f"/p/law/jobs/{done.id}/events")
    assert seen[-1] == ("state", {"state": "done", "words": "done"})
    assert messages(open_client(law, "zh"), f"/p/law/jobs/{failed.id}/events")[-1][1]["words"] == "失败"


def test_a_lost_connection_goes_on_behind_the_last_event(law: Path) -> None:
    project = Workspace.open(law).project
    done = list_jobs(project)[0]
    whole = log_after(project, done.id)
    assert whole.lines
    assert whole.end == (project.jobs / done.id / "log.txt").stat().st_size
    again = messages(open_client(law), f"/p/law/jobs/{done.id}/events", **{"last-event-id": str(whole.end)})
    assert [name for name, _ in again] == ["state"]


def test_the_pages_of_jobs_show_command_state_log_and_result(law: Path) -> None:
    client, (done, failed) = open_client(law), list_jobs(Workspace.open(law).project)
    overview = client.get("/p/law/jobs").text
    assert overview.index(failed.id) < overview.index(done.id)
    page = client.get(f"/p/law/jobs/{done.id}").text
    assert "Result as JSON" in page
    assert "Run again" in page
    shown = client.get(f"/p/law/jobs/{failed.id}").text
    assert "<script>alert" not in overview + shown
    assert "there is no task" in shown


def test_a_job_that_ended_is_started_again_by_a_form(law: Path) -> None:
    client, project = open_client(law), Workspace.open(law).project
    done = list_jobs(project)[0]
    reply = client.post(f"/p/law/jobs/{done.id}/again", follow_redirects=False)
    assert reply.status_code == 303
    started = reply.headers["location"].rpartition("/")[2]
    assert find_job(project, started).command == ["check"]
    assert messages(client, f"{reply.headers['location']}/events")[-1][1]["state"] == "done"
