"""`anytasktune review` in processes of its own: killed, stopped, in a terminal with an editor."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.cli.terminal import Terminal
from tests.unit.pipeline.test_reviewing import KEPT, save_candidates
from tests.unit.review.rows import candidate

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


def test_in_a_terminal_a_key_is_enough_and_nothing_typed_ahead_is_meant(folder: Path, terminal: Opened) -> None:
    screen = terminal(words(folder))
    first = screen.waits("? help")
    assert "1 of 5 · accepted 0" in first
    assert "╭─ input · English" in first
    assert "2 of 5 · accepted 1" in screen.press("aaa", "? help")
    assert "Unknown key" in screen.press("\x1b[A", "Unknown key"), "an arrow"
    assert "Reason, " in screen.press("r", "> ")
    assert "3 of 5" in screen.press("too vague\n", "? help")
    assert "2 of 5" in screen.press("u", "Undone: rejected.")
    assert "press any key" in screen.press("?", "any key").lower()
    assert "2 of 5" in screen.press("x", "? help")
    assert "anna decided 1 (accepted 1)" in screen.press("q", "decided")
    assert screen.ended() == 0
    assert made_of(folder) == [("accept", ""), ("reject", "too vague"), ("undo", "")]


def test_in_a_terminal_ctrl_c_keeps_what_was_decided(folder: Path, terminal: Opened) -> None:
    screen = terminal(words(folder))
    screen.waits("? help")
    screen.press("a", "2 of 5")
    assert "run the same command again" in screen.press("\x03", "same command")
    assert screen.ended() == 130
    assert made_of(folder) == [("accept", "")]


def test_in_a_terminal_the_pace_is_named_after_a_few_decisions(folder: Path, terminal: Opened) -> None:
    screen = terminal(words(folder))
    screen.waits("? help")
    for number in (2, 3):
        assert "left" not in screen.press("a", f"{number} of 5").splitlines()[0]
    assert re.search(r"4 of 5 · accepted 3 · about \d+ s left", screen.press("a", "4 of 5"))


def test_in_a_terminal_an_editor_is_used_and_goes_on_with_a_refused_draft(
    folder: Path, terminal: Opened, tmp_path: Path
) -> None:
    script = tmp_path / "editor.py"
    script.write_text(
        "import sys; from pathlib import Path\n"
        "path = Path(sys.argv[-1]); text = path.read_text(encoding='utf-8')\n"
        "head, mark, _ = text.partition('=== output ===\\n')\n"
        "path.write_text(head + mark + ('family' if 'houses' in text else 'houses') + '\\n', encoding='utf-8')\n",
        encoding="utf-8",
    )
    screen = terminal(words(folder), EDITOR=f"'{sys.executable}' '{script}'")
    screen.waits("? help")
    assert "not one of the task's 3 labels" in screen.press("e", "Not saved")
    assert "2 of 5 · accepted 1" in screen.press("e", "? help")
    assert lines_of(folder)[0].output == "family"


def test_in_a_terminal_an_editor_that_fails_changes_nothing(folder: Path, terminal: Opened) -> None:
    screen = terminal(words(folder), EDITOR="no-such-editor --wait")
    screen.waits("? help")
    assert "the editor does not start" in screen.press("e", "set EDITOR")
    assert not (folder / "reviews").exists()


def test_in_a_terminal_a_long_text_is_cut_until_it_is_wanted_whole(tmp_path: Path, terminal: Opened) -> None:
    long = candidate(text="\n".join(f"line {number} of a long letter" for number in range(80)))
    folder = save_candidates(tmp_path / "law", [long], [], []).root
    screen = terminal(words(folder))
    first = screen.waits("? help")
    assert "(v shows all)" in first
    assert first.count("\n") < 30
    assert "line 79 of a long letter" in screen.press("v", "? help")


def test_a_killed_terminal_session_leaves_a_file_that_can_be_gone_on_with(folder: Path, terminal: Opened) -> None:
    screen = terminal(words(folder))
    screen.waits("? help")
    screen.press("a", "2 of 5")
    os.kill(screen.process.pid, signal.SIGKILL)
    screen.ended()
    assert "2 of 5 · accepted 1" in piped(folder, "").stderr
