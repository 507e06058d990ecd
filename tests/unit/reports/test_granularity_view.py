"""Task-LMs of different granularity side by side: which is best, and where that is inconclusive."""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from tests.unit.evaluation.report_builders import (
    CONFIG,
    LABELS,
    examples_of,
    full_report,
    number_task,
    report_on,
    run_of,
    scored_by,
    task_with,
    wrong_after,
)

from anytasktune.evaluation.comparison import build_report, task_report
from anytasktune.records import Language
from anytasktune.reports.overall_view import best_task_lm, sublines, task_lms
from anytasktune.reports.pages import render_html, render_markdown
from anytasktune.reports.report_words import words
from anytasktune.reports.terminal_report import render
from anytasktune.reports.verdict_words import headline
from anytasktune.schema import Report, TaskReport
from anytasktune.settings import System, TrainConfig

REFERENCES = ["租金", "押金", "other"] * 40


def scored(right: dict[System, int], name: str = "topic") -> TaskReport:
    """A task of 120 rows, of which each system answers so many rightly."""
    answers = {system: wrong_after(REFERENCES, count, "x") for system, count in right.items()}
    return report_on(task_with(LABELS, name), examples_of(REFERENCES), answers)


def settled(*tasks: TaskReport) -> Report:
    return build_report("letters", "tiny", tasks, CONFIG, {}, "here", "2026-01-02T03:04:05+00:00")


def three_ways() -> Report:
    """Own wins, mixed wins, inconclusive; the fourth has no action."""
    return settled(
        scored({"base": 10, "few_shot": 20, "tuned": 110, "action": 60, "mixed": 61}, "own"),
        scored({"base": 10, "few_shot": 20, "tuned": 60, "action": 61, "mixed": 110}, "together"),
        scored({"base": 10, "few_shot": 20, "tuned": 60, "action": 61, "mixed": 62}, "nobody"),
        scored({"base": 10, "few_shot": 20, "tuned": 60, "mixed": 110}, "without_action"),
    )


@pytest.mark.parametrize(
    ("right", "best"),
    [
        ({"tuned": 110, "action": 60, "mixed": 60}, "tuned"),
        ({"tuned": 60, "action": 110, "mixed": 60}, "action"),
        ({"tuned": 60, "action": 60, "mixed": 110}, "mixed"),
        ({"tuned": 60, "action": 110, "mixed": 110}, None),
        ({"tuned": 110, "action": 110, "mixed": 60}, None),
        ({"tuned": 100, "action": 101, "mixed": 102}, None),
        ({"tuned": 60, "mixed": 110}, "mixed"),
        ({"action": 110, "mixed": 60}, "action"),
        ({"base": 10, "tuned": 110}, None),
    ],
)
def test_the_best_is_better_than_every_other_one_or_it_is_inconclusive(right: dict[System, int], best: System | None) -> None:
    assert best_task_lm(settled(scored(right)).tasks[0]) == best


def test_for_an_error_the_lowest_is_best() -> None:
    references = [f"{1 + row % 6}.0" for row in range(60)]
    far = [f"{(1 + row % 6) % 6 + 1}.0" for row in range(60)]
    task = report_on(number_task(), examples_of(references), {"tuned": far, "action": references, "mixed": far})
    assert best_task_lm(settled(task).tasks[0]) == "action"


def test_a_best_one_that_does_not_survive_the_correction_is_none() -> None:
    close = {"tuned": 30, "action": 23, "mixed": 23}
    alone = settled(scored(close))
    assert best_task_lm(alone.tasks[0]) == "tuned"
    same = [scored({"tuned": 60, "action": 60, "mixed": 60}, f"same{number}") for number in range(9)]
    assert best_task_lm(settled(scored(close), *same).tasks[0]) is None


def test_the_action_is_tested_against_the_mixed_one_with_its_own_correction() -> None:
    report = three_ways()
    found = [task.action_against_mixed for task in report.tasks if task.action_against_mixed]
    assert [entry.against for entry in found] == ["mixed"] * 3
    assert [entry.verdict for entry in found] == ["inconclusive", "worse", "inconclusive"]
    assert min(entry.p_holm for entry in found) == pytest.approx(3 * min(entry.p_value for entry in found))


def test_without_a_task_lm_of_its_own_a_task_is_compared_by_the_one_it_has() -> None:
    report = settled(scored({"base": 10, "few_shot": 20, "mixed": 110}))
    (task,) = report.tasks
    assert task.subject == "mixed"
    assert [entry.against for entry in task.comparisons] == ["base", "few_shot"]
    assert task.train_rows == 360
    assert task.samples[-1].values["mixed"] < 1
    assert headline(report, words("en")) == "Use the Task-LM."
    assert task_lms(task) == ("mixed",)
    assert "Single-task and multi-task training" not in render_markdown(report)


