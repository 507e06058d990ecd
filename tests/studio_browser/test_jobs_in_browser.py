"""A job on its page: events draw bars and log, the end draws the page anew."""

from pathlib import Path

from anytasktune.pipeline import Workspace
from anytasktune.pipeline.background_jobs import start_job
from tests.studio_browser.conftest import OpenStudio, serious_findings
from tests.tiny_project import write_project


def test_a_job_draws_its_progress_and_its_end(tmp_path: Path, tiny_model: Path, open_studio: OpenStudio) -> None:
    folder = write_project(tmp_path / "law")
    long = ["-c", f"model={tiny_model}", "-c", "epochs=1000", "-c", "patience=1000", "-c", "device=cpu"]
    job = start_job(Workspace.open(folder).project, ["train", *long])
    page = open_studio(folder)
    page.goto(f"{page.url.rstrip('/').partition('/p/')[0]}/p/law/jobs/{job.id}")
    page.wait_for_selector(".bars li progress")
    page.reload()
    page.wait_for_selector(".bars li progress")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Run again, from where it stopped").wait_for(timeout=120_000)
    assert page.inner_text("#state") == "stopped"
    assert "training" in page.inner_text("#log")
    assert not serious_findings(page)
