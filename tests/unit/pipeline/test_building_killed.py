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

from anytasktune.datasets import load_dataset
from anytasktune.schema import TeacherUsage
from anytasktune.store import Project, read_ref

KILLS = int(os.environ.get("ANYTASKTUNE_KILLS", "3"))
FEW, MORE = 20, 28
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


def start(folder: Path, served: Served, rows: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "anytasktune", "build", "team", "-p", str(folder), "--teacher", "scripted"]
    settings = (f"rows={rows}", "feasibility_rows=8", "despite_feasibility=true", "augmentations=[typos,paraphrase]")
    for setting in (*settings, f"concurrency={AT_ONCE}", "samples=2", "price_in=1", "price_out=2"):
        command += ["-c", setting]
    return subprocess.Popen(
        command,
        env=os.environ | {"OPENAI_BASE_URL": served.url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finished(folder: Path, served: Served, rows: int) -> tuple[str, TeacherUsage]:
    """The id of the data set, and what its card says it took."""
    process = start(folder, served, rows)
    _, said = process.communicate(timeout=120)
    assert process.returncode in {0, 3}, said.decode()
    found = read_ref(Project(folder).datasets("team"))
    assert found is not None
    made = load_dataset(Project(folder).datasets("team") / found).manifest.generated
    assert made is not None
    return found, made.usage.model_copy(update={"seconds": 0.0})


def killed(folder: Path, served: Served, rows: int, kills: int, requests: int) -> int:
    """How often it was killed before it ended: each time after a part of its requests, none of them included."""
    count = 0
    for number in range(kills):
        draw, before = random.Random(number), len(served.bodies)
        process, more = start(folder, served, rows), draw.randrange(max(2, 2 * requests // kills))
        time.sleep(draw.uniform(0, 0.02))
        while process.poll() is None and len(served.bodies) < before + more:
            time.sleep(0.005)
        count += process.poll() is None
        process.kill()
        process.communicate()
    return count


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_killed_at_any_moment_also_while_it_grows_it_ends_with_the_same_data_sets_at_the_same_cost(tmp_path: Path) -> None:
    with scripted_teacher(Script(slow=0.02)) as served:
        whole = [finished(write_firm(tmp_path / "whole"), served, FEW)]
        few = len(served.bodies)
        whole.append(finished(tmp_path / "whole", served, MORE))
        asked = len(served.bodies)
    folder = write_firm(tmp_path / "killed")
    with scripted_teacher(Script(slow=0.02)) as served:
        kills = killed(folder, served, FEW, KILLS, few)
        first = finished(folder, served, FEW)
        kills += killed(folder, served, MORE, KILLS // 2, asked - few)
        assert [first, finished(folder, served, MORE)] == whole
        assert len(served.bodies) <= asked + kills * AT_ONCE
    assert kills > 0
    assert whole[0][1].requests < whole[1][1].requests == asked
    assert (whole[0][1].cost or 0) > 0
