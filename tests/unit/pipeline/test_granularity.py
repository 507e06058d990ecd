"""One Task-LM per task, per action, for the pool: what is trained, what is kept apart, what the report compares."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.tiny_project import POOL, POOL_UNITS, pool_rows, quick_settings, write_pool, write_project, write_rows
from tests.unit.pipeline.recording import Recording

from anytasktune.errors import ConfigError, EvaluationError
from anytasktune.pipeline import Workspace, evaluate, plan, train, tune
from anytasktune.reports.overall_view import task_lms
from anytasktune.schema import Domain, Example, PredictionSet, TaskLMManifest
from anytasktune.settings import SIMPLE
from anytasktune.settings.yaml_reading import parse_record
from anytasktune.store import read_record, read_ref
from anytasktune.training.adapter_targets import without_leaks
from anytasktune.training.task_rows import TaskRows

SPLITS = ("train", "dev", "test")


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    return write_pool(tmp_path / "law")


def test_every_granularity_is_trained_once_on_one_base_and_the_second_time_nothing(pool: Path, tiny_model: Path) -> None:
    first, second = Recording(), Recording()
    runs = train(Workspace.open(pool), settings=quick_settings(tiny_model), on_event=first, granularity="all")
    assert first.trained == list(POOL_UNITS)
    assert first.notes == ["action-file_away: skipped, its only task is reply, whose own Task-LM is the same"]
    assert {run.target: run.tasks for run in runs[3:]} == {
        "action-intake": ["team", "haste"],
        "action-answer": ["haste", "reply"],
        "mixed-pool": ["team", "haste", "reply"],
    }
    rows = {run.target: run.train_rows for run in runs}
    assert rows["mixed-pool"] == rows["team"] + rows["haste"] + rows["reply"]
    again = train(Workspace.open(pool), settings=quick_settings(tiny_model), on_event=second, granularity="all")
    assert second.trained == []
    assert again == runs


def test_an_adapter_of_several_tasks_knows_how_to_answer_each(pool: Path, tiny_model: Path) -> None:
    (run,) = train(Workspace.open(pool), settings=quick_settings(tiny_model), granularity="mixed")
    folder = pool / "artifacts" / "runs" / "mixed-pool" / run.id
    manifest = read_record(folder / "adapter" / "task_lm.json", TaskLMManifest)
    assert {name: decoding.method for name, decoding in manifest.decoding.items()} == {
        "team": "label_scoring",
        "haste": "label_scoring",
        "reply": "greedy",
    }


def test_named_tasks_restrict_the_pool(pool: Path, tiny_model: Path) -> None:
    events = Recording()
    train(Workspace.open(pool), ["team", "haste"], quick_settings(tiny_model), events, "all")
    assert events.trained == ["team", "haste", "action-intake"]
    assert events.notes == [
        "action-answer: skipped, its only task is haste, whose own Task-LM is the same",
        "mixed-pool: skipped, it holds the same tasks as action-intake",
    ]


def test_where_nothing_holds_two_tasks_the_command_says_so(pool: Path, tiny_model: Path) -> None:
    with pytest.raises(ConfigError, match="no action has two steps or more among the chosen tasks"):
        train(Workspace.open(pool), ["team"], quick_settings(tiny_model), granularity="action")
    with pytest.raises(ConfigError, match="one task alone cannot be mixed"):
        train(Workspace.open(pool), ["team"], quick_settings(tiny_model), granularity="mixed")


def test_a_plan_foretells_runs_of_several_tasks(pool: Path, tiny_model: Path) -> None:
    workspace, settings = Workspace.open(pool), quick_settings(tiny_model, "batch_size=4", "sampling_temperature=3")
    plans = plan(workspace, settings=settings, granularity="all")
    runs = train(workspace, settings=settings, granularity="all")
    assert [foretold.task for foretold in plans] == [run.target for run in runs]
    assert [foretold.steps for foretold in plans] == [run.steps_done for run in runs]
    assert all(found.trained for found in plan(workspace, settings=settings, granularity="all"))


def test_the_report_sets_the_granularities_side_by_side_on_the_same_rows(pool: Path, tiny_model: Path) -> None:
    report = tune(Workspace.open(pool), settings=quick_settings(tiny_model), granularity="all")
    for task in report.tasks:
        simple = SIMPLE[: 2 if task.task == "reply" else 3]
        assert [result.system for result in task.systems] == [*simple, "base", "few_shot", "tuned", "action", "mixed"]
        assert [entry.against for entry in task.comparisons] == [*simple, "base", "few_shot", "action", "mixed"]
        assert task.action_against_mixed is not None
        assert len({result.scored + result.unscored for result in task.systems}) == 1
    trained_on = {task.task: task.systems[-2].trained_on for task in report.tasks}
    assert trained_on == {"team": ["team", "haste"], "haste": ["team", "haste"], "reply": ["haste", "reply"]}
    folder = pool / "artifacts" / "reports" / report.id
    for page in ("report.html", "report.md"):
        assert "Single-task and multi-task training" in (folder / page).read_text(encoding="utf-8")
    for page in ("report.zh.html", "report.zh.md"):
        assert "单任务训练与多任务训练" in (folder / page).read_text(encoding="utf-8")


def test_what_was_trained_before_is_compared_with_later(pool: Path, tiny_model: Path) -> None:
    settings = quick_settings(tiny_model)
    mixed = tune(Workspace.open(pool), settings=settings, granularity="mixed")
    assert {task.subject for task in mixed.tasks} == {"mixed"}
    assert [entry.against for entry in mixed.tasks[0].comparisons] == [*SIMPLE, "base", "few_shot"]
    both = tune(Workspace.open(pool), settings=settings)
    assert {task_lms(task) for task in both.tasks} == {("tuned", "mixed")}
    assert evaluate(Workspace.open(pool), settings=settings).id == both.id
    narrowed = evaluate(Workspace.open(pool), settings=quick_settings(tiny_model, "systems=[base,mixed]"))
    assert [result.system for result in narrowed.tasks[0].systems] == [*SIMPLE, "base", "mixed"]


def test_asking_for_a_task_lm_that_is_not_trained_names_the_command(pool: Path, tiny_model: Path) -> None:
    train(Workspace.open(pool), settings=quick_settings(tiny_model))
    with pytest.raises(EvaluationError, match="anytasktune train team haste reply --granularity mixed"):
        evaluate(Workspace.open(pool), settings=quick_settings(tiny_model, "systems=[base,mixed]"))


def test_a_task_lm_that_may_know_the_test_rows_is_not_evaluated(pool: Path, tiny_model: Path) -> None:
    tune(Workspace.open(pool), settings=quick_settings(tiny_model), granularity="all")
    write_rows(pool / "data" / "team.jsonl", pool_rows("team", 40))
    events = Recording()
    report = tune(Workspace.open(pool), settings=quick_settings(tiny_model), on_event=events)
    assert events.trained == ["team"]
    assert [task_lms(task) for task in report.tasks] == [("tuned",), ("tuned", "action", "mixed"), ("tuned", "action", "mixed")]
    changed = "whose rows or splits have changed since training"
    assert f"mixed-pool: not evaluated on team, {changed}" in events.notes
    assert f"action-intake: not evaluated on team, {changed}" in events.notes


def test_a_task_lm_whose_instruction_was_edited_since_is_named_and_not_evaluated(pool: Path, tiny_model: Path) -> None:
    settings = quick_settings(tiny_model)
    train(Workspace.open(pool), settings=settings, granularity="all")
    (pool / "domain.yaml").write_text(POOL.replace("How urgent is the matter?", "Is it urgent?"), encoding="utf-8")
    units = ("haste", "action-intake", "action-answer", "mixed-pool")
    stale = [f"{unit}: not evaluated on haste, whose instruction differs from domain.yaml; train it again" for unit in units]
    asked = Recording()
    with pytest.raises(EvaluationError, match="anytasktune train haste"):
        evaluate(Workspace.open(pool), settings=settings, on_event=asked)
    assert asked.notes == stale
    tuned = Recording()
    report = tune(Workspace.open(pool), settings=settings, on_event=tuned)
    assert tuned.notes == stale[1:]
    assert [task_lms(task) for task in report.tasks] == [("tuned", "action", "mixed"), ("tuned",), ("tuned", "action", "mixed")]


def test_an_edited_title_makes_no_task_lm_stale(pool: Path, tiny_model: Path) -> None:
    settings = quick_settings(tiny_model)
    report = tune(Workspace.open(pool), ["team"], settings)
    (pool / "domain.yaml").write_text(POOL.replace("- name: team", "- name: team\n    title: {en: The team}"), encoding="utf-8")
    events = Recording()
    again = tune(Workspace.open(pool), ["team"], settings, events)
    assert events.made == []
    assert again.tasks[0].systems == report.tasks[0].systems


def test_a_task_lm_answers_with_the_decoding_it_was_trained_for(pool: Path, tiny_model: Path) -> None:
    longer = Example(input="matter 99: boss, a long one", output="rent " * 30, language="en")
    write_rows(pool / "data" / "reply.jsonl", [*pool_rows("reply", 20), longer])
    settings = quick_settings(tiny_model, "max_train_rows=2", "max_new_tokens=null", "systems=[base,tuned]")
    tune(Workspace.open(pool), ["reply"], settings)
    (trained_lm,) = (pool / "artifacts" / "runs" / "reply").glob("*/adapter/task_lm.json")
    limit = read_record(trained_lm, TaskLMManifest).decoding["reply"].max_new_tokens
    answers = [read_record(path, PredictionSet) for path in (pool / "artifacts" / "predictions" / "reply").iterdir()]
    longest = {found.system: max(prediction.tokens for prediction in found.predictions) for found in answers}
    assert longest["tuned"] == limit
    assert longest["base"] > limit


def test_task_lms_of_other_settings_or_evaluated_on_dev_rows_get_caveats(pool: Path, tiny_model: Path) -> None:
    train(Workspace.open(pool), settings=quick_settings(tiny_model, "rank=2"), granularity="mixed")
    report = tune(Workspace.open(pool), settings=quick_settings(tiny_model, "eval.split=dev"))
    caveats = {caveat.code: caveat.values for caveat in report.tasks[0].caveats}
    assert caveats["other_settings"] == {"system": "mixed", "subject": "tuned", "settings": "rank"}
    assert caveats["dev_not_sealed"] == {"system": "mixed"}


def given_splits(folder: Path, rows: dict[str, dict[str, list[Example]]]) -> Path:
    write_project(folder, rows=[], domain=POOL)
    for task, splits in rows.items():
        for split in SPLITS:
            write_rows(folder / "data" / task / f"{split}.jsonl", splits[split])
    return folder


def chained(task: str, shared: list[Example], start: int) -> dict[str, list[Example]]:
    """Splits of which train begins with `shared`."""
    return {
        "train": [*shared, *pool_rows(task, 20, start)],
        "dev": pool_rows(task, 3, start + 100),
        "test": pool_rows(task, 6, start + 200),
    }


def test_what_is_sealed_for_one_task_is_not_learned_from_for_another(tmp_path: Path, tiny_model: Path) -> None:
    same = pool_rows("haste", 4, 200)  # the inputs of four test rows of `team`
    nearly = [row.model_copy(update={"input": row.input.upper() + " "}) for row in pool_rows("reply", 2, 204)]
    project = given_splits(
        tmp_path / "law",
        {"team": chained("team", [], 0), "haste": chained("haste", same, 1000), "reply": chained("reply", nearly, 2000)},
    )
    events = Recording()
    runs = train(Workspace.open(project), settings=quick_settings(tiny_model), on_event=events, granularity="all")
    rows = {run.target: run.train_rows for run in runs}
    assert rows == {"team": 20, "haste": 24, "reply": 22, "action-intake": 40, "action-answer": 46, "mixed-pool": 60}
    assert {run.target: run.left_out for run in runs if run.left_out} == {
        "action-intake": {"haste": 4},
        "mixed-pool": {"haste": 4, "reply": 2},
    }
    left_out = "rows left out, their input is in a test row of another task"
    assert events.notes[1:] == [f"action-intake: 4 of 50 {left_out}", f"mixed-pool: 6 of 75 {left_out}"]


def test_a_task_that_has_no_row_left_is_not_part_of_what_is_learned_together(tmp_path: Path, tiny_model: Path) -> None:
    rows = {"team": chained("team", [], 0), "haste": chained("haste", [], 1000), "reply": chained("reply", [], 2000)}
    rows["haste"]["train"] = pool_rows("haste", 4, 200)
    project = given_splits(tmp_path / "law", rows)
    events = Recording()
    runs = train(Workspace.open(project), settings=quick_settings(tiny_model), on_event=events, granularity="all")
    assert {run.target: run.tasks for run in runs[3:]} == {"action-answer": ["haste", "reply"], "mixed-pool": ["team", "reply"]}
    assert "action-intake: skipped, fewer than two of its tasks have rows left" in events.notes
    assert "mixed-pool: without haste, no training row of which is left" in events.notes


def test_left_out_rows_are_those_equal_or_similar_to_a_held_out_input() -> None:
    task = parse_record(Domain, POOL, "domain.yaml").task("team")
    rows = pool_rows("team", 8)
    part = TaskRows(task, {"train": rows[:5], "dev": rows[5:7], "test": rows[7:]}, "rows")
    (kept,) = without_leaks([part], [rows[1].input, f"  {rows[6].input.title()}"], 0.8)
    assert kept.splits == {"train": [rows[0], *rows[2:5]], "dev": [rows[5]], "test": rows[7:]}
    assert kept.left_out == (rows[1].id, rows[6].id)


_SCRIPT = """
import sys, time
from pathlib import Path
from tests.tiny_project import quick_settings
from anytasktune.pipeline import Progress, Workspace, train

