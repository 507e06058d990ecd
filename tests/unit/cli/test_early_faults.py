"""A wrong folder, task or setting is reported before anything heavy is loaded."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.tiny_project import write_project

HEAVY = ("torch", "transformers", "numpy", "aiohttp", "pyarrow", "sklearn", "anytasktune.pipeline.building")
CHECK = """
import contextlib, io, json, sys
from anytasktune.cli.app import run_safely
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as said:
        code = run_safely(words)
    loaded = [name for name in {heavy} if name in sys.modules]
    print(json.dumps([words, code, said.getvalue(), loaded]))
"""
WITH_TASKS = ("check", "train", "eval", "tune", "synth", "augment", "gate", "build", "review", "dataset show", "dataset export")
WITH_SETTINGS = ("check", "train", "eval", "tune", "synth", "augment", "gate", "build", "ingest")
OTHERS = ("import rows.csv", "dataset diff team", "tasks check", "tasks show", "tasks graph", "report", "ingest")


def errors_of(folder: Path, commands: Iterable[list[str]]) -> dict[str, str]:
    """Command → its error. All commands end with 1, in one process in which nothing heavy is loaded by any."""
    asked = [[*words, "-p", str(folder)] for words in commands]
    script = [sys.executable, "-c", CHECK.format(heavy=HEAVY), json.dumps(asked)]
    done = subprocess.run(script, capture_output=True, text=True, encoding="utf-8", check=True)
    said = {}
    for words, code, error, loaded in map(json.loads, done.stdout.splitlines()):
        assert (code, loaded) == (1, []), words
        said[" ".join(words)] = error
    assert len(said) == len(asked)
    return said


def test_a_folder_without_a_project(tmp_path: Path) -> None:
    commands = [[*verb.split(), *(["team"] if verb in WITH_TASKS else [])] for verb in (*WITH_TASKS, *OTHERS)]
    for command, said in errors_of(tmp_path, commands).items():
        assert "no project here" in said, command


def test_a_task_that_is_not_there(tmp_path: Path) -> None:
    project = write_project(tmp_path / "law")
    for command, said in errors_of(project, ([*verb.split(), "tem"] for verb in WITH_TASKS)).items():
        assert "did you mean 'team'?" in said, command


def test_a_setting_that_is_not_there(tmp_path: Path) -> None:
    project = write_project(tmp_path / "law")
    for command, said in errors_of(project, ([verb, "-c", "train.epoch=3"] for verb in WITH_SETTINGS)).items():
        assert "train.epochs" in said, command
