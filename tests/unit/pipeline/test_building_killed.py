"""A build that is killed again and again ends as one that was left alone, and pays for nothing twice.

`ANYTASKTUNE_KILLS=100` kills it a hundred times; a few are enough for every day.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.openai_server import Served
from tests.scripted_teacher import Script, scripted_teacher
from tests.tiny_project import team_rows, write_project

from anytasktune.store import Project, read_ref

KILLS = int(os.environ.get("ANYTASKTUNE_KILLS", "6"))
AT_ONCE = 4
_DOCUMENT = "# Letting\n\n" + "\n\n".join(
    f"## Rule {number}\n\nThe office answers letter {number} within {number + 3} days and keeps a copy in folder {number * 7}."
    for number in range(20)
)


def write_firm(folder: Path) -> Path:
    write_project(folder, team_rows(120))
    (folder / "documents").mkdir()
    (folder / "documents" / "rules.md").write_text(_DOCUMENT, encoding="utf-8", newline="\n")
    return folder


def start(folder: Path, served: Served) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "anytasktune", "build", "team", "-p", str(folder), "--teacher", "scripted"]
    for setting in ("rows=30", "feasibility_rows=0", "augmentations=[typos,paraphrase]", f"concurrency={AT_ONCE}", "samples=2"):
        command += ["-c", setting]
    return subprocess.Popen(
        command,
        env=os.environ | {"OPENAI_BASE_URL": served.url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finished(folder: Path, served: Served) -> tuple[str, float]:
    """The id of the data set and the seconds it took."""
    began = time.monotonic()
    process = start(folder, served)
    _, said = process.communicate(timeout=120)
    assert process.returncode in {0, 3}, said.decode()
    return _data_set(folder), time.monotonic() - began


def _data_set(folder: Path) -> str:
    found = read_ref(Project(folder).datasets("team"))
    assert found is not None
    return found


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_killed_at_any_moment_it_ends_with_the_same_data_set_and_pays_nothing_twice(tmp_path: Path) -> None:
    with scripted_teacher(Script(slow=0.02)) as served:
        expected, seconds = finished(write_firm(tmp_path / "whole"), served)
        asked = len(served.bodies)
    folder = write_firm(tmp_path / "killed")
    kills = 0
    with scripted_teacher(Script(slow=0.02)) as served:
        for number in range(KILLS):
            process = start(folder, served)
            try:
                process.communicate(timeout=random.Random(number).uniform(0.1, 0.9) * seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
        assert finished(folder, served)[0] == expected
        assert len(served.bodies) <= asked + kills * AT_ONCE
    assert kills > 0
