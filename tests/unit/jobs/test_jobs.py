"""Jobs: real processes of the real command line."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.tiny_project import write_project
from tests.unit.cli.conftest import Run, run  # noqa: F401

from anytasktune.errors import ConfigError
from anytasktune.pipeline import Workspace
from anytasktune.pipeline.background_jobs import JobView, find_job, list_jobs, start_job, stop_job
from anytasktune.store import JobFolder, Project

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of this kind are a POSIX thing")
HOLD = """
import sys, time
from anytasktune.jobs.job_process import run_job
from anytasktune.store import Project
run_job(Project.open(sys.argv[1]), sys.argv[2], lambda words: time.sleep(600) or 0)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Workspace.open(write_project(tmp_path / "law")).project


def waited(project: Project, job: str, state: str) -> JobView:
    """The job once it is in a state."""
    while (view := find_job(project, job)).state != state:
        assert view.state in {"starting", "running"}, view
        time.sleep(0.05)
    return view


def holding(project: Project) -> tuple[JobFolder, subprocess.Popen[bytes]]:
    """A job that runs until it is stopped, with its process."""
    from anytasktune.schema.background_job import BackgroundJob
    from anytasktune.store.job_folder import now

    folder = JobFolder.create(project, BackgroundJob(id="0123456789ab", words=["tune"], created=now(), version="0"))
    assert folder.state == "starting"
    command = [sys.executable, "-c", HOLD, str(project.root), folder.path.name]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    while folder.process is None:
        time.sleep(0.02)
    return folder, process


def test_a_job_runs_a_command_and_keeps_its_events_result_and_exit_code(project: Project) -> None:
    begun = start_job(project, ["check", "tam"])
    assert begun.words[:2] == ["check", "tam"]
    failed = waited(project, begun.id, "failed")
    assert (failed.exit_code, failed.result["problems"][0]["fix"]) == (1, "did you mean 'team'?")
    assert [view.id for view in list_jobs(project)] == [begun.id]


def test_a_job_is_alive_as_long_as_its_process(project: Project) -> None:
    folder, process = holding(project)
    assert folder.state == "running"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert folder.state == "killed"
    assert find_job(project, "0123").exit_code is None


def test_a_job_that_is_stopped_ends_as_with_ctrl_c(project: Project) -> None:
    folder, process = holding(project)
    view = stop_job(project, folder.path.name)
    process.wait()
    assert (view.state, view.exit_code) == ("stopped", 130)
    assert stop_job(project, folder.path.name).state == view.state


def test_a_job_outlives_a_parent_that_is_killed(project: Project) -> None:
    code = (
        "import sys, time; from anytasktune.store import Project; from anytasktune.pipeline.background_jobs import start_job; "
        "print(start_job(Project.open(sys.argv[1]), ['check', 'tam']).id, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(project.root)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    job = parent.stdout.readline().strip()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert waited(project, job, "failed").exit_code == 1


def test_jobs_are_listed_shown_and_stopped_on_the_command_line(run: Run, project: Project) -> None:  # noqa: F811
    assert "no job was started yet" in run("jobs", "list", "-p", project.root).out
    folder, process = holding(project)
    with folder.opened_outputs() as (_, log):
        log.write(b'{"event":"note","text":"half-way \\u001b[2J"}\nplain words\n')
    assert "0123456789ab  running  tune" in run("jobs", "list", "-p", project.root).out
    shown = run("jobs", "show", "0123", "-p", project.root).out
    assert "note half-way" in shown
    assert "plain words" in shown
    assert "\x1b" not in shown
    document = run("jobs", "show", "0123", "-p", project.root, "--json").document
    assert (document["state"], document["log"][0]["event"], document["log"][1]) == ("running", "note", "plain words")
    assert "0123456789ab" in run("jobs", "stop", "0123", "-p", project.root).out
    process.wait()
    ended = run("jobs", "show", "99", "-p", project.root, "--json")
    assert (ended.code, "there is no job '99'" in ended.out) == (1, True)


def test_a_job_that_does_not_exist_is_named(project: Project) -> None:
    with pytest.raises(ConfigError, match="there is no job 'x'"):
        find_job(project, "x")
