"""One task in two languages, with labels of its own in each, from seeds to report."""

from pathlib import Path

import pytest
from tests.tiny_project import quick_settings, write_project, write_rows

from anytasktune.datasets import read_task_folder, write_task_folder
from anytasktune.inference.few_shot import choose_shots, shots_for
from anytasktune.pipeline import Workspace, check, tune
from anytasktune.schema import Example, PredictionSet, Report
from anytasktune.settings import SIMPLE
from anytasktune.store import read_record

DOMAIN = """\
schema_version: 1
name: shop
tasks:
  - name: mood
    title: {en: Mood, zh: 情绪}
    instruction: {en: Which mood? Answer glad or cross., zh: 什么情绪？只答高兴或生气。}
    output: {kind: label, labels: {en: [glad, cross], zh: [高兴, 生气]}}
    metric: macro_f1
"""
_ENGLISH = "sofa arrived early with a scratch and nobody answers while my chair is lovely"
_CHINESE = "沙发昨天送到了可是扶手有一道划痕客服一直没有人接电话不过椅子很舒服"


def mood_rows(count: int, start: int = 0) -> list[Example]:
    rows = []
    for number in range(start, start + count):
        mood, turned = number // 2 % 2, number % 13
        words = _ENGLISH.split()
        english = " ".join([f"order {number}", *words[turned:], *words[:turned]][: 5 + number % 7])
        chinese = f"{number}号单" + (_CHINESE[turned:] + _CHINESE[:turned])[: 8 + number % 9]
        language, text = ("zh", chinese) if number % 2 else ("en", english)
        rows.append(Example(input=text, output=[["glad", "cross"], ["高兴", "生气"]][number % 2][mood], language=language))
    return rows


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_project(tmp_path_factory.mktemp("bilingual") / "shop", [], DOMAIN)
    for split, count, start in (("train", 24, 0), ("dev", 6, 24), ("test", 12, 30)):
        write_rows(folder / "data" / "mood" / f"{split}.jsonl", mood_rows(count, start))
    return folder


@pytest.fixture(scope="module")
def report(project: Path, tiny_model: Path) -> Report:
    return tune(Workspace.open(project), settings=quick_settings(tiny_model, "eval.shots=2"))


def test_rows_of_both_languages_are_kept_and_pass_the_look_before_training(project: Path, tiny_model: Path) -> None:
    (checked,) = check(Workspace.open(project), settings=quick_settings(tiny_model))
    assert checked.manifest.counts.dropped == {}
    assert checked.preflight.problems == ()


def test_a_row_with_the_other_languages_label_is_dropped_by_name(tmp_path: Path, tiny_model: Path) -> None:
    folder = write_project(tmp_path / "shop", [], DOMAIN)
    rows = [*mood_rows(24), Example(input="第99号单：什么都没有收到", output="cross", language="zh")]
    write_rows(folder / "data" / "mood.jsonl", rows)
    (checked,) = check(Workspace.open(folder), settings=quick_settings(tiny_model))
    assert checked.manifest.counts.dropped == {"unknown_label": 1}


def test_only_labels_of_the_rows_language_are_scored(project: Path, report: Report) -> None:
    languages = {row.id: row.language for row in mood_rows(18, 24)}
    files = list((project / "artifacts" / "predictions" / "mood").glob("*.json"))
    assert {result.system for result in report.tasks[0].systems} == {*SIMPLE, "base", "few_shot", "tuned"}
    for path in files:
        found = read_record(path, PredictionSet)
        for prediction in found.predictions:
            labels = {"en": {"glad", "cross"}, "zh": {"高兴", "生气"}}[languages[prediction.example_id] or "en"]
            assert set(prediction.probabilities or {}) == (set() if found.system in ("constant", "nearest") else labels)
            assert prediction.output in labels


def test_the_report_counts_every_answer_as_well_formed(report: Report) -> None:
    (task,) = report.tasks
    assert [result.well_formed for result in task.systems] == [1.0] * 6
    assert [result.shots for result in task.systems] == [None, None, None, None, 2, None]


def test_a_question_is_preceded_by_examples_of_its_language(project: Path) -> None:
    task = Workspace.open(project).domain.task("mood")
    train = mood_rows(24)
    shots = choose_shots(task, train, 2)
    for row in train:
        chosen = shots_for(task, row, shots)
        assert len(chosen) == 2
        assert {shot.language for shot in chosen} == {row.language}
    english_only = choose_shots(task, [row for row in train if row.language == "en"], 2)
    assert shots_for(task, train[1], english_only) == english_only


def test_a_task_folder_with_labels_per_language_is_read_back_the_same(project: Path, tmp_path: Path) -> None:
    task = Workspace.open(project).domain.task("mood").model_copy(update={"limits": {"en": "Drafts only."}})
    write_task_folder(task, {"train": mood_rows(6)}, tmp_path / "folder")
    again = read_task_folder(tmp_path / "folder")
    assert again.task == task
    assert again.splits["train"].examples == mood_rows(6)
