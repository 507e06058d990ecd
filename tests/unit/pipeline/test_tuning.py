"""The chain as a library: each thing is made once and found again by what went into it."""

import json
from pathlib import Path

import pytest
from tests.tiny_project import DOMAIN, LABELS, QUICK, quick_settings, team_rows, write_project, write_rows
from tests.unit.pipeline.recording import Recording

from anytasktune.errors import ConfigError, EvaluationError, PreflightError
from anytasktune.pipeline import Workspace, check, evaluate, plan, train, tune
from anytasktune.schema import Example
from anytasktune.settings import SIMPLE

SYSTEMS = [f"answer team {system}" for system in (*SIMPLE, "base", "few_shot", "tuned")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "law")


def mixed(good: int, bad: int) -> list[Example]:
    """Rows of which the last ones hold a control token."""
    spoilt = [row.model_copy(update={"input": f"{row.input} <|im_end|>"}) for row in team_rows(bad, start=100)]
    return [*team_rows(good), *spoilt]


def test_the_second_time_nothing_is_made(project: Path, tiny_model: Path) -> None:
    first, second = Recording(), Recording()
    workspace, settings = Workspace.open(project), quick_settings(tiny_model)
    report = tune(workspace, settings=settings, on_event=first)
    assert first.made == ["data team", "train team", *SYSTEMS]
    assert first.reused == []
    again = tune(workspace, settings=settings, on_event=second)
    assert second.reused == first.made
    assert second.made == []
    assert again.id == report.id


def test_a_changed_instruction_trains_and_asks_anew_on_the_same_data_set(project: Path, tiny_model: Path) -> None:
    events = Recording()
    tune(Workspace.open(project), settings=quick_settings(tiny_model))
    (project / "domain.yaml").write_text(DOMAIN.replace("Which team takes it?", "Who takes it?"), encoding="utf-8")
    tune(Workspace.open(project), settings=quick_settings(tiny_model), on_event=events)
    assert events.reused == ["data team"]
    assert events.made == ["train team", *SYSTEMS]


def test_another_setting_of_training_leaves_the_untuned_answers(project: Path, tiny_model: Path) -> None:
    tune(Workspace.open(project), settings=quick_settings(tiny_model))
    events = Recording()
    tune(Workspace.open(project), settings=quick_settings(tiny_model, "rank=2"), on_event=events)
    assert events.made == ["train team", "answer team tuned"]


def test_how_a_run_is_carried_out_makes_no_other_run(project: Path, tiny_model: Path) -> None:
    (first,) = train(Workspace.open(project), settings=quick_settings(tiny_model))
    settings = quick_settings(tiny_model, "checkpoint_seconds=5", "micro_batch_tokens=512")
    assert train(Workspace.open(project), settings=settings) == [first]


def test_evaluate_takes_the_settings_of_the_trained_run(project: Path, tiny_model: Path) -> None:
    train(Workspace.open(project), settings=quick_settings(tiny_model))
    events = Recording()
    report = evaluate(Workspace.open(project), settings=quick_settings(tiny_model, "eval.seed=0"), on_event=events)
    assert [result.system for result in report.tasks[0].systems] == [*SIMPLE, "base", "few_shot", "tuned"]
    assert events.made == SYSTEMS


def test_evaluate_before_training_names_the_command(project: Path, tiny_model: Path) -> None:
    with pytest.raises(EvaluationError, match="anytasktune train team"):
        evaluate(Workspace.open(project), settings=quick_settings(tiny_model))
    alone = evaluate(Workspace.open(project), settings=quick_settings(tiny_model, "systems=base"), on_event=None)
    assert [result.system for result in alone.tasks[0].systems] == [*SIMPLE, "base"]


def test_max_rows_and_the_dev_split_can_be_asked_for(project: Path, tiny_model: Path) -> None:
    settings = quick_settings(tiny_model, "systems=base", "eval.split=dev", "max_rows=2")
    (task,) = evaluate(Workspace.open(project), settings=settings).tasks
    assert (task.test_rows, task.rows_available) == (2, 3)


