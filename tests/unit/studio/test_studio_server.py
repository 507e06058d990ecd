"""The server of the studio: starts without heavy packages, answers on this machine only, ends on a signal."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from tests.tiny_project import write_project
from tests.unit.studio.studio_client import open_client
from tests.unit.studio.trained_project import write_quick_project

from anytasktune.errors import ConfigError
from anytasktune.pipeline.background_jobs import find_job, list_jobs
from anytasktune.studio.studio_server import USUAL_PORT, StudioServer

LATE = ("torch", "transformers", "scipy", "sklearn", "peft", "pypinyin")
FIRST_PAGE = """
import sys, threading, urllib.request
from pathlib import Path
from anytasktune.studio.studio_server import StudioServer
server = StudioServer(Path(sys.argv[1]))
thread = threading.Thread(target=server.run, daemon=True)
thread.start()
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
assert opener.open(server.start_address).status == 200
for path in sys.argv[2:]:
    assert opener.open(server.start_address.partition("/start")[0] + path).status == 200
server.stop()
thread.join()
print("LOADED", [name for name in %r if name in sys.modules])
"""


def test_the_first_pages_need_no_heavy_package(tmp_path: Path) -> None:
    write_project(tmp_path / "law")
    command = [sys.executable, "-c", FIRST_PAGE % (LATE,), str(tmp_path), "/", "/p/law", "/p/law/jobs"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.stdout.splitlines()[-1:] == ["LOADED []"], done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on POSIX")
def test_the_verb_shows_the_start_address_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    write_project(tmp_path / "law")
    command = [sys.executable, "-m", "anytasktune", "studio", "-p", str(tmp_path), "--no-browser", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        text = ""
        while not text.rstrip().endswith("}"):
            text += process.stdout.readline()
        assert json.loads(text)["start_address"].startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert process.wait() in (0, 130)


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on POSIX")
def test_a_training_goes_on_when_the_server_is_killed(tmp_path: Path, tiny_model: Path) -> None:
    workspace = write_quick_project(tmp_path / "law", tiny_model)
    command = [sys.executable, "-m", "anytasktune", "studio", "-p", str(tmp_path), "--no-browser", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        address = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")["start_address"]
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        opener.addheaders = [("Sec-Fetch-Site", "same-origin")]
        opener.open(address)
        opener.open(f"{address.partition('/start')[0]}/p/law/train", b"action=start&task=team")
        process.kill()
    (job,) = list_jobs(workspace.project)
    assert job.state in ("starting", "running")
    while find_job(workspace.project, job.id).is_alive:
        time.sleep(0.2)
    assert find_job(workspace.project, job.id).state == "done"
    page = open_client(tmp_path).get(f"/p/law/train/jobs/{job.id}")
    assert page.status_code == 200
    assert '"pill done"' in page.text


def test_a_folder_that_is_not_there_and_a_port_that_is_taken_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        StudioServer(tmp_path / "nothing")
    taken = StudioServer(tmp_path)
    port = int(taken.start_address.split(":")[2].partition("/")[0])
    with pytest.raises(ConfigError, match="cannot be used"):
        StudioServer(tmp_path, port)
    other = StudioServer(tmp_path)
    assert str(USUAL_PORT) not in other.start_address, "it is taken by the first, or by another program"
    for server in (taken, other):
        server._server._listener.close()
