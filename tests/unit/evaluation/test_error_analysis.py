"""Confusion, scores per label and groups of faults agree with scikit-learn and with the score."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from tests.unit.evaluation.report_builders import (
    CONFIG,
    LABELS,
    examples_of,
    predictions_of,
    report_on,
    task_with,
    wrong_after,
)

from anytasktune.evaluation.comparison import build_report, task_report
from anytasktune.evaluation.error_analysis import MOST_GROUPS
from anytasktune.evaluation.scoring import score_system
from anytasktune.outputs import LabelOutput, LabelsOutput
from anytasktune.reports.pages import render_html, render_markdown
from anytasktune.schema import AnswerThreshold, SystemResult, Task

NAMES = ["租金", "押金", "other"]
ROWS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([*NAMES, "nonsense"])), min_size=1, max_size=60)


def result_of(pairs: list[tuple[str, str]]) -> SystemResult:
    references, answers = zip(*pairs, strict=True)
    (result,) = report_on(task_with(LABELS), examples_of(references), {"tuned": list(answers)}).systems
    return result


@given(ROWS)
def test_scores_per_label_are_those_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    result = result_of(pairs)
    references, answers = zip(*pairs, strict=True)
    labels = sorted(set(references))
    expected = precision_recall_fscore_support(references, answers, labels=labels, zero_division=0.0)
    assert [score.label for score in result.labels] == labels
    for place, score in enumerate(result.labels):
        found = (score.precision, score.recall, score.f1, score.rows)
        assert found == pytest.approx(tuple(column[place] for column in expected), abs=1e-9)
    everything = sorted({*references, *answers})
    assume(len(everything) > 1)  # scikit-learn warns of a single label
    matrix = confusion_matrix(references, answers, labels=everything)
    for row, label in enumerate(everything):
        for column, given_label in enumerate(everything):
            assert result.confusion.get(label, {}).get(given_label, 0) == matrix[row][column]


@given(ROWS)
def test_every_wrong_label_is_in_exactly_one_group(pairs: list[tuple[str, str]]) -> None:
    result = result_of(pairs)
    wrong = sum(reference != answer for reference, answer in pairs)
    assert sum(len(group.rows) for group in result.fault_groups) == wrong == result.scored - result.right
    assert result.faults.get("confused", 0) == wrong
    assert [len(group.rows) for group in result.fault_groups] == sorted(
        (len(group.rows) for group in result.fault_groups), reverse=True
    )


def test_labels_of_two_languages_are_one() -> None:
    output = LabelOutput.model_validate({"kind": "label", "labels": {"en": ["rent", "deposit"], "zh": ["租金", "押金"]}})
    parts = {"name": "topic", "instruction": {"en": "Do it.", "zh": "做。"}, "output": output}
    task = Task.model_validate(parts)
    (result,) = report_on(task, examples_of(["rent", "租金", "押金"]), {"tuned": ["deposit", "押金", "押金"]}).systems
    assert result.confusion == {"deposit": {"deposit": 1}, "rent": {"deposit": 2}}
    assert [(group.expected, group.given, len(group.rows)) for group in result.fault_groups] == [("rent", "deposit", 2)]


def test_of_many_groups_the_largest_are_kept_and_all_are_counted() -> None:
    references = [f"item {row}" for row in range(60)]
    (result,) = report_on(task_with(LabelsOutput(kind="labels")), examples_of(references), {"tuned": ["x"] * 60}).systems
    assert len(result.fault_groups) == MOST_GROUPS
    assert len(result.fault_groups[0].rows) == 60
    assert result.faults == {"missed": 60, "spurious": 60}


def test_the_pages_show_matrix_scores_and_groups() -> None:
    pairs = [("租金", "租金")] * 6 + [("租金", "other")] * 3 + [("other", "other")] * 5 + [("押金", "租金")]
    references, answers = zip(*pairs, strict=True)
    task = report_on(task_with(LABELS), examples_of(references), {"tuned": list(answers)})
    report = build_report("d", "m", [task], CONFIG, {}, "here")
    markdown = render_markdown(report)
    assert "| 租金 | 9 | 0.86 | 0.67 | 0.75 | 3 | 0 | 6 |" in markdown
    assert "- “租金” as “other” × 3" in markdown
    assert "把“租金”答成“other” × 3" in render_markdown(report, "zh")
    page = render_html(report)
    assert 'class="cell wrong" style="--shade: 20%">3</td>' in page
    assert 'class="cell right" style="--shade: 40%">6</td>' in page


def test_the_report_says_what_the_threshold_from_dev_does_on_test() -> None:
    references = NAMES * 10
    examples, task = examples_of(references), task_with(LABELS)
    answers = predictions_of("tuned", examples, wrong_after(references, 24, "other"))
    sure = [
        prediction.model_copy(update={"probability": 0.9 if row < 20 else 0.4})
        for row, prediction in enumerate(answers.predictions)
    ]
    scored = score_system(task, examples, answers.model_copy(update={"predictions": sure}))
    limit = AnswerThreshold(target=0.9, dev_rows=30, probability=0.8, answered=18, right=17)

    def rendered(threshold: AnswerThreshold | None) -> str:
        report = task_report(task, examples, [replace(scored, threshold=threshold)], {}, CONFIG)
        built = build_report("d", "m", [report], CONFIG, {}, "here")
        return render_markdown(built) + render_html(built, "zh")

    said = rendered(limit)
    assert "Expected calibration error 0.133" in said
    assert "20 of 30 test rows are answered (67%), 20 of them rightly (100%, 95 % interval 0.83–1.00)" in said
    assert "30 条测试数据中给出 20 条回答（67%）" in said
    assert "no probability is high enough" in rendered(AnswerThreshold(target=0.9, dev_rows=30))
    assert "12 dev rows are too few" in rendered(AnswerThreshold(target=0.9, dev_rows=12))
    assert "threshold chosen" not in rendered(None)