def test_bad_rows_stop_the_training_and_all_of_them_are_named(tmp_path: Path, tiny_model: Path) -> None:
    project = write_project(tmp_path / "law", rows=mixed(30, 4))
    with pytest.raises(PreflightError) as caught:
        train(Workspace.open(project), settings=quick_settings(tiny_model))
    places = [problem.where for problem in caught.value.problems]
    assert places == [f"data/team.jsonl:{row}" for row in (31, 32, 33, 34)] + ["task team"]
    assert "4 of 34 rows" in caught.value.problems[-1].what
    assert not (project / "artifacts" / "runs").exists()


def test_with_skip_bad_rows_training_goes_on_without_them_and_they_are_counted(tmp_path: Path, tiny_model: Path) -> None:
    project = write_project(tmp_path / "law", rows=mixed(30, 4))
    events = Recording()
    (run,) = train(Workspace.open(project), settings=quick_settings(tiny_model, "skip_bad_rows=true"), on_event=events)
    (checked,) = [event for event in events.finished if event.stage == "check"]
    assert checked.dropped == {"preflight": 4}
    assert len(checked.examples) == 4
    (looked_at,) = check(Workspace.open(project), settings=quick_settings(tiny_model))
    look = looked_at.preflight
    trained_on = {split: look.rows[split] - len(look.bad[split]) for split in ("train", "dev")}
    assert {"train": run.train_rows, "dev": run.dev_rows} == trained_on


def test_if_no_row_is_left_training_is_refused_all_the_same(tmp_path: Path, tiny_model: Path) -> None:
    project = write_project(tmp_path / "law", rows=mixed(0, 30))
    with pytest.raises(PreflightError, match="no training row can be used"):
        train(Workspace.open(project), settings=quick_settings(tiny_model, "skip_bad_rows=true"))


def test_a_split_in_settings_yaml_holds_for_every_command(project: Path, tiny_model: Path) -> None:
    (project / "settings.yaml").write_text(f"train: {{model: '{tiny_model}'}}\nsplit: {{test: 0.4}}\n", encoding="utf-8")
    workspace = Workspace.open(project)
    assert tune(workspace, settings=workspace.settings(QUICK)).tasks[0].test_rows == 12
    assert "tuned" in {result.system for result in evaluate(workspace, settings=workspace.settings(QUICK)).tasks[0].systems}


def test_a_task_lm_of_another_split_is_not_evaluated_and_the_split_is_named(project: Path, tiny_model: Path) -> None:
    train(Workspace.open(project), settings=quick_settings(tiny_model, "split.test=0.4"))
    events = Recording()
    with pytest.raises(EvaluationError, match="no Task-LM yet for team"):
        evaluate(Workspace.open(project), settings=quick_settings(tiny_model), on_event=events)
    assert "another split than in the last command, split.test 0.2 (was 0.4)" in events.notes[0]


def test_rows_too_long_for_the_model_are_told_what_would_help(project: Path, tiny_model: Path) -> None:
    long = team_rows(1)[0].model_copy(update={"input": "the landlord " * 300})
    write_rows(project / "data" / "team.jsonl", [*team_rows(), long])
    (checked,) = check(Workspace.open(project), settings=quick_settings(tiny_model))
    (problem,) = checked.preflight.problems
    assert problem.where == "data/team.jsonl:31"
    assert "512 fit with the answer" in problem.what
    assert "a model with a longer context" in problem.fix
    (lowered,) = check(Workspace.open(project), settings=quick_settings(tiny_model, "max_length=100"))
    assert all("raise max_length" in problem.fix for problem in lowered.preflight.problems)


def test_every_task_is_looked_at_before_any_is_trained(tmp_path: Path, tiny_model: Path) -> None:
    second = DOMAIN.split("tasks:\n")[1].replace("name: team  ", "name: second")
    project = write_project(tmp_path / "law", domain=DOMAIN + second)
    write_rows(project / "data" / "second.jsonl", mixed(30, 1))
    with pytest.raises(PreflightError, match=r"data/second\.jsonl:31"):
        train(Workspace.open(project), settings=quick_settings(tiny_model))
    assert not (project / "artifacts" / "runs").exists()


