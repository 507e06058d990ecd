"""Training on pages: the estimate first, then start, curves, stop, resume; earlier runs."""

import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient
from tests.unit.studio.studio_client import open_client
from tests.unit.studio.trained_project import write_quick_project

from anytasktune.models.load import load_base
from anytasktune.models.lora import Adapter, LoraSpec
from anytasktune.pipeline import Workspace
from anytasktune.pipeline.background_jobs import JobView, find_job, list_jobs, start_job, stop_job
from anytasktune.pipeline.importing_adapters import import_adapter
from anytasktune.pipeline.stored_trainings import trainings


@pytest.fixture(scope="module")
def law(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Workspace:
    """A project in which nothing is trained yet; the tests train it in their order."""
    return write_quick_project(tmp_path_factory.mktemp("studio") / "law", tiny_model)


@pytest.fixture
def client(law: Workspace) -> TestClient:
    return open_client(law.project.root)


def ended(law: Workspace, job_id: str) -> JobView:
    """The job when it has ended."""
    while (job := find_job(law.project, job_id)).is_alive:
        time.sleep(0.1)
    return job


def test_the_form_shows_tasks_with_their_rows_and_the_command_for_its_choices(client: TestClient) -> None:
    page = client.get("/p/law/train").text
    assert "30 rows" in page
    assert "anytasktune tune" in page
    chosen = client.get("/p/law/train", params={"task": "team", "preset": "quick", "granularity": "mixed"}).text
    assert "tune --granularity mixed -c train.preset=quick" in chosen


def test_choices_that_do_not_exist_are_refused_in_place(client: TestClient) -> None:
    for wrong in ({"task": "nope"}, {"preset": "slow"}):
        reply = client.post("/p/law/train", data={"action": "start", **wrong})
        assert reply.status_code == 422
        assert next(iter(wrong.values())) in reply.text


def test_the_estimate_is_a_dry_run_whose_cost_the_page_shows(client: TestClient, law: Workspace) -> None:
    reply = client.post("/p/law/train", data={"action": "estimate", "task": "team"}, follow_redirects=False)
    assert reply.status_code == 303
    (job_id,) = parse_qs(urlsplit(reply.headers["location"]).query)["estimate"]
    job = ended(law, job_id)
    assert job.command == ["tune", "--dry-run"]
    page = client.get(reply.headers["location"]).text
    assert "Expected cost on this machine" in page
    assert f'<td class="number">{job.result[0]["steps"]}</td>' in page
    assert trainings(law.project) == []
    assert job_id not in client.get("/p/law/train").text  # a dry run is no training


def test_a_training_shows_its_curves_while_it_runs_and_leads_to_its_report(client: TestClient, law: Workspace) -> None:
    reply = client.post("/p/law/train", data={"action": "start"}, follow_redirects=False)
    place = reply.headers["location"]
    again = client.post("/p/law/train", data={"action": "start"}, follow_redirects=False)
    assert again.headers["location"] == place, "a training that runs is not started twice"
    assert place in client.get("/p/law/train").text
    job = ended(law, place.rpartition("/")[2])
    assert job.state == "done", job.log
    page, curves = client.get(place).text, client.get(f"{place}/curves").text
    assert "<html" not in curves
    assert "polyline" in curves
    assert "Loss by step" in page
    assert f"/p/law/reports/{job.result['id']}" in page
    assert client.get(f"/p/law/reports/{job.result['id']}").status_code == 200


def test_earlier_runs_stand_with_their_numbers_and_curves(client: TestClient, law: Workspace) -> None:
    (training,) = trainings(law.project)
    assert training.run is not None
    page = client.get("/p/law/train").text
    assert f"/p/law/train/runs/team/{training.id}" in page
    shown = client.get(f"/p/law/train/runs/team/{training.id}").text
    assert f"{training.run.steps_done} / {training.run.resolved.steps}" in shown
    assert "polyline" in shown
    assert client.get("/p/law/train/runs/team/nothing").status_code == 404


def test_a_stopped_training_is_resumed_by_the_same_command(client: TestClient, law: Workspace) -> None:
    job = start_job(law.project, ["tune", "-c", "train.epochs=400"])
    while not find_job(law.project, job.id).log:
        time.sleep(0.05)
    reply = client.post(f"/p/law/train/jobs/{job.id}/stop")
    assert "stopped" in reply.text
    resumed = client.post(f"/p/law/train/jobs/{job.id}/resume", follow_redirects=False).headers["location"]
    other = resumed.rpartition("/")[2]
    assert other != job.id
    assert find_job(law.project, other).command == job.command
    stop_job(law.project, other)
    assert len(list_jobs(law.project)) == 4


def test_a_failed_training_shows_its_faults_in_place(client: TestClient, law: Workspace) -> None:
    job = ended(law, start_job(law.project, ["tune", "-c", "train.model=/nowhere/model"]).id)
    page = client.get(f"/p/law/train/jobs/{job.id}").text
    assert 'role="alert"' in page
    assert "/nowhere/model" in page
    assert "Traceback" not in page


def test_a_run_of_another_program_shows_no_steps_and_no_time(tmp_path: Path, tiny_model: Path) -> None:
    law, made = write_quick_project(tmp_path / "law", tiny_model), load_base(str(tiny_model), dtype="float32", device="cpu")
    adapter = Adapter(made.model, LoraSpec(4, 8.0))
    adapter.initialise(1)
    (tmp_path / "adapter").mkdir()
    adapter.save(tmp_path / "adapter", str(tiny_model))
    run = import_adapter(law, tmp_path / "adapter", "team", settings=law.settings()).run
    client = open_client(law.project.root)
    page = client.get(f"/p/law/train/runs/team/{run.id}").text
    assert "Trained by</dt><dd>another program" in page
    assert "<dt>Steps</dt>" not in page
    assert "<dt>Learning rate</dt>" not in page
    assert client.get("/p/law/train").text.count('<td class="number">–</td>') == 4
