"""Learning curves in a report: drawn, worded in two languages, and what the recommendation takes from them."""

import re

import pytest
from rich.console import Console
from tests.unit.evaluation.report_builders import LABELS, examples_of, full_report, predictions_of, task_with, wrong_after

from anytasktune.evaluation import MeasuredSize, learning_curve, score_system
from anytasktune.pipeline.stored_curves import curves_record
from anytasktune.records import Language
from anytasktune.reports.curves_view import view_curves
from anytasktune.reports.pages import render_html, render_markdown
from anytasktune.reports.report_words import words
from anytasktune.reports.terminal_curves import render_curves
from anytasktune.reports.terminal_report import render
from anytasktune.reports.verdict_words import advice
from anytasktune.schema import Recommendation, Report
from anytasktune.schema.learning_curve import Learner, LearningCurves
from anytasktune.settings import EvalConfig

CONFIG = EvalConfig(resamples=400)
RISING, SLOW, FLAT = (64, 88, 100, 108), (74, 80, 86, 90), (80, 80, 80, 80)


def curves_with(right: dict[Learner, tuple[int, ...]]) -> LearningCurves:
    """Curves over 16 to 128 training rows with so many right answers to 120 dev rows."""
    task, outputs = task_with(LABELS), ["租金", "押金", "other"] * 40
    examples = examples_of(outputs)
    curves = [
        learning_curve(
            task,
            examples,
            learner,
            [
                MeasuredSize(
                    16 * 2**place,
                    score_system(task, examples, predictions_of("tuned", examples, wrong_after(outputs, count, "nonsense"))),
                    seconds=1.0,
                )
                for place, count in enumerate(counts)
            ],
            CONFIG,
        )
        for learner, counts in right.items()
    ]
    return curves_record(task, "d", "dev", curves)


def report_with(curves: LearningCurves) -> Report:
    report = full_report()
    return report.model_copy(
        update={"tasks": [report.tasks[0].model_copy(update={"learning_curves": curves}), *report.tasks[1:]]}
    )


def test_a_rising_curve_says_what_twice_the_rows_would_bring_and_a_flat_one_nothing() -> None:
    view = view_curves(curves_with({"tuned": RISING, "linear": FLAT}), words("en"))
    rising, flat, crossing = view.sentences
    found = re.fullmatch(
        r"Task-LM: improves by 0\.\d+ per doubling of the training rows so far; "
        r"twice as many \(256\) would improve it by about (\S+) \[(\S+), (\S+)\] more\.",
        rising,
    )
    assert found
    gain, low, high = map(float, found.groups())
    assert 0 <= low < gain < high < 0.1
    assert flat.startswith("Linear: ")
    assert "would improve" not in flat
    assert crossing == "From 32 training rows on, the Task-LM scores better than the linear model."
    assert view.doubled == "256 expected"
    assert [row.expected == "" for row in view.rows] == [False, True]
    assert view.rows[0].bars == "▁▅▇█"


def test_where_the_linear_model_is_ahead_throughout_that_is_said() -> None:
    ahead = view_curves(curves_with({"tuned": FLAT, "linear": (*RISING[1:], 110)}), words("en"))
    assert ahead.sentences[-1] == "The Task-LM does not score better than the linear model at any size."


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_form_of_the_report_shows_the_curve(language: Language) -> None:
    report = report_with(curves_with({"tuned": RISING, "head": SLOW, "linear": FLAT}))
    title = {"en": "Learning curve", "zh": "学习曲线"}[language]
    page, markdown = render_html(report, language), render_markdown(report, language)
    assert f"<h3>{title}</h3>" in page
    assert page.count('<polygon class="band"') >= 1
    assert f"### {title}" in markdown
    console = Console(width=80, record=True, file=None)
    with console.capture() as shown:
        console.print(render(report, language), render_curves([report.tasks[0].learning_curves or curves_with({})], language))
    assert shown.get().count("0.533") == 2
    assert max(len(line) for line in shown.get().splitlines()) <= 80


@pytest.mark.parametrize(("right", "said"), [(RISING, True), (FLAT, False)])
def test_get_more_data_names_the_expected_improvement_where_there_is_one(right: tuple[int, ...], said: bool) -> None:
    task = report_with(curves_with({"tuned": right})).tasks[0]
    more = Recommendation(use="more_data", reason="undecided", against="few_shot")
    for use, expected in ((more, said), (task.recommendation, False)):
        for language, part in (("en", "by the learning curve"), ("zh", "按学习曲线")):
            worded = advice(task.model_copy(update={"recommendation": use}), words(language))
            assert (part in worded) is expected
