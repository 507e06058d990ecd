"""The verdict on a task in words."""

import pytest
from tests.unit.evaluation.report_builders import CONFIG, LABELS, examples_of, number_task, report_on, task_with, wrong_after

from anytasktune.evaluation.comparison import build_report
from anytasktune.outputs import JsonOutput, LabelsOutput, Output
from anytasktune.reports.report_words import words
from anytasktune.reports.verdict_words import advice, outcome
from anytasktune.schema import Task, TaskReport
from anytasktune.settings import System

CYCLE = ["租金", "押金", "other"] * 20


def settled(task: Task, references: list[str], answers: dict[System, list[str]]) -> TaskReport:
    return build_report("d", "m", [report_on(task, examples_of(references), answers)], CONFIG, {}, "here").tasks[0]


def mixed_up(right: int) -> list[str]:
    """The first rows right; then `other` is answered as 租金 and the rest as `other`."""
    return [label if row < right else {"other": "租金"}.get(label, "other") for row, label in enumerate(CYCLE)]


def test_labels_are_counted_with_the_commonest_confusion() -> None:
    report = settled(task_with(LABELS), CYCLE, {"base": ["x"] * 60, "tuned": mixed_up(46)})
    assert (
        outcome(report, words("en"))
        == "Tuned: right in 46 of 60 (77%); most often “other” is taken for “租金” (5 of 14 errors)."
    )
    said = outcome(report, words("zh"))
    assert said == "微调后：60 条中答对 46 条（77%）；最常见的错误是把“other”答成“租金”（14 个错误中占 5 个）。"


@pytest.mark.parametrize(
    ("output", "references", "answers", "said"),
    [
        (LabelsOutput(kind="labels"), ["a; b"] * 4, ["a", "a", "b", "a; b"], "most often missing: “b” (2 rows)"),
        (LabelsOutput(kind="labels"), ["a", "b"], ["a; c", ""], "something missing in 1, something too much in 1"),
        (JsonOutput(kind="json"), ['{"a": 1}'] * 3, ['{"a": 2}', '{"a": 3}', "{"], "most often wrong: “a” (2 rows)"),
        (JsonOutput(kind="json"), ['{"a": 1}'] * 3, ['{"a": 1}', "x", "{"], "unreadable in 2"),
    ],
)
def test_parts_of_answers_are_grouped_by_item_or_field(
    output: Output, references: list[str], answers: list[str], said: str
) -> None:
    report = settled(task_with(output), references, {"base": references, "tuned": answers})
    assert said in outcome(report, words("en"))


def test_numbers_are_too_low_or_too_high() -> None:
    report = settled(number_task(), ["3.0"] * 4, {"tuned": ["2.0", "3.0", "5.0", "5.0"]})
    said = "Tuned: off by 1.25 on average, exactly right in 1 of 4; too high in 2, too low in 1."
    assert outcome(report, words("en")) == said


def test_the_advice_names_the_strongest_opponent_with_its_test() -> None:
    answers: dict[System, list[str]] = {"base": ["x"] * 60, "few_shot": wrong_after(CYCLE, 20, "x"), "tuned": mixed_up(46)}
    report = settled(task_with(LABELS), CYCLE, answers)
    assert advice(report, words("en")) == (
        "Use the Task-LM: better than every other system; +0.433 against the strongest, the few-shot prompted base (0.333),"
        " p\u00a0<\u00a00.001."
    )
    assert advice(report, words("zh")).startswith("使用 Task-LM：优于其他每一个系统；与其中最强的给出示例的同一基座模型")


def test_where_only_more_rows_can_tell_the_advice_says_how_many() -> None:
    answers: dict[System, list[str]] = {"few_shot": wrong_after(CYCLE, 30, "x"), "tuned": wrong_after(CYCLE, 33, "x")}
    report = settled(task_with(LABELS), CYCLE, answers)
    assert report.recommendation is not None
    assert report.recommendation.rows_needed is not None
    said = advice(report, words("en"))
    assert said.startswith("Get more data: the Task-LM scores 0.550, the few-shot prompted base 0.500, but on 60 rows")
    assert f"about {report.recommendation.rows_needed:,} test rows would tell." in said
