"""Two folders with one model: every command names the configured one, whatever other projects have used since."""

import shutil
from pathlib import Path

import pytest
from tests.tiny_project import quick_settings, write_project
from tests.unit.pipeline.recording import Recording

from anytasktune.models.load import inspect_model
from anytasktune.pipeline import Workspace, evaluate, train
from anytasktune.pipeline.answering import system_for
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.verifying import verify
from anytasktune.settings import Settings


@pytest.fixture
def copied_model(tiny_model: Path, tmp_path: Path) -> Path:
    """An equal model, which the machine has met last."""
    copied = Path(shutil.copytree(tiny_model, tmp_path / "of another project"))
    inspect_model(str(copied))
    return copied


@pytest.fixture
def workspace(tmp_path: Path, tiny_model: Path) -> Workspace:
    opened = Workspace.open(write_project(tmp_path / "law"))
    train(opened, settings=settings_for(tiny_model))
    return opened


def settings_for(model: Path) -> Settings:
    return quick_settings(model, "systems=[base,tuned]", "simple_baselines=false")


def test_reports_name_the_configured_model_and_are_made_once(
    workspace: Workspace, tiny_model: Path, copied_model: Path
) -> None:
    first = evaluate(workspace, settings=settings_for(tiny_model))
    inspect_model(str(copied_model))
    again = Recording()
    assert evaluate(workspace, settings=settings_for(tiny_model), on_event=again).id == first.id
    assert first.model == "tiny"
    assert again.made == []
    assert verify(workspace).mismatches == ()
    assert evaluate(workspace, settings=settings_for(copied_model)).model == copied_model.name


def test_without_a_configured_one_the_folder_of_the_run_is_named(
    workspace: Workspace, tiny_model: Path, copied_model: Path
) -> None:
    assert evaluate(workspace, settings=quick_settings(copied_model.parent / "gone", "systems=[tuned]")).model == "tiny"


@pytest.mark.parametrize("system", ["", "base", "few_shot"])
def test_ask_and_predict_load_the_configured_model(
    workspace: Workspace, tiny_model: Path, copied_model: Path, system: str
) -> None:
    for configured in (tiny_model, copied_model):
        context = TrainingContext.begin(workspace, settings_for(configured), None)
        system_for(context, workspace.tasks(["team"])[0], system)
        assert context.settings.train.model == str(configured)
