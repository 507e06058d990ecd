"""Transfer between languages on a real tiny project: what is trained, what is kept, and what the report says of it."""

import json
import shutil
from pathlib import Path

import pytest
from tests.tiny_project import quick_settings, write_project, write_rows
from tests.unit.cli.conftest import clear_rows
from tests.unit.pipeline.recording import Recording

from anytasktune.errors import EvaluationError
from anytasktune.pipeline import Workspace, evaluate, measure_transfers, plan_transfers, train
from anytasktune.pipeline.answering import ask
from anytasktune.pipeline.verifying import verify
from anytasktune.schema import Run
from anytasktune.schema.language_transfer import LanguageTransfer
from anytasktune.store import read_record, read_ref

FEW = ("train.batch_size=64", "eval.systems=[base,tuned]", "eval.simple_baselines=false", "train.method=lora")


@pytest.fixture(scope="module")
def measured_once(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> tuple[Path, LanguageTransfer]:
    project = write_project(tmp_path_factory.mktemp("transfer") / "law", [])
    rows = clear_rows(160)
    for split, part in (("train", rows[:80]), ("dev", rows[80:100]), ("test", rows[100:])):
        write_rows(project / "data" / "team" / f"{split}.jsonl", part)
    settings = quick_settings(tiny_model, *FEW)
    train(Workspace.open(project), settings=settings)
    (found,) = measure_transfers(Workspace.open(project), settings=settings)
    return project, found


@pytest.fixture
def measured(measured_once: tuple[Path, LanguageTransfer], tmp_path: Path) -> Path:
    """A project with a measured transfer."""
    return Path(shutil.copytree(measured_once[0], tmp_path / "law"))


def test_a_task_lm_per_language_answers_both_beside_the_current_one(measured_once: tuple[Path, LanguageTransfer]) -> None:
    project, found = Workspace.open(measured_once[0]).project, measured_once[1]
    assert [(model.trained_on, model.train_rows) for model in found.models] == [
        ("base", 0),
        ("en", 60),
        ("zh", 20),
        ("both", 80),
    ]
    assert all(model.rows == {"en": 45, "zh": 15} for model in found.models)
    both = found.of("both")
    assert both is not None
    assert both.run == read_ref(project.runs("team"))
    assert [path.name for path in project.runs("team").glob("[!.]*/")] == [both.run]
    apart = {path.name for path in (project.language_transfers("team") / "runs").iterdir()}
    assert apart == {model.run for model in found.models if model.trained_on in ("en", "zh")}
    assert [(one.language, one.first, one.second) for one in found.differences] == [
        ("en", "zh", "base"),
        ("en", "zh", "en"),
        ("en", "both", "en"),
        ("zh", "en", "base"),
        ("zh", "en", "zh"),
        ("zh", "both", "zh"),
    ]
    assert ask(Workspace.open(measured_once[0]), "team", "matter 7: wage boss").version == both.run


def test_each_is_trained_on_rows_of_its_language_alone_with_the_settings_of_the_current_one(
    measured_once: tuple[Path, LanguageTransfer],
) -> None:
    project, found = Workspace.open(measured_once[0]).project, measured_once[1]
    runs = {
        model.trained_on: read_record(project.language_transfers("team") / "runs" / str(model.run) / "run.json", Run)
        for model in found.models
        if model.trained_on in ("en", "zh")
    }
    whole = read_record(project.runs("team") / str(read_ref(project.runs("team"))) / "run.json", Run)
    assert {one.config for one in runs.values()} == {whole.config}
    assert (runs["en"].dev_rows, runs["zh"].dev_rows) == (15, 5)
    assert (runs["en"].left_out["team"], runs["zh"].left_out["team"]) == (20 + 5, 60 + 15)


def test_the_second_time_nothing_is_trained_or_asked(measured: Path, tiny_model: Path) -> None:
    before = sorted(path for path in (measured / "artifacts").rglob("*") if path.is_file())
    events = Recording()
    measure_transfers(Workspace.open(measured), settings=quick_settings(tiny_model, *FEW), on_event=events)
    assert events.made == []
    assert sorted(path for path in (measured / "artifacts").rglob("*") if path.is_file()) == before


def test_a_report_on_this_very_task_lm_shows_the_transfer_and_verifies(measured: Path, tiny_model: Path) -> None:
    settings, events = quick_settings(tiny_model, *FEW), Recording()
    report = evaluate(Workspace.open(measured), settings=settings, on_event=events)
    assert events.made == []
    shown = report.tasks[0].transfer
    assert shown is not None
    folder = measured / "artifacts" / "reports" / report.id
    for page, title in (("report.html", "Transfer between"), ("report.zh.html", "跨语言迁移"), ("report.zh.md", "跨语言迁移")):
        assert title in (folder / page).read_text(encoding="utf-8")
    assert verify(Workspace.open(measured)).mismatches == ()
    (alone,) = (model for model in shown.models if model.trained_on == "zh")
    answers = measured / "artifacts" / "predictions" / "team" / f"{alone.predictions}.json"
    content = json.loads(answers.read_text(encoding="utf-8"))
    right = content["predictions"][0]["output"]
    content["predictions"][0]["output"] = "work" if right != "work" else "family"
    answers.write_text(json.dumps(content), encoding="utf-8")
    assert verify(Workspace.open(measured)).mismatches
    other = evaluate(Workspace.open(measured), settings=quick_settings(tiny_model, *FEW, "eval.max_rows=30"))
    assert other.tasks[0].transfer is None


def test_the_plan_counts_what_is_left_and_trains_nothing(measured: Path, tiny_model: Path) -> None:
    settings, workspace = quick_settings(tiny_model, *FEW), Workspace.open(measured)
    (done,) = plan_transfers(workspace, settings=settings)
    assert (done.trainings, done.trained, done.estimate.tokens) == (2, 2, 0)
    shutil.rmtree(workspace.project.language_transfers("team"))
    (plan,) = plan_transfers(workspace, settings=settings)
    assert (plan.trainings, plan.trained) == (2, 0)
    assert (plan.train_rows, plan.evaluated_rows) == ({"en": 60, "zh": 20}, {"en": 45, "zh": 15})
    assert plan.estimate.tokens > 0
    assert not workspace.project.language_transfers("team").exists()


def test_missing_languages_are_named_with_what_to_do(measured: Path, tmp_path: Path, tiny_model: Path) -> None:
    english = [row for row in clear_rows(160) if row.language == "en"]
    lacking = write_project(tmp_path / "english", english)
    with pytest.raises(EvaluationError) as caught:
        measure_transfers(Workspace.open(lacking), settings=quick_settings(tiny_model, *FEW))
    (problem,) = caught.value.problems
    assert problem.what == "too few Chinese rows: 0 train (at least 8), 0 test (at least 10)"
    assert "import FILE --task team --language zh --append" in problem.fix
    domain = measured / "domain.yaml"
    text = domain.read_text(encoding="utf-8")
    more = text + "  - name: haste\n    instruction: {en: How urgent?}\n    output: {kind: label, labels: [urgent, calm]}\n"
    domain.write_text(more, encoding="utf-8")
    write_rows(measured / "data" / "haste.jsonl", [row.model_copy(update={"output": "calm"}) for row in english[:30]])
    events = Recording()
    found = measure_transfers(Workspace.open(measured), settings=quick_settings(tiny_model, *FEW), on_event=events)
    assert [one.task for one in found] == ["team"]
    assert "task haste: left out, it has no instruction in Chinese" in events.notes


def test_without_a_task_lm_it_says_to_train_one(tmp_path: Path, tiny_model: Path) -> None:
    project = write_project(tmp_path / "law", clear_rows(240))
    with pytest.raises(EvaluationError, match="no Task-LM yet for team") as caught:
        measure_transfers(Workspace.open(project), settings=quick_settings(tiny_model, *FEW))
    assert "anytasktune train team" in str(caught.value)
