"""English against Chinese on one task, and answers in the wrong script."""

import pytest
from statsmodels.stats.multitest import multipletests
from tests.unit.evaluation.report_builders import CONFIG, predictions_of, runs_of

from anytasktune.evaluation.bilingual import is_other_script
from anytasktune.evaluation.comparison import build_report, task_report
from anytasktune.evaluation.scoring import score_system
from anytasktune.outputs import JsonOutput, LabelOutput, NumberOutput, Output, TextOutput
from anytasktune.records import Language
from anytasktune.reports.pages import render_html, render_markdown
from anytasktune.reports.parity_view import view_parity
from anytasktune.reports.report_words import words
from anytasktune.schema import Example, Report, Task, TaskReport
from anytasktune.settings import System

LABELS = LabelOutput(kind="label", labels=["rent", "other"])
TEXT = TextOutput(kind="text")
ENGLISH, CHINESE = "The tenant owes rent.", "承租人欠付租金。"


def bilingual(output: Output = LABELS, name: str = "topic", languages: tuple[Language, ...] = ("en", "zh")) -> Task:
    instruction = dict.fromkeys(languages, "Do it.")
    return Task.model_validate({"name": name, "instruction": instruction, "output": output})


def reported(task: Task, answers: dict[System, tuple[list[str], list[str]]], references: tuple[str, str]) -> TaskReport:
    """A report over as many English and Chinese rows as there are answers in each language."""
    english, chinese = next(iter(answers.values()))
    rows = [Example(input=f"letter {n}", output=references[0], language="en") for n in range(len(english))]
    rows += [Example(input=f"第{n}封信", output=references[1], language="zh") for n in range(len(chinese))]
    scored = [score_system(task, rows, predictions_of(system, rows, [*en, *zh])) for system, (en, zh) in answers.items()]
    return task_report(task, rows, scored, runs_of(answers), CONFIG)


def whole(*tasks: TaskReport) -> Report:
    return build_report("letters", "tiny", tasks, CONFIG, {}, "here", "2026-01-02T03:04:05+00:00")


def right(count: int, rows: int) -> list[str]:
    return ["rent"] * count + ["other"] * (rows - count)


BETTER_IN_ENGLISH: dict[System, tuple[list[str], list[str]]] = {
    "base": (right(5, 30), right(6, 20)),
    "tuned": (right(29, 30), right(6, 20)),
}


def test_a_clear_difference_names_the_better_language() -> None:
    task = reported(
        bilingual(), {"base": (right(5, 30), right(6, 20)), "tuned": (right(29, 30), right(6, 20))}, ("rent", "rent")
    )
    base, tuned = whole(task).tasks[0].parity
    assert (tuned.verdict, base.verdict) == ("en", "inconclusive")
    assert tuned.rows == {"en": 30, "zh": 20}
    assert tuned.difference.value == pytest.approx(29 / 30 - 6 / 20)
    assert {language: score.value for language, score in tuned.scores.items()} == pytest.approx({"en": 29 / 30, "zh": 0.3})


def test_of_an_error_the_lower_one_is_better() -> None:
    numbers = NumberOutput(kind="number", minimum=1, maximum=7)
    task = reported(bilingual(numbers), {"base": (["5"] * 20, ["1"] * 20), "tuned": (["5"] * 20, ["1"] * 20)}, ("5", "5"))
    assert {entry.verdict for entry in whole(task).tasks[0].parity} == {"en"}


def test_p_values_are_corrected_over_the_tasks_system_by_system() -> None:
    tasks = [
        reported(
            bilingual(name=name),
            {"base": (right(9, 20), right(9, 20)), "tuned": (right(en, 20), right(zh, 20))},
            ("rent", "rent"),
        )
        for name, en, zh in (("first", 18, 11), ("second", 17, 9), ("third", 10, 12))
    ]
    tuned = [entry for task in whole(*tasks).tasks for entry in task.parity if entry.system == "tuned"]
    expected = multipletests([entry.p_value for entry in tuned], method="holm")[1]
    assert [entry.p_holm for entry in tuned] == pytest.approx(list(expected), abs=1e-9)


def test_tasks_of_one_language_or_with_few_rows_of_one_say_nothing() -> None:
    one = bilingual(languages=("en",))
    assert reported(one, {"tuned": (right(9, 20), right(9, 20))}, ("rent", "rent")).parity == []
    few = reported(bilingual(), {"tuned": (right(9, 20), right(5, 9))}, ("rent", "rent"))
    assert few.parity == []
    assert view_parity(whole(few), words("en")) is None
    assert "English against Chinese" not in render_html(whole(few))


def test_answers_in_the_wrong_script_are_counted_where_the_reference_is_not() -> None:
    task = bilingual(TEXT)
    answers = (
        [ENGLISH] * 17 + [CHINESE] * 3,
        [CHINESE] * 8 + [ENGLISH, f"{CHINESE}{ENGLISH} It has to be paid by him at once.", "", "12"],
    )
    (tuned,) = reported(task, {"tuned": answers}, (ENGLISH, CHINESE)).parity
    assert (tuned.other_script, tuned.free_text) == ({"en": 3, "zh": 2}, {"en": 20, "zh": 12})
    (name,) = reported(task, {"tuned": answers}, ("张三", "ACME Ltd")).parity
    assert (name.other_script, name.free_text) == ({"en": 0, "zh": 0}, {"en": 0, "zh": 0})


def test_labels_numbers_and_keys_of_json_have_no_script_of_their_own() -> None:
    assert not is_other_script(bilingual(), "rent", "zh")
    assert not is_other_script(bilingual(JsonOutput(kind="json")), '{"tenant name": "张三"}', "zh")
    assert is_other_script(bilingual(JsonOutput(kind="json")), '{"tenant name": "张三"}', "en")


@pytest.mark.parametrize(("language", "title"), [("en", "English against Chinese"), ("zh", "英文与中文对比")])
def test_pages_show_scores_findings_and_scripts(language: Language, title: str) -> None:
    text = bilingual(TEXT, "reply")
    given = {"base": ([ENGLISH] * 20, [ENGLISH] * 20), "tuned": ([ENGLISH] * 19 + [CHINESE], [ENGLISH] * 20)}
    labels = reported(
        bilingual(), {"base": (right(5, 30), right(6, 20)), "tuned": (right(29, 30), right(6, 20))}, ("rent", "rent")
    )
    report = whole(labels, reported(text, given, (ENGLISH, CHINESE)))
    view = view_parity(report, words(language))
    assert view is not None
    assert len(view.findings) == 4
    for page in (render_html(report, language), render_markdown(report, language)):
        assert title in page
        assert "20/20" in page
        assert "0.967" in page
