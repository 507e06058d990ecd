"""A project with two trained Task-LMs, and what exports of them are made from."""

from pathlib import Path

import pytest
from tests.tiny_models import save_tiny_model
from tests.tiny_project import quick_settings, write_pool

from anytasktune.pipeline.tuning import train, tune
from anytasktune.pipeline.workspace import Workspace

LEARNING = ("train.epochs=4", "learning_rate=5e-3", "dtype=float32", "eval.systems=[tuned]")


def trained_project(folder: Path, model: Path) -> Workspace:
    """A label task with a label head and a report, and a text task without."""
    workspace = Workspace.open(write_pool(folder))
    settings = quick_settings(model, *LEARNING)
    tune(workspace, ("team",), settings, None)
    train(workspace, ("reply",), settings, None)
    return workspace


@pytest.fixture(scope="session")
def law(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("exported")
    return trained_project(folder / "law", save_tiny_model(folder / "model", "llama"))
