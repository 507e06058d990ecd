"""Ray is loaded only where a cluster is asked for, and a command says how to install it."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.tiny_project import write_project

from anytasktune.cli.app import run_safely


def test_training_here_loads_no_ray() -> None:
    code = "import sys, anytasktune.cli.app, anytasktune.pipeline.tuning; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("words", [("train", "-p", "{}", "--cluster", "auto"), ("cluster", "status"), ("cluster", "cancel")])
def test_without_ray_the_command_that_installs_it_is_named(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = str(write_project(tmp_path / "firm"))
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run_safely([word.replace("{}", project) for word in words]) == 1
    assert 'pip install "anytasktune[cluster]"' in " ".join(capsys.readouterr().err.split())
