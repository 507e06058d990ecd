"""Commands in messages work when they are copied: quoted, and on the project the message is about."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.tiny_project import write_project
from tests.unit.cli.conftest import Run

from anytasktune.store import Project

PLACE = r"-p (?:\"[^\"]+\"|'[^']+'|[^\s,]+)"
COMMAND = re.compile(rf"anytasktune (?:tasks |dataset )?[a-z]+ [^,`\n(]*?{PLACE}")


def commands_in(text: str) -> list[list[str]]:
    return [shlex.split(found)[1:] for found in COMMAND.findall(text)]


@pytest.mark.parametrize("name", ["law", "law firm", "law's firm", "a $HOME `x` firm", "律师 事务所"])
def test_every_command_in_a_message_runs_as_it_stands(run: Run, tmp_path: Path, name: str) -> None:
    project = write_project(tmp_path / name)
    for command in (["report"], ["eval", "-c", "model=smollm2-135m"], ["gate"], ["review"]):
        ended = run(*command, "-p", name)
        assert ended.code == 1
        found = commands_in(ended.err)
        assert found, ended.err
        for words in found:
            assert Path(words[words.index("-p") + 1]).resolve() == project.resolve()
            assert run(*words, "--help").code == 0


@pytest.mark.parametrize("command", [["tune"], ["check"], ["augment", "team"], ["import", "rows.jsonl"]])
def test_a_project_without_rows_says_how_to_import_into_it(run: Run, tmp_path: Path, command: list[str]) -> None:
    project = write_project(tmp_path / "law firm")
    shutil.rmtree(project / "data")
    (tmp_path / "rows.jsonl").write_text('{"input": "a", "output": "b"}\n', encoding="utf-8")
    ended = run(*command, "-p", "law firm", *(["-c", "model=smollm2-135m"] if command == ["tune"] else []))
    commands = [words for words in commands_in(ended.out + ended.err) if words[0] == "import"]
    assert commands, ended.err
    assert all(words[-2:] == ["-p", "law firm"] for words in commands)


def test_an_empty_pool_says_how_to_add_a_task_and_how_to_import_into_it(run: Run) -> None:
    run("init", "my field")
    added, imported = commands_in(run("tune", "-p", "my field").err)
    assert added == ["tasks", "add", "--help", "-p", "my field"]
    assert imported == ["import", "FOLDER", "-p", "my field"]


def test_a_new_project_says_the_next_command(run: Run) -> None:
    for options in (["--demo"], []):
        folder = f"my {'demo' if options else 'own'} firm"
        (words,) = commands_in(run("init", folder, *options).out)
        assert Path(words[words.index("-p") + 1]).is_dir()


def test_in_the_projects_own_folder_no_place_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project.open(write_project(tmp_path / "law"))
    monkeypatch.chdir(project.root)
    assert project.command("tune", "team") == "anytasktune tune team"
    monkeypatch.chdir(tmp_path)
    assert project.command("tune", "team") == "anytasktune tune team -p law"
    monkeypatch.chdir(project.root / "data")
    assert project.command("tune") == f"anytasktune tune -p {project.root}"


BIN = Path(sys.executable).parent


def in_a_shell(line: str, folder: Path, *path: Path | str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": os.pathsep.join(map(str, path))}
    return subprocess.run(line, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.skipif(os.name == "nt", reason="the lines are read by a POSIX shell")
@pytest.mark.parametrize(
    ("called", "path"),
    [
        (".venv/bin/anytasktune", ["/usr/bin", "/bin"]),
        ("../'a b'/.venv/bin/anytasktune", ["/usr/bin", "/bin"]),
        (".venv/bin/python -m anytasktune", ["/usr/bin", "/bin"]),
        ("anytasktune", [BIN, "/usr/bin", "/bin"]),
    ],
)
def test_a_printed_command_calls_the_program_as_it_was_called(called: str, path: Sequence[Path | str], tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / ".venv").symlink_to(BIN.parent)
    made = in_a_shell(f"{called} init 'my field'", folder, *path)
    (printed,) = [line.strip() for line in made.stdout.splitlines() if " import " in line]
    assert shlex.split(printed)[: len(shlex.split(called))] == shlex.split(called)
    pasted = in_a_shell(printed, folder, *path)
    assert pasted.returncode == 1, pasted.stderr
    assert "there is no task 'NAME'" in pasted.stderr
