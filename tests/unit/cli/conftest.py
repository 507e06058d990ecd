"""The command line in this process, in an empty folder."""

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.tiny_project import QUICK, write_project

from anytasktune.cli.app import run_safely
from anytasktune.schema import Example

WORDS = {"housing": "landlord deposit rent 押金", "family": "child school divorce 离婚", "work": "boss wage fired 工资"}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document it must be."""
        return json.loads(self.out)

    @property
    def first_problem(self) -> dict[str, str]:
        return dict(self.document["problems"][0])


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in an empty folder, in which relative paths are taken."""
    monkeypatch.chdir(tmp_path)

    def run_command(*arguments: str | Path) -> Ended:
        capsys.readouterr()
        code = run_safely([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return Ended(code, captured.out, captured.err)

    return run_command


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with rows, nothing made from them yet."""
    return write_project(tmp_path / "law")


@pytest.fixture(scope="session")
def quick(tiny_model: Path) -> list[str]:
    """Options for a chain of a second."""
    return [part for setting in (f"model={tiny_model}", *QUICK) for part in ("-c", setting)]


@pytest.fixture(scope="session")
def tuned_once(tmp_path_factory: pytest.TempPathFactory, quick: list[str]) -> Path:
    folder = write_project(tmp_path_factory.mktemp("tuned") / "law")
    assert run_safely(["tune", "-p", str(folder), *quick]) == 0
    return folder


@pytest.fixture
def tuned(tuned_once: Path, tmp_path: Path) -> Path:
    """A project with everything made."""
    return Path(shutil.copytree(tuned_once, tmp_path / "tuned"))


def clear_rows(count: int = 240) -> list[Example]:
    """Rows whose words give the label away."""
    rows = []
    for number in range(count):
        label = list(WORDS)[number % 3]
        words = " ".join(random.Random(number).choices(WORDS[label].split(), k=4))
        language = "zh" if number % 4 == 3 else "en"
        text = f"第{number}件事情：{words}" if language == "zh" else f"matter {number}: {words}"
        rows.append(Example(input=text, output=label, language=language))
    return rows


@pytest.fixture(scope="session")
def learned_once(tmp_path_factory: pytest.TempPathFactory, quick: list[str]) -> Path:
    """A project with a Task-LM that answers rightly; to be left as it is."""
    folder = write_project(tmp_path_factory.mktemp("learned") / "law", clear_rows())
    assert run_safely(["train", "-p", str(folder), *quick]) == 0
    return folder
