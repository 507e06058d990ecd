"""Few-shot examples of both kinds answer dev rows, and the better kind answers the test rows."""

from pathlib import Path

import pytest
from tests.tiny_project import quick_settings, team_rows, write_project, write_rows
from tests.unit.evaluation.report_builders import LABELS, examples_of, number_task, predictions_of, task_with
from tests.unit.pipeline.recording import Recording

from anytasktune.evaluation import choose_way, score_system
from anytasktune.pipeline import Workspace, evaluate
from anytasktune.schema import Example, PredictionSet, ShotChoice, SystemResult, Task
from anytasktune.store import read_record


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "law")


def shown(project: Path, model: Path, *more: str, events: Recording | None = None) -> SystemResult:
    """The result of few-shot alone."""
    settings = quick_settings(model, "systems=few_shot", "simple_baselines=false", "eval.shots=2", *more)
    (task,) = evaluate(Workspace.open(project), settings=settings, on_event=events).tasks
    return task.systems[0]


def splits(project: Path) -> list[str]:
    files = (project / "artifacts" / "predictions" / "team").glob("*.json")
    return sorted(read_record(path, PredictionSet).split for path in files)


def test_the_way_that_is_better_on_dev_answers_and_the_report_says_so(project: Path, tiny_model: Path) -> None:
    events = Recording()
    choice = shown(project, tiny_model, events=events).shot_choice
    assert choice is not None
    assert choice.dev_rows == 3
    assert choice.by == ("similar" if choice.dev_scores["similar"] > choice.dev_scores["fixed"] else "fixed")
    assert splits(project) == ["dev", "dev", "test"]
    (said,) = [event for event in events.finished if event.stage == "shots"]
    assert f"{choice.by} ones are shown (3 dev rows, fixed " in said.detail
    again = Recording()
    assert shown(project, tiny_model, events=again).shot_choice == choice
    assert [event.reused for event in again.finished if event.stage in ("shots", "answer")] == [True, True]


@pytest.mark.parametrize("way", ["fixed", "similar"])
def test_either_way_can_be_asked_for_and_dev_is_not_answered(project: Path, tiny_model: Path, way: str) -> None:
    result = shown(project, tiny_model, f"shot_choice={way}")
    assert result.shot_choice == ShotChoice.model_validate({"by": way})
    assert result.shots == 2
    assert splits(project) == ["test"]


def test_answers_to_other_shots_are_other_predictions(project: Path, tiny_model: Path) -> None:
    for more in (("shot_choice=fixed",), ("shot_choice=similar",), ("shot_choice=similar", "eval.shots=3")):
        shown(project, tiny_model, *more)
    assert splits(project) == ["test"] * 3


def test_without_dev_rows_the_examples_are_fixed(tmp_path: Path, tiny_model: Path) -> None:
    folder = write_project(tmp_path / "law", rows=[])
    write_rows(folder / "data" / "team" / "train.jsonl", team_rows(20))
    write_rows(folder / "data" / "team" / "test.jsonl", team_rows(6, start=40))
    assert shown(folder, tiny_model).shot_choice == ShotChoice(by="fixed")


def test_without_few_shot_no_dev_row_is_answered(project: Path, tiny_model: Path) -> None:
    evaluate(Workspace.open(project), settings=quick_settings(tiny_model, "systems=base", "simple_baselines=false"))
    assert splits(project) == ["test"]


def chosen(task: Task, dev: list[Example], fixed: list[str], similar: list[str], failed: tuple[int, ...] = ()) -> ShotChoice:
    answers = [predictions_of("few_shot", dev, fixed), predictions_of("few_shot", dev, similar, failed)]
    return choose_way(task, dev, *(score_system(task, dev, each) for each in answers))


def test_the_choice_follows_the_metric_and_ties_go_to_the_fixed_ones() -> None:
    labels = examples_of(["other"] * 4)
    right, half = ["other"] * 4, ["other", "other", "租金", "租金"]
    assert chosen(task_with(LABELS), labels, half, right).by == "similar"
    assert chosen(task_with(LABELS), labels, right, half).by == "fixed"
    assert chosen(task_with(LABELS), labels, right, right).by == "fixed"
    numbers = examples_of(["3"] * 4)
    assert chosen(number_task(), numbers, ["5"] * 4, ["3"] * 4).by == "similar"
    assert chosen(number_task(), numbers, ["3"] * 4, ["5"] * 4).by == "fixed"


def test_rows_that_cannot_be_answered_count_against_the_similar_ones() -> None:
    labels = examples_of(["other"] * 4)
    choice = chosen(task_with(LABELS), labels, ["租金"] * 4, ["other"] * 4, failed=(0,))
    assert (choice.by, choice.dev_rows) == ("fixed", 3)
    assert chosen(task_with(LABELS), labels, ["租金"] * 4, ["other"] * 4, failed=(0, 1, 2, 3)) == ShotChoice(by="fixed")
