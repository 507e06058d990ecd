"""The server of the studio: starts without heavy packages, answers on this machine only, ends on a signal."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.tiny_project import write_project

from anytasktune.errors import ConfigError
from anytasktune.studio.studio_server import StudioServer

LATE = ("torch", "transformers", "scipy", "sklearn", "peft")
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


def test_a_folder_that_is_not_there_and_a_port_that_is_taken_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        StudioServer(tmp_path / "nothing")
    taken = StudioServer(tmp_path)
    port = int(taken.start_address.split(":")[2].partition("/")[0])
    with pytest.raises(ConfigError, match="cannot be used"):
        StudioServer(tmp_path, port)
    taken._server._listener.close()