def test_the_outcome_against_every_opponent_is_stated() -> None:
    assert sublines(three_ways(), words("en")) == [
        "Against the untuned base: 4 better.",
        "Against the few-shot prompted base: 4 better.",
        "Against the Action-LM: 1 better, 2 inconclusive.",
        "Against the Mixed-LM: 1 better, 2 worse, 1 inconclusive.",
    ]
    assert sublines(three_ways(), words("zh"))[2] == "与动作模型相比：1 项更好，2 项无法判断。"


def printed(report: Report, language: Language) -> list[str]:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(render(report, language))
    return capture.get().splitlines()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_terminal_shows_all_of_them_within_80_columns(language: Language) -> None:
    lines = printed(three_ways(), language)
    assert max(cell_len(line) for line in lines) <= 80
    names = {"en": ("Action-LM", "Mixed-LM", "inconclusive"), "zh": ("动作模型", "混合模型", "无法判断")}[language]
    assert all(any(name in line for line in lines) for name in names)


def rows_after(text: str, heading: str) -> list[list[str]]:
    table = re.search(r"(?:^\|.*\|\n)+", text.partition(heading)[2], flags=re.M)
    assert table
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.group().splitlines()]


def test_the_table_names_the_best_granularity_of_each_task_with_the_verdicts() -> None:
    head, _, *rows = rows_after(render_markdown(three_ways()), "## Single-task and multi-task training")
    assert head == ["Task", "Tuned", "Action-LM", "Mixed-LM", "Best"]
    assert [row[1:] for row in rows] == [
        ["0.917", "0.500 ▼", "0.508 ▼", "Tuned"],
        ["0.500", "0.508 ≈", "0.917 ▲", "Mixed-LM"],
        ["0.500", "0.508 ≈", "0.517 ≈", "inconclusive"],
        ["0.500", "–", "0.917 ▲", "Mixed-LM"],
    ]
    assert "Best: Tuned 1, Action-LM 0, Mixed-LM 2, inconclusive 1" in render_markdown(three_ways())


def test_the_page_holds_the_table_and_the_training_data_of_each_task_lm() -> None:
    page = render_html(three_ways())
    assert "Single-task and multi-task training" in page
    assert page.count('class="granularity"') == 1
    assert "Action-LM trained on</dt><dd>2 tasks, 240 rows, 1 min 35 s" in page
    assert "Mixed-LM trained on</dt><dd>3 tasks, 360 rows, 1 min 35 s" in page
    assert "混合模型训练数据</dt><dd>3 项任务，360 条数据，1 分 35 秒" in render_html(three_ways(), "zh")


def test_a_report_of_single_task_lms_has_no_such_table() -> None:
    for form in (render_html, render_markdown):
        assert "Single-task and multi-task training" not in form(full_report())


def caveats(configs: dict[System, TrainConfig], tasks: Sequence[str], split: str = "test") -> dict[str, dict[str, Any]]:
    examples, task = examples_of(REFERENCES), task_with(LABELS)
    entries = scored_by(task, examples, dict.fromkeys(configs, REFERENCES))
    runs = {system: run_of(["topic"] if system == "tuned" else tasks, config) for system, config in configs.items()}
    config = CONFIG.model_copy(update={"split": split})
    return {caveat.code: caveat.values for caveat in task_report(task, examples, entries, runs, config).caveats}


def test_a_task_lm_trained_with_other_settings_is_marked_with_their_names() -> None:
    usual, other = TrainConfig(), TrainConfig(epochs=3, seed=1, micro_batch_tokens=64, sampling_temperature=5)
    found = caveats({"tuned": usual, "mixed": other}, ["topic", "names"])["other_settings"]
    assert words("en").say("caveat.other_settings", **found) == "Mixed-LM was trained with other settings: epochs, seed."
    assert "other_settings" not in caveats({"tuned": usual, "mixed": usual}, ["topic", "names"])


def test_multi_task_training_is_a_caveat_when_evaluated_on_dev_rows() -> None:
    both: dict[System, TrainConfig] = {"tuned": TrainConfig(), "mixed": TrainConfig()}
    assert caveats(both, ["topic", "names"], "dev")["dev_not_sealed"] == {"system": "mixed"}
    assert "dev_not_sealed" not in caveats(both, ["topic", "names"])
