"""`anytasktune review` in processes of its own: killed, stopped, in a terminal."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.cli.terminal import Terminal
from tests.unit.pipeline.test_reviewing import KEPT, save_candidates

from anytasktune.schema import Review
from anytasktune.store import Project, read_lines

Opened = Callable[..., Terminal]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_candidates(tmp_path / "law").root


def words(folder: Path) -> list[str]:
    return ["review", "team", "-p", str(folder), "--reviewer", "anna", "--language", "en"]


def piped(folder: Path, keys: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "anytasktune", *words(folder)]
    return subprocess.run(command, input=keys, capture_output=True, text=True, encoding="utf-8", check=True)


def lines_of(folder: Path) -> list[Review]:
    return read_lines(Project(folder).reviews("team") / "anna.jsonl", Review)


def made_of(folder: Path) -> list[tuple[str, str]]:
    return [(line.decision, line.note) for line in lines_of(folder)]


def test_killed_in_the_middle_it_goes_on_with_the_next_candidate(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "anytasktune", *words(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    process.stdin.write(b"a\nr\n")
    process.stdin.flush()
    path = folder / "reviews" / "team" / "anna.jsonl"
    wait_until(lambda: path.exists() and path.read_bytes().count(b"\n") == 2)
    process.kill()
    process.communicate()
    with path.open("ab") as stream:
        stream.write(b'{"reviewer":"anna","decis')  # as if killed while writing
    ended = piped(folder, "a\na\na\nq\n")
    assert "Resumed: 2 decided before." in ended.stderr
    assert [decision for decision, _ in made_of(folder)] == ["accept", "reject", "accept", "accept", "accept"]
    assert len({line.candidate for line in lines_of(folder)}) == len(KEPT)


def wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


@pytest.fixture
def terminal() -> Iterator[Opened]:
    if os.name == "nt":
        pytest.skip("there are no pseudo-terminals here")
    opened: list[Terminal] = []

    def open_(arguments: list[str], **environment: str) -> Terminal:
        opened.append(Terminal(arguments, **environment))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


def test_in_a_terminal_a_line_is_a_decision_and_colours_or_screens_are_not_needed(folder: Path, terminal: Opened) -> None:
    screen = terminal(words(folder))
    first = screen.waits("> ")
    assert "1 of 5 · accepted 0" in first
    assert "input · English" in first
    assert "2 of 5 · accepted 1" in screen.press("a\n", "? help")
    assert "Unknown key" in screen.press("\x1b[A\n", "Unknown key"), "an arrow"
    assert "3 of 5" in screen.press("r too vague\n", "? help")
    assert "2 of 5" in screen.press("u\n", "2 of 5")
    assert "anytasktune studio" in screen.press("?\n", "anytasktune studio")
    assert "anna decided 1 (accepted 1)" in screen.press("q\n", "decided")
    assert screen.ended() == 0
    assert made_of(folder) == [("accept", ""), ("reject", "too vague"), ("undo", "")]


def test_in_a_terminal_a_refused_edit_goes_on_with_what_was_typed(folder: Path, terminal: Opened) -> None:
    screen = terminal(words(folder))
    screen.waits("> ")
    screen.press("e\n", "New input")
    screen.press("\n", "New output")
    assert "not one of the task's 3 labels" in screen.press("houses\n\n", "e edits the text again")
    screen.press("e\n", "New input")
    screen.press("Another matter\n\n", "New output")
    assert "2 of 5 · accepted 1" in screen.press("family\n\n", "? help")
    assert [(line.input, line.output) for line in lines_of(folder)] == [("Another matter", "family")]


def test_in_a_terminal_ctrl_c_keeps_what_was_decided(folder: Path, terminal: Opened) -> None:
    screen = terminal(words(folder))
    screen.waits("> ")
    screen.press("a\n", "2 of 5")
    assert "run the same command again" in screen.press("\x03", "same command")
    assert screen.ended() == 130
    assert made_of(folder) == [("accept", "")]


def test_a_killed_terminal_session_leaves_a_file_that_can_be_gone_on_with(folder: Path, terminal: Opened) -> None:
    screen = terminal(words(folder))
    screen.waits("> ")
    screen.press("a\n", "2 of 5")
    os.kill(screen.process.pid, signal.SIGKILL)
    screen.ended()
    assert "2 of 5 · accepted 1" in piped(folder, "").stderr