def slowly(event):
    if isinstance(event, Progress):
        print(event.name, event.done, flush=True)
        time.sleep(0.03)

model, folder = map(Path, sys.argv[1:])
settings = quick_settings(model, "batch_size=4", "checkpoint_seconds=0.05")
train(Workspace.open(folder), settings=settings, on_event=slowly, granularity="all")
"""


def _start(model: Path, folder: Path) -> subprocess.Popen[str]:
    root = str(Path(__file__).resolve().parents[3])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-c", _SCRIPT, str(model), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=root)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_killed_in_the_middle_of_the_pool_the_same_command_goes_on(tmp_path: Path, tiny_model: Path) -> None:
    broken, whole = write_pool(tmp_path / "broken"), write_pool(tmp_path / "whole")
    process = _start(tiny_model, broken)
    assert process.stdout is not None
    while not process.stdout.readline().startswith("action-intake 3"):
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    settings = quick_settings(tiny_model, "batch_size=4")
    events = Recording()
    train(Workspace.open(broken), settings=settings, on_event=events, granularity="all")
    assert [line.removeprefix("train ") for line in events.reused if line.startswith("train ")] == list(POOL_UNITS[:3])
    assert events.trained == list(POOL_UNITS[3:])
    train(Workspace.open(whole), settings=settings, granularity="all")
    for unit in POOL_UNITS:
        adapters = [_weights(project, unit) for project in (broken, whole)]
        assert adapters[0] == adapters[1], unit


def _weights(project: Path, unit: str) -> bytes:
    folder = project / "artifacts" / "runs" / unit
    return (folder / str(read_ref(folder)) / "adapter" / "adapter_model.safetensors").read_bytes()
