"""Commands that ask a teacher of one project at the same time: one works, the others wait, say so, and pay nothing."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.openai_server import Served
from tests.scripted_teacher import Script, scripted_teacher
from tests.tiny_project import team_rows, write_project

from anytasktune.store import asking_alone

SETTINGS = ("rows=12", "feasibility_rows=0", "concurrency=4", "augmentations=[typos,paraphrase]")


def start(folder: Path, served: Served, *verb: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "anytasktune", *verb, "-p", str(folder), "--teacher", "scripted"]
    if verb[0] != "tasks":
        command += [part for setting in SETTINGS for part in ("-c", setting)]
    environment = os.environ | {"OPENAI_BASE_URL": served.url}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: "subprocess.Popen[str]") -> str:
    """What it said, after it ended well."""
    _, said = process.communicate(timeout=120)
    assert process.returncode in {0, 3}, said
    return said


def test_three_builds_and_another_verb_at_once_pay_for_no_answer_twice_and_say_whom_they_wait_for(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "firm", team_rows(120))
    with scripted_teacher(Script(slow=0.05)) as served:
        verbs = [("build", "team")] * 3 + [("synth", "team")]
        said = [ended(process) for process in [start(folder, served, *verb) for verb in verbs]]
    with contextlib.closing(sqlite3.connect(folder / "artifacts" / "teacher" / "answers.sqlite")) as book:
        keys = [key for (key,) in book.execute("SELECT key FROM requests")]
    assert len(served.bodies) == len(keys) == len(set(keys))
    waiting = [text.replace("\n", "") for text in said if "waiting for" in text]
    assert len(waiting) == 3
    assert all("process" in text and "since" in text and str(folder) in text for text in waiting)


def test_the_sentence_names_command_process_and_project_and_comes_once(tmp_path: Path) -> None:
    told: list[str] = []
    holder = (
        f"import sys, time; from pathlib import Path; from anytasktune.store import asking_alone\n"
        f"with asking_alone(Path({str(tmp_path)!r}), 'build team', print):\n    print('held', flush=True); time.sleep(1.5)"
    )
    process = subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    with asking_alone(tmp_path, "synth", told.append):
        assert process.wait(timeout=60) == 0
    process.stdout.close()
    assert len(told) == 1
    assert f"`build team` (process {process.pid}, since " in told[0] and str(tmp_path) in told[0]


def test_a_command_that_has_not_said_its_name_yet_is_named_once_it_has(tmp_path: Path) -> None:
    told: list[str] = []
    holder = (
        "import sys; from pathlib import Path; from anytasktune.store import asking_alone\n"
        f"root = Path({str(tmp_path)!r})\n"
        "with asking_alone(root, 'build team', print):\n"
        "    [record] = root.rglob('in-use.json'); named = record.read_bytes(); record.unlink()\n"
        "    print('held', flush=True); sys.stdin.readline(); record.write_bytes(named); sys.stdin.readline()"
    )
    process = subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdin is not None and process.stdout.readline() == "held\n"

    def go_on(sentence: str) -> None:
        told.append(sentence)
        process.stdin.write("\n")
        process.stdin.flush()

    with asking_alone(tmp_path, "synth", go_on):
        assert process.wait(timeout=60) == 0
    process.stdin.close()
    process.stdout.close()
    assert len(told) == 2
    assert "waiting for another command" in told[0] and "`build team`" in told[1]
