"""General instructions: the set itself, the rules that mark answers, and what counts as forgotten."""

from collections import Counter
from collections.abc import Sequence

import pytest
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests
from tests.unit.evaluation.report_builders import CONFIG, full_report, predictions_of
from tests.unit.evaluation.test_task_interference import HELPS_ONE_HARMS_THE_OTHER, LABELS, matrix_of, task_with

from anytasktune.errors import EvaluationError
from anytasktune.evaluation.comparison import AcrossTasks, build_report
from anytasktune.evaluation.forgetting_guard import general_items, general_rows, is_right, measure_forgetting
from anytasktune.records import Language
from anytasktune.reports.forgetting_view import view_forgetting
from anytasktune.reports.pages import render_html, render_markdown
from anytasktune.reports.report_words import words
from anytasktune.schema import PredictionSet
from anytasktune.schema.forgetting import InstructionItem
from anytasktune.schema.task_matrix import MatrixModel
from anytasktune.settings import EvalConfig

ITEMS = general_items()
MODELS = [
    MatrixModel(target="topic", system="tuned", learned=["topic"], run="r1"),
    MatrixModel(target="mixed-pool", system="mixed", learned=["topic", "names"], run="r2"),
]


def answers(right: Sequence[bool], failed: Sequence[int] = ()) -> PredictionSet:
    given = [item.accept[0] if mark else "nonsense" for item, mark in zip(ITEMS, right, strict=True)]
    return predictions_of("tuned", general_rows(), given, failed=failed)


def first(count: int) -> list[bool]:
    return [row < count for row in range(len(ITEMS))]


def test_the_set_has_eighty_different_items_of_five_kinds_in_two_languages() -> None:
    assert Counter(item.language for item in ITEMS) == {"en": 40, "zh": 40}
    assert set(Counter((item.language, item.kind) for item in ITEMS).values()) == {8}
    assert len({item.id for item in ITEMS}) == len({item.input for item in ITEMS}) == 80


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.id)
def test_every_accepted_answer_passes_and_other_options_and_the_question_do_not(item: InstructionItem) -> None:
    assert all(is_right(item, f" {accepted}. ") for accepted in item.accept)
    assert (item.check == "choice") == bool(item.options)
    assert not any(is_right(item, option) for option in item.options if option not in item.accept)
    assert not is_right(item, "")
    assert not is_right(item, "nonsense")
    assert not is_right(item, item.input), "an echo of the question is no answer"


def test_answers_are_marked_by_the_rule_of_their_item() -> None:
    items = {item.id: item for item in ITEMS}
    assert is_right(items["en-01"], "Twelve.")
    assert not is_right(items["en-01"], "It is 12")
    assert not is_right(items["en-10"], "yes")
    assert is_right(items["en-05"], "They cost 12 dollars.")
    assert not is_right(items["en-05"], "They cost 112 dollars.")
    assert is_right(items["en-34"], "No, Tom is taller. Yes.")
    assert not is_right(items["zh-36"], "能，还有座位。")
    assert is_right(items["zh-36"], "不能，都售完了。")


def test_what_was_forgotten_is_tested_exactly_and_corrected_over_the_task_lms() -> None:
    found = measure_forgetting(
        MODELS, {"": answers(first(50)), "topic": answers(first(30)), "mixed-pool": answers(first(47))}, CONFIG
    )
    raw = [binomtest(0, different, 0.5).pvalue for different in (20, 3)]
    assert [one.p_value for one in found.models] == pytest.approx(raw, abs=1e-9)
    assert [one.p_holm for one in found.models] == pytest.approx(list(multipletests(raw, method="holm")[1]), abs=1e-9)
    assert [one.verdict for one in found.models] == ["worse", "inconclusive"]
    assert found.models[0].difference.value == pytest.approx(-0.25)
    assert [lost.id for lost in found.models[0].lost] == [item.id for item in ITEMS[30:50]]
    assert not found.is_over_budget


@pytest.mark.parametrize(("budget", "over"), [(0.0, True), (0.05, True), (0.2, False), (0.5, False)])
def test_a_drop_is_over_budget_where_its_whole_interval_is(budget: float, over: bool) -> None:
    config = EvalConfig(resamples=400, forgetting_budget=budget)
    found = measure_forgetting(MODELS[:1], {"": answers(first(50)), "topic": answers(first(30))}, config)
    assert found.models[0].difference.high < 0
    assert (found.is_over_budget, found.models[0].over_budget) == (over, over)


def test_other_tasks_are_held_to_the_budget_where_the_matrix_is_there() -> None:
    matrix = matrix_of(*HELPS_ONE_HARMS_THE_OTHER)
    same = {"": answers(first(50)), "topic": answers(first(50))}
    tasks = [task_with(LABELS, "topic"), task_with(LABELS, "names")]
    for budget, expected in ((0.1, [("topic", "names")]), (0.45, [])):
        config = EvalConfig(resamples=400, forgetting_budget=budget)
        found = measure_forgetting(MODELS[:1], same, config, matrix, tasks)
        assert [(one.target, one.task) for one in found.tasks_over_budget] == expected
        assert found.is_over_budget == bool(expected)


def test_instructions_without_an_answer_are_left_out_of_the_comparison() -> None:
    given = {"": answers(first(50)), "topic": answers(first(50), failed=[0, 79])}
    found = measure_forgetting(MODELS[:1], given, CONFIG)
    assert found.models[0].difference.value == 0
    assert found.models[0].lost == []


def test_answers_to_other_instructions_are_refused() -> None:
    other = answers(first(50))
    other = other.model_copy(update={"predictions": other.predictions[::-1]})
    with pytest.raises(EvaluationError, match="not answers to the general instructions"):
        measure_forgetting(MODELS[:1], {"": other, "topic": other}, CONFIG)


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Larger drop than the 0.05 allowed: Task-LM of Topic of a letter."),
        ("zh", "下降超过允许的 0.05：来信主题的 Task-LM。"),
    ],
)
def test_pages_name_what_was_lost_and_who_is_over_budget(language: Language, sentence: str) -> None:
    config = EvalConfig(resamples=400, forgetting_budget=0.05)
    found = measure_forgetting(
        MODELS, {"": answers(first(50)), "topic": answers(first(30)), "mixed-pool": answers(first(50))}, config
    )
    report = build_report(
        "letters", "tiny", full_report().tasks, config, {}, "here", "2026-01-02", AcrossTasks(forgetting=found)
    )
    view = view_forgetting(report, words(language))
    assert view is not None
    assert sentence in view.findings
    for page in (render_html(report, language), render_markdown(report, language)):
        assert sentence in page
        assert "−0.250" in page
    assert "en-31" in render_html(report, language)
