"""Artefacts that are shared name neither the user nor the folders of the machine they were made on."""

import json
import shutil
from pathlib import Path

import pytest
from tests.scripted_teacher import scripted_teacher
from tests.tiny_project import QUICK, team_rows, write_project
from tests.unit.cli.conftest import Run

from anytasktune.errors import ModelError
from anytasktune.inference.task_lm import TaskLM
from anytasktune.models.load import load_base
from anytasktune.schema import Example

CANARY = "canary-anna"
TEXT = """The office opens at nine and closes at five on working days; the clerk answers letters on the same day.

Between October and April the flat is heated to twenty degrees. Where the boiler fails, the tenant calls the caretaker."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a user whose name must not get out."""
    folder = tmp_path / CANARY
    folder.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(folder))
    for name in ("USER", "LOGNAME", "USERNAME", "HOSTNAME"):
        monkeypatch.setenv(name, CANARY)
    monkeypatch.setenv("ANYTASKTUNE_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def model(home: Path, tiny_model: Path) -> Path:
    return Path(shutil.copytree(tiny_model, home / "models" / "tiny"))


def named_in(*folders: Path) -> set[str]:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 20
    return {str(path.relative_to(path.parents[2])) for path in files if CANARY.encode() in path.read_bytes()}


@pytest.mark.parametrize("documents", ["inside", "outside"])
def test_no_artefact_or_export_names_the_user_or_a_folder(
    run: Run, home: Path, model: Path, documents: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = write_project(home / "field", team_rows(60))
    folder = field / "documents" if documents == "inside" else home / "papers"
    folder.mkdir()
    (folder / "office.md").write_text(TEXT, encoding="utf-8")
    (folder / "LICENSE").write_text("CC-BY", encoding="utf-8")
    (field / "settings.yaml").write_text(f"schema_version: 1\ntrain: {{model: {json.dumps(str(model))}}}\n", encoding="utf-8")
    with scripted_teacher() as served:
        monkeypatch.setenv("OPENAI_BASE_URL", served.url)
        ask = ("--teacher", "big", "-c", "rows=6", "-c", "feasibility_rows=8", "-c", "despite_feasibility=true")
        ended = run("build", *ask, "--documents", folder, "-p", field, "--record", field / "artifacts" / "asked.jsonl")
    assert ended.code in {0, 3}, ended.err
    if documents == "outside":
        assert run("tune", "-p", field, *(part for setting in QUICK for part in ("-c", setting))).code == 0
    assert run("tasks", "graph", "-p", field).code == 0
    for format in ("hf", "llama-factory", "messages"):
        export = ("dataset", "export", "--all", "-f", format, "--metadata", "-o", Path("out") / format, "-p", field)
        assert run(*export).code == 0
    assert named_in(field / "artifacts", Path("out")) == set()
    assert any("LICENSE" in path.read_text("utf-8") for path in (field / "artifacts" / "datasets").rglob("CARD.md"))
    if documents == "inside":
        return
    (config,) = (field / "artifacts" / "runs").rglob("adapter_config.json")
    assert json.loads(config.read_text(encoding="utf-8"))["base_model_name_or_path"] == "tiny"
    assert "tiny" in next((field / "artifacts" / "reports").rglob("report.md")).read_text(encoding="utf-8")


def test_a_task_lm_finds_its_local_base_model_or_asks_for_it(
    run: Run, home: Path, model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    field = write_project(home / "field")
    quick = (f"model={model}", *QUICK)
    assert run("train", "-p", field, *(part for setting in quick for part in ("-c", setting))).code == 0
    (config,) = (field / "artifacts" / "runs").rglob("adapter_config.json")
    rows = [Example(input="matter 3: landlord", output="housing", language="en")]
    answers = TaskLM.load(config.parent).answer(rows)
    elsewhere = Path(shutil.copytree(config.parent, tmp_path / "adapter"))
    assert TaskLM.load(elsewhere, base=load_base(str(model))).answer(rows) == answers
    monkeypatch.setenv("ANYTASKTUNE_CACHE", str(tmp_path / "another machine"))
    with pytest.raises(ModelError, match="'tiny' was a folder or file of the machine that trained it") as caught:
        TaskLM.load(elsewhere)
    assert "base=load_base(PATH)" in str(caught.value)
    moved = model.rename(home / "moved")
    monkeypatch.setenv("ANYTASKTUNE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelError, match="not known here"):
        TaskLM.load(elsewhere)
    load_base(str(moved))
    assert TaskLM.load(elsewhere).answer(rows) == answers


@pytest.mark.parametrize("written", ["{model}", "{model}/", "{model}/../tiny", "~/models/tiny", "{relative}"])
def test_of_a_local_model_only_the_last_part_is_kept(
    model: Path, tmp_path: Path, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = written.format(model=model, relative=Path(CANARY) / "models" / "tiny")
    base = load_base(name)
    assert (base.ref.name, base.ref.local) == ("tiny", True)


def test_a_cache_that_cannot_be_written_does_not_matter(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("ANYTASKTUNE_CACHE", str(tmp_path / "file"))
    assert load_base(str(model)).ref.name == "tiny"
