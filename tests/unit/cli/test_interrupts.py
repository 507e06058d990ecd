"""Ctrl-C where the shell has switched it off: in the background (`anytasktune … &` in a script), or under `nohup`."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

IGNORING = "import os, signal, sys; signal.signal(signal.{name}, signal.SIG_IGN); os.execv(sys.executable, sys.argv[1:])"
QUESTION = "What comes in on a usual day"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of this kind are a POSIX thing")


def interview(folder: Path, ignored: str) -> subprocess.Popen[str]:
    """An interview in the background that has asked its second question, with a signal ignored as the shell does it."""
    command = [sys.executable, "-m", "anytasktune", "tasks", "propose", "--interview", "-p", str(folder)]
    background = [sys.executable, "-c", IGNORING.format(name=ignored), *command]
    pipe = subprocess.PIPE
    process = subprocess.Popen(background, stdin=pipe, stderr=pipe, stdout=subprocess.DEVNULL, text=True, encoding="utf-8")
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write("Public library\n")
    process.stdin.flush()
    assert any(QUESTION in line for line in process.stderr)
    return process


@pytest.mark.parametrize("ignored", ["SIGINT", "SIGHUP"])
def test_a_signal_that_the_shell_ignores_does_not_stop_the_program(ignored: str, tmp_path: Path) -> None:
    process = interview(tmp_path, ignored)
    process.send_signal(signal.Signals[ignored])
    _, said = process.communicate("Letters from readers.\n", timeout=60)
    assert process.returncode == 1
    assert "the input ended after 2 answers" in said


def test_in_the_background_it_is_stopped_by_kill(tmp_path: Path) -> None:
    process = interview(tmp_path, "SIGINT")
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM


def test_the_tests_hear_ctrl_c_wherever_they_are_started() -> None:
    code = "import signal, tests.conftest; assert signal.getsignal(signal.SIGINT) is signal.default_int_handler"
    background = [sys.executable, "-c", IGNORING.format(name="SIGINT"), sys.executable, "-c", code]
    subprocess.run(background, check=True, cwd=Path(__file__).parents[3])
