"""One bit of any file under `artifacts/` is turned over: the next command ends the same, or names the file.

`ANYTASKTUNE_FLIPS=500` tries as many places; a few are enough for every day.
"""

import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from anytasktune.cli.app import run_safely
from tests.bit_flips import flip_bit
from tests.fuzz.kills import snapshot
from tests.openai_server import KEY
from tests.scripted_teacher import Script, scripted_teacher
from tests.tiny_project import QUICK, team_rows, write_project

FLIPS = int(os.environ.get("ANYTASKTUNE_FLIPS", "12"))
BUILD = ("rows=8", "feasibility_rows=4", "augmentations=[]", "samples=1", "judge_threshold=0")
PARTS = (
    "artifacts/datasets/team/*/*.jsonl",
    "artifacts/gated/team/*/*.jsonl",
    "artifacts/candidates/team/*/*.jsonl",
    "artifacts/runs/team/*/adapter/*",
    "artifacts/predictions/team/*.json",
)
GOOD = {0, 3}


def settings(*pairs: str) -> list[str]:
    return [word for pair in pairs for word in ("-c", pair)]


@pytest.mark.parametrize("seed", range(FLIPS))
def test_a_bit_that_is_turned_over_changes_nothing_without_a_word(
    seed: int, made: tuple[Path, list[list[str]], dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, commands, expected = made
    project = Path(shutil.copytree(base, tmp_path / "law"))
    chance = random.Random(seed)
    kinds = sorted({path.relative_to(project).parts[1] for path in files(project)})
    kind = kinds[seed % len(kinds)]
    file = chance.choice([path for path in files(project) if path.relative_to(project).parts[1] == kind])
    flip_bit(file, chance.randrange(10**9))
    capsys.readouterr()
    code, said = run_all(commands, project, capsys)
    assert "Traceback" not in said
    if code not in GOOD:
        assert file.name in said or file.parent.name in said, f"{file} is not named in:\n{said}"
        mend(file)
        code, said = run_all(commands, project, capsys)
    assert code in GOOD, f"{file}:\n{said}"
    assert snapshot(project, PARTS) == expected, f"{file}:\n{said}"


def files(project: Path) -> list[Path]:
    every = (path for path in (project / "artifacts").rglob("*") if path.is_file() and path.stat().st_size)
    return sorted(path for path in every if path.relative_to(project).parts[1] != "reports" or path.suffix == ".json")


def mend(file: Path) -> None:
    """Delete what the message says."""
    whole = [folder for folder in file.parents if (folder / "SHA256SUMS").exists()]
    if whole:
        shutil.rmtree(whole[-1])
    else:
        file.unlink()


def run_all(commands: list[list[str]], project: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The first exit code that is no success, and everything that was printed."""
    code, said = 0, ""
    for command in commands:
        code = run_safely([*command, "-p", str(project)])
        printed = capsys.readouterr()
        said += printed.out + printed.err
        if code not in GOOD:
            break
    return code, said


@pytest.fixture(scope="module")
def made(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A project with a data set of own and generated rows, a Task-LM, predictions and a report; how it was made."""
    project = write_project(tmp_path_factory.mktemp("base") / "law", team_rows(40))
    commands = [
        ["build", "team", "--teacher", "scripted", *settings(*BUILD, "despite_feasibility=true")],
        ["tune", *settings(f"model={tiny_model}", *QUICK)],
        ["report"],
    ]
    with scripted_teacher(Script()) as served, pytest.MonkeyPatch.context() as environment:
        environment.setenv("OPENAI_BASE_URL", served.url)
        environment.setenv("OPENAI_API_KEY", KEY)
        for command in commands:
            assert run_safely([*command, "-p", str(project)]) in GOOD
        yield project, commands, snapshot(project, PARTS)
