"""A small project with a trained model and a report; its settings make every training on it short."""

from pathlib import Path

from tests.tiny_project import write_project

from anytasktune.pipeline import Workspace
from anytasktune.pipeline.tuning import tune

SETTINGS = """\
train: {{model: {model}, epochs: 1, device: cpu}}
eval: {{max_new_tokens: 4, resamples: 100}}
"""


def write_quick_project(folder: Path, model: Path) -> Workspace:
    """The project of `tiny_project` with settings for a tiny model."""
    write_project(folder)
    (folder / "settings.yaml").write_text(SETTINGS.format(model=model), encoding="utf-8")
    return Workspace.open(folder)


def write_trained_project(folder: Path, model: Path) -> Workspace:
    """The same, trained and measured."""
    workspace = write_quick_project(folder, model)
    tune(workspace, settings=workspace.settings())
    return workspace
