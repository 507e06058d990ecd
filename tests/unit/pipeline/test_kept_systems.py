"""Systems stay in memory between questions, and are opened anew when the project has changed; a prompt is what is read."""

from pathlib import Path

from tests.action_project import BROKEN_CHAIR, write_actions
from tests.tiny_project import write_project

from anytasktune.pipeline import Workspace
from anytasktune.pipeline.answering import open_system
from anytasktune.pipeline.events import ignore_event
from anytasktune.pipeline.kept_systems import KeptSystems
from anytasktune.pipeline.running_actions import ActionRunOptions, PersonDecision, resume_action, run_action


def test_systems_are_kept_until_a_file_of_the_project_changes(tmp_path: Path) -> None:
    folder = write_actions(tmp_path / "shop")
    kept = KeptSystems(ignore_event)
    first = kept.of(Workspace.open(folder))
    assert kept.of(Workspace.open(folder)) is first
    with (folder / "domain.yaml").open("a", encoding="utf-8") as file:
        file.write("# a remark\n")
    assert kept.of(Workspace.open(folder)) is not first


def test_projects_with_equal_files_do_not_share_systems(tmp_path: Path) -> None:
    kept = KeptSystems(ignore_event)
    one, other = (Workspace.open(write_actions(tmp_path / name)) for name in ("one", "other"))
    assert kept.of(one) is not kept.of(other)


def test_an_action_goes_on_with_the_systems_in_memory(tmp_path: Path) -> None:
    workspace = Workspace.open(write_actions(tmp_path / "shop", "{card: {person: edit}}"))
    systems = KeptSystems(ignore_event).of(workspace)
    waiting = run_action(workspace, "inbox", BROKEN_CHAIR, ActionRunOptions("nearest"), systems=systems)
    assert waiting.status == "waiting"
    edited = '{"article": "table", "wishes": []}'
    done = resume_action(workspace, waiting.run.id, person=lambda _: PersonDecision("edited", edited), systems=systems)
    assert done.status == "done"
    assert done.steps[-1].output == "We are glad that you like the table."


def test_a_prompt_is_what_the_model_reads_and_a_baseline_has_none(tmp_path: Path, tiny_model: Path) -> None:
    folder = write_project(tmp_path / "law")
    workspace = Workspace.open(folder)
    settings = workspace.settings([f"train.model={tiny_model}", "train.device=cpu"])
    base, few_shot, linear = (open_system(workspace, "team", name, settings) for name in ("base", "few_shot", "linear"))
    text = "my landlord keeps the deposit"
    assert base.prompt(text) == (
        "<|im_start|>system\nWhich team takes it? Answer housing, family or work.<|im_end|>\n"
        f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
    )
    assert few_shot.prompt(text).count("<|im_start|>assistant") > 1
    assert "由哪个团队处理" in base.prompt("房东不退押金")
    assert linear.prompt(text) == ""
