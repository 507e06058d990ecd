"""The matrix of every Task-LM on every task as people read it."""

import re

import pytest
from rich.cells import cell_len
from rich.console import Console
from tests.unit.evaluation.report_builders import CONFIG, full_report
from tests.unit.evaluation.test_task_interference import HELPS_ONE_HARMS_THE_OTHER, matrix_of

from anytasktune.evaluation.comparison import AcrossTasks, build_report
from anytasktune.records import Language
from anytasktune.reports.matrix_view import MatrixView, view_matrix
from anytasktune.reports.pages import render_html, render_markdown
from anytasktune.reports.report_words import words
from anytasktune.reports.terminal_report import render
from anytasktune.schema import Report

UNTOLD = ({"": 10, "topic": 30, "names": 10, "mixed-pool": 33}, {"": 10, "topic": 10, "names": 30, "mixed-pool": 28})


def report_with(topic: dict[str, int], names: dict[str, int]) -> Report:
    matrix = matrix_of(topic, names)
    tasks = full_report().tasks
    return build_report("letters", "tiny", tasks, CONFIG, {}, "here", "2026-01-02T03:04:05+00:00", AcrossTasks(matrix))


def viewed(report: Report, language: Language = "en") -> MatrixView:
    view = view_matrix(report, words(language))
    assert view is not None
    return view


def test_gains_losses_and_transfers_are_sentences_with_their_numbers() -> None:
    assert viewed(report_with(*HELPS_ONE_HARMS_THE_OTHER)).advice == (
        "Mixed-LM is better at Topic of a letter than the Task-LM of the task alone: learn together.",
        "Mixed-LM is worse at Names in a letter than the Task-LM of the task alone: keep apart.",
        "Training on Topic of a letter alone impairs Names in a letter: −0.467 [−0.58, −0.33] against the base model, "
        "p\u00a0<\u00a00.001.",
        "Training on Names in a letter alone also improves Topic of a letter: +0.250 [+0.15, +0.38] against the base model, "
        "p\u00a0<\u00a00.001.",
    )


def test_where_nothing_is_shown_the_report_says_so_once() -> None:
    shown = viewed(report_with(*UNTOLD)).advice
    assert shown == (
        "Mixed-LM: neither a gain nor a loss from learning together is shown for Topic of a letter, Names in a letter.",
    )


def test_a_cell_is_coloured_by_its_distance_from_the_tasks_own_task_lm() -> None:
    rows = {row.name: row.cells for row in viewed(report_with(*HELPS_ONE_HARMS_THE_OTHER)).rows}
    own, mixed, base = rows["Topic of a letter"][0], rows["Mixed-LM"][0], rows["Base"][1]
    assert (own.tone, own.difference, own.learned) == ("own", "", True)
    assert (mixed.score, mixed.difference, mixed.symbol, mixed.tone, mixed.shade) == ("0.833", "+0.333", "▲", "better", 1.0)
    assert (base.tone, base.symbol, base.learned) == ("worse", "▼", False)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_rendering_holds_the_same_numbers(language: Language) -> None:
    report = report_with(*HELPS_ONE_HARMS_THE_OTHER)
    console = Console(width=80, record=True, file=None)
    with console.capture() as captured:
        console.print(render(report, language))
    terminal, page, markdown = captured.get(), render_html(report, language), render_markdown(report, language)
    for line in viewed(report, language).advice:
        assert line in page.replace("&lt;", "<").replace("&#39;", "'")
        assert re.sub(r"\s", "", line) in re.sub(r"\s", "", terminal)
    for text in (terminal, page, markdown):
        assert "0.833" in text
    assert max(cell_len(line) for line in terminal.splitlines()) <= 80


def test_a_report_without_a_matrix_says_nothing_of_it() -> None:
    report = full_report()
    assert view_matrix(report, words("en")) is None
    assert "Across tasks" not in render_html(report) + render_markdown(report)
