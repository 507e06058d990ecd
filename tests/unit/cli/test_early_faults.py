"""A wrong folder, task or setting is reported before anything heavy is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.tiny_project import write_project

HEAVY = ("torch", "transformers", "numpy", "aiohttp", "pyarrow", "sklearn", "anytasktune.pipeline.building")
CHECK = """
import sys
from anytasktune.cli.app import run_safely
code = run_safely(sys.argv[1:])
print("LOADED", code, [name for name in {heavy} if name in sys.modules])
"""
WITH_TASKS = ("check", "train", "eval", "tune", "synth", "augment", "gate", "build", "review", "dataset show", "dataset export")
WITH_SETTINGS = ("check", "train", "eval", "tune", "synth", "augment", "gate", "build", "ingest")
OTHERS = ("import rows.csv", "dataset diff team", "tasks check", "tasks show", "tasks graph", "report")


def ended(folder: Path, *words: str) -> tuple[str, str]:
    """What was loaded, and the error."""
    script = CHECK.format(heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", script, *words, "-p", str(folder)], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1], done.stderr


@pytest.mark.parametrize("verb", [*WITH_TASKS, *OTHERS, "ingest"])
def test_a_folder_without_a_project(tmp_path: Path, verb: str) -> None:
    words = [*verb.split(), *(["team"] if verb in WITH_TASKS else [])]
    loaded, said = ended(tmp_path, *words)
    assert loaded == "LOADED 1 []"
    assert "no project here" in said


@pytest.mark.parametrize("verb", WITH_TASKS)
def test_a_task_that_is_not_there(tmp_path: Path, verb: str) -> None:
    loaded, said = ended(write_project(tmp_path / "law"), *verb.split(), "tem")
    assert loaded == "LOADED 1 []"
    assert "did you mean 'team'?" in said


@pytest.mark.parametrize("verb", WITH_SETTINGS)
def test_a_setting_that_is_not_there(tmp_path: Path, verb: str) -> None:
    loaded, said = ended(write_project(tmp_path / "law"), verb, "-c", "train.epoch=3")
    assert loaded == "LOADED 1 []"
    assert "train.epochs" in said
