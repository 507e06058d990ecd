"""Golden prompts recorded in training show at export what has changed since: template, tokens, versions, weights."""

import json
import shutil
from pathlib import Path

import pytest
from tests.tiny_models import save_tiny_model
from tests.tiny_project import pool_rows, quick_settings, write_rows
from tests.unit.exporting.conftest import LEARNING, trained_project

from anytasktune.errors import AnyTaskTuneError, ExportError
from anytasktune.pipeline.events import Event, Note
from anytasktune.pipeline.exporting_models import ExportOptions, export_task_lms
from anytasktune.pipeline.promoting import PromoteOptions, promote
from anytasktune.pipeline.stored_runs import last_runs
from anytasktune.pipeline.tuning import train
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import GoldenRows
from anytasktune.store import read_record, write_record
from anytasktune.store.run_folder import GOLDEN_FILE


def golden_file(workspace: Workspace, task: str) -> Path:
    ((_, run),) = last_runs(workspace, *workspace.tasks([task]), ["tuned"])
    return workspace.project.runs(run.target) / run.id / GOLDEN_FILE


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Path]:
    """A project of its own, and the folder of its base model, which tests may change."""
    folder = tmp_path_factory.mktemp("changed")
    model = save_tiny_model(folder / "model", "llama")
    return trained_project(folder / "law", model), model


def test_training_records_dev_rows_without_their_texts(law: Workspace) -> None:
    for task in ("team", "reply"):
        text = golden_file(law, task).read_text(encoding="utf-8")
        rows = read_record(golden_file(law, task), GoldenRows)
        assert set(rows.tasks) == {task}
        assert rows.versions["transformers"]
        assert all(len(row.first_tokens) == 5 and row.ids and len(row.text_sha256) == 64 for row in rows.tasks[task])
        assert "matter 1" not in text and "landlord" not in text


def test_an_export_says_that_nothing_has_changed_since_training(law: Workspace, tmp_path: Path) -> None:
    (made,) = export_task_lms(law, ("team",), ExportOptions("peft", tmp_path))
    assert made.since_training is not None
    assert (made.since_training.ok, made.since_training.rows, made.since_training.same_top_five) == (True, 3, 3)
    assert "as it did when it was trained" in (made.folder / "README.md").read_text(encoding="utf-8")
    assert "都与训练时相同" in (made.folder / "README.zh.md").read_text(encoding="utf-8")


def test_a_chat_template_that_changed_since_training_is_named_and_nothing_is_written(
    changed: tuple[Workspace, Path], tmp_path: Path
) -> None:
    workspace, model = changed
    template = model / "chat_template.jinja"
    before = template.read_text(encoding="utf-8")
    template.write_text(before.replace("<|im_start|>", "<|im_start|> "), encoding="utf-8")
    try:
        with pytest.raises(ExportError, match="golden prompt 1: text: the chat template renders another prompt") as error:
            export_task_lms(workspace, ("reply",), ExportOptions("peft", tmp_path / "no"))
        assert "than when it was trained" in str(error.value)
        assert not (tmp_path / "no" / "reply").exists()
        (made,) = export_task_lms(workspace, ("reply",), ExportOptions("peft", tmp_path / "yes", accept_differences=True))
        assert made.facts.parity is not None and made.facts.parity.ok, "the copy is a true one of what there is now"
        assert "answers otherwise here than when it was trained" in (made.folder / "README.md").read_text(encoding="utf-8")
    finally:
        template.write_text(before, encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "stage"),
    [({"ids": [1, 2]}, "tokens"), ({"answer": "another"}, "answer"), ({"first_tokens": "shifted"}, "first token")],
)
def test_the_first_link_that_changed_is_named_with_the_versions(
    changed: tuple[Workspace, Path], tmp_path: Path, change: dict[str, object], stage: str
) -> None:
    workspace, _ = changed
    path = golden_file(workspace, "reply")
    kept = read_record(path, GoldenRows)
    row = kept.tasks["reply"][0]
    if "first_tokens" in change:
        change = {"first_tokens": [one.model_copy(update={"log_probability": -9.0}) for one in row.first_tokens]}
    rows = [row.model_copy(update=change), *kept.tasks["reply"][1:]]
    write_record(path, kept.model_copy(update={"tasks": {"reply": rows}, "versions": {"transformers": "4.0.0"}}))
    try:
        with pytest.raises(ExportError, match=f"golden prompt 1: {stage}: .*trained with transformers 4.0.0, now"):
            export_task_lms(workspace, ("reply",), ExportOptions("peft", tmp_path))
    finally:
        write_record(path, kept)


def test_a_task_lm_of_an_older_program_is_exported_with_one_line_on_it(law: Workspace, tmp_path: Path) -> None:
    older = Workspace.open(shutil.copytree(law.project.root, tmp_path / "law"))
    golden_file(older, "reply").unlink()
    events: list[Event] = []
    (made,) = export_task_lms(older, ("reply",), ExportOptions("peft", tmp_path / "out"), None, events.append)
    notes = [event.text for event in events if isinstance(event, Note)]
    assert [note for note in notes if "before golden prompts were kept" in note] == notes
    assert made.since_training is None
    assert "recorded at this export" in (made.folder / "README.md").read_text(encoding="utf-8")


def test_the_version_in_production_is_exported_by_its_name(law: Workspace, tmp_path: Path) -> None:
    workspace = Workspace.open(shutil.copytree(law.project.root, tmp_path / "law"))
    ((_, first),) = last_runs(workspace, *workspace.tasks(["reply"]), ["tuned"])
    with pytest.raises(AnyTaskTuneError, match="no version is in production"):
        export_task_lms(workspace, ("reply",), ExportOptions("peft", tmp_path, version="production"))
    promote(workspace, "reply", PromoteOptions(despite_report=True))
    write_rows(workspace.project.root / "data" / "reply.jsonl", pool_rows("reply", 24, start=2000))
    train(workspace, ("reply",), quick_settings(law.project.root.parent / "model", *LEARNING), None)
    ((_, second),) = last_runs(workspace, *workspace.tasks(["reply"]), ["tuned"])
    assert second.id != first.id

    def exported(version: str) -> tuple[str, list[str]]:
        events: list[Event] = []
        options = ExportOptions("peft", tmp_path / f"out-{version}", version=version)
        (made,) = export_task_lms(workspace, ("reply",), options, None, events.append)
        notes = [event.text for event in events if isinstance(event, Note)]
        return json.loads((made.folder / "task.json").read_text(encoding="utf-8"))["task_lm"], notes

    production, _ = exported("production")
    newest, notes = exported("")
    assert production != newest
    assert exported(first.id[:6])[0] == production
    assert notes and f"in production is {first.id} (--version production)" in notes[0]
    with pytest.raises(AnyTaskTuneError, match="no version 'zzz'"):
        exported("zzz")
