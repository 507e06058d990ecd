"""Commands in messages work when they are copied: quoted, and on the project the message is about."""

import re
import shlex
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