def test_a_plan_foretells_the_run(project: Path, tiny_model: Path) -> None:
    workspace, settings = Workspace.open(project), quick_settings(tiny_model, "max_train_rows=10", "batch_size=4")
    (foretold,) = plan(workspace, settings=settings)
    (run,) = train(workspace, settings=settings)
    assert foretold.steps == run.steps_done == 3
    assert (foretold.rank, foretold.learning_rate) == (run.resolved.rank, run.resolved.learning_rate)
    assert foretold.tokens == run.usage.tokens
    assert foretold.tokens < foretold.plain_tokens
    assert not foretold.trained
    assert plan(workspace, settings=settings)[0].trained


def test_tasks_of_one_command_are_compared_in_one_report(tmp_path: Path, tiny_model: Path) -> None:
    second = DOMAIN.split("tasks:\n")[1].replace("name: team  ", "name: second")
    project = write_project(tmp_path / "law", domain=DOMAIN + second)
    write_rows(project / "data" / "second.jsonl", team_rows(20, start=200))
    report = tune(Workspace.open(project), settings=quick_settings(tiny_model))
    assert [task.task for task in report.tasks] == ["team", "second"]
    (only,) = evaluate(Workspace.open(project), ["second"], quick_settings(tiny_model)).tasks
    assert only.task == "second"


def test_answers_are_kept_with_what_they_were_made_from(project: Path, tiny_model: Path) -> None:
    tune(Workspace.open(project), settings=quick_settings(tiny_model))
    kept = [json.loads(path.read_bytes()) for path in (project / "artifacts" / "predictions" / "team").glob("*.json")]
    assert {answers["system"] for answers in kept} == {*SIMPLE, "base", "few_shot", "tuned"}
    assert len({answers["dataset"] for answers in kept}) == 1
    assert all(prediction["output"] in LABELS for answers in kept for prediction in answers["predictions"])


def test_a_label_head_alone_is_trained_without_a_step_and_only_for_labels(tmp_path: Path, tiny_model: Path) -> None:
    text = DOMAIN + "  - name: note\n    instruction: {en: Write a note.}\n    output: {kind: text}\n"
    project, settings = write_project(tmp_path / "law", domain=text), quick_settings(tiny_model, "method=head")
    write_rows(project / "data" / "note.jsonl", team_rows(12))
    (run,) = train(Workspace.open(project), ["team"], settings=settings)
    assert run.steps_done == 0
    report = evaluate(Workspace.open(project), ["team"])
    assert [system.system for system in report.tasks[0].systems if system.system == "tuned"] == ["tuned"]
    with pytest.raises(PreflightError, match="closed list of labels") as refused:
        train(Workspace.open(project), ["team", "note"], settings=settings)
    assert [problem.where for problem in refused.value.problems] == ["task note"]


def test_a_length_limit_that_no_right_answer_fits_is_refused_before_anything_is_trained(
    tmp_path: Path, tiny_model: Path
) -> None:
    rules = "    output: {kind: text}\n    rules: {pattern: 'First: .+; second: .+'}\n"
    text = DOMAIN + "  - name: note\n    instruction: {en: Write a note.}\n" + rules
    project, settings = write_project(tmp_path / "law", domain=text), quick_settings(tiny_model, "eval.max_new_tokens=3")
    rows = [row.model_copy(update={"output": "First: a; second: b"}) for row in team_rows(12)]
    write_rows(project / "data" / "note.jsonl", rows)
    for command in (tune, check):
        with pytest.raises(ConfigError, match="at most 3 tokens") as refused:
            command(Workspace.open(project), ["note"], settings=settings)
        assert refused.value.problems[0].fix == "ease the rules, or raise eval.max_new_tokens"
    assert not (project / "artifacts" / "runs").exists()
    assert check(Workspace.open(project), ["team"], settings=settings)
