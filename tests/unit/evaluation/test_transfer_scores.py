"""What training on one language brings to the other: scores by language, paired differences, and their correction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests
from tests.unit.evaluation.report_builders import CONFIG, predictions_of
from tests.unit.evaluation.test_bilingual import bilingual

from anytasktune.evaluation.bilingual import correct_transfers
from anytasktune.evaluation.scoring import score_system
from anytasktune.evaluation.transfer_scores import TrainedAnswers, language_transfer
from anytasktune.outputs import NumberOutput
from anytasktune.records import Language
from anytasktune.reports.report_words import words
from anytasktune.reports.terminal_transfer import render_transfers
from anytasktune.reports.transfer_view import view_transfers
from anytasktune.schema import Example, Task
from anytasktune.schema.language_transfer import LanguageTransfer, TrainedOn

MODELS: tuple[TrainedOn, ...] = ("base", "en", "zh", "both")
Rights = dict[TrainedOn, tuple[set[int], set[int]]]


def transferred(rights: Rights, english: int = 20, chinese: int = 20, task: Task | None = None) -> LanguageTransfer:
    """Models that are right in the given English and Chinese rows, which take turns."""
    task = task or bilingual()
    right, wrong = ("rent", "other") if task.output.kind == "label" else ("5", "1")
    rows = [Example(input=f"letter {n}", output=right, language="en") for n in range(english)]
    rows += [Example(input=f"第{n}封信", output=right, language="zh") for n in range(chinese)]
    rows.sort(key=lambda row: row.input[-3:])
    answers = {}
    for trained_on, (in_english, in_chinese) in rights.items():
        known = {f"letter {n}" for n in in_english} | {f"第{n}封信" for n in in_chinese}
        outputs = [right if row.input in known else wrong for row in rows]
        scored = score_system(task, rows, predictions_of("tuned", rows, outputs))
        answers[trained_on] = TrainedAnswers(scored, 0 if trained_on == "base" else 60)
    return language_transfer(task, rows, ("rows", "test"), answers, CONFIG)


CLEAR: Rights = {
    "base": (set(range(2)), set(range(2))),
    "en": (set(range(18)), set(range(15))),
    "zh": (set(range(3)), set(range(16))),
    "both": (set(range(19)), set(range(17))),
}


def test_scores_and_differences_are_those_of_the_rows_of_one_language() -> None:
    found = transferred(CLEAR)
    english = {model.trained_on: model.scores["en"].value for model in found.models}
    assert english == pytest.approx({"base": 0.1, "en": 0.9, "zh": 0.15, "both": 0.95})
    by_question = {(one.language, one.question): one for one in found.differences}
    assert by_question["zh", "reaches"].difference.value == pytest.approx(0.65)
    assert by_question["zh", "reaches"].verdict == "better"
    assert by_question["en", "reaches"].verdict == "inconclusive"
    assert by_question["en", "replaces"].difference.value == pytest.approx(-0.75)
    assert by_question["en", "replaces"].verdict == "worse"
    assert by_question["en", "adds"].difference.value == pytest.approx(0.05)
    assert all(one.items == 20 for one in found.differences)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_table_fits_80_columns_under_any_title(language: Language) -> None:
    task = bilingual().model_copy(update={"title": {"en": "Which of the many teams gets the message", "zh": "消息" * 30}})
    console = Console(width=80)
    with console.capture() as shown:
        console.print(render_transfers([transferred(CLEAR, task=task)], language))
    assert "…" not in shown.get()
    assert "0.150 0.04–0.35  ▼ −0.750" in shown.get()


right_rows = st.sets(st.integers(0, 11))


@given(st.fixed_dictionaries({model: st.tuples(right_rows, right_rows) for model in MODELS}))
def test_p_values_are_mcnemars_on_the_rows_of_the_language(rights: Rights) -> None:
    found = transferred(rights, 12, 12)
    for one in found.differences:
        place = ("en", "zh").index(one.language)
        ours, theirs = rights[one.first][place], rights[one.second][place]
        differ = len(ours ^ theirs)
        exact = binomtest(len(ours - theirs), differ).pvalue if differ else 1.0
        assert one.p_value == pytest.approx(exact, abs=1e-9)
        assert one.difference.value == pytest.approx((len(ours) - len(theirs)) / 12, abs=1e-9)


def test_p_values_are_corrected_over_languages_and_tasks_for_each_question_apart() -> None:
    tasks = [transferred(CLEAR, task=bilingual(name=name)) for name in ("first", "second", "third")]
    corrected = correct_transfers(tasks, CONFIG.significance)
    for question in ("reaches", "replaces", "adds"):
        family = [one for task in corrected for one in task.differences if one.question == question]
        expected = multipletests([one.p_value for one in family], method="holm")[1]
        assert [one.p_holm for one in family] == pytest.approx(list(expected), abs=1e-9)
        assert len(family) == 6
    assert [task.id for task in corrected] == [task.id for task in tasks]


def test_of_an_error_the_lower_one_is_better() -> None:
    task = bilingual(NumberOutput(kind="number", minimum=1, maximum=7))
    found = transferred(CLEAR, task=task)
    verdicts = {(one.language, one.question): one.verdict for one in found.differences}
    assert (verdicts["zh", "reaches"], verdicts["en", "replaces"]) == ("better", "worse")
    view = view_transfers([found], words("en"))
    assert view is not None
    assert view.rows[0].metric == "Mean absolute error, lower is better"


def test_findings_say_what_follows_in_both_languages() -> None:
    for language, reaches, needs in (
        ("en", "training on English alone also improves Chinese", "English needs training rows of its own"),
        ("zh", "只用英文训练，中文也有提高", "英文需要自己的训练数据"),
    ):
        view = view_transfers([transferred(CLEAR)], words(language))
        assert view is not None
        assert any(reaches in line for line in view.findings)
        assert any(needs in line for line in view.findings)
        assert not any("also improves English" in line for line in view.findings)
        assert [[cell.difference for cell in row.cells] for row in view.rows][1:] == [
            ["", "≈ −0.050"],
            ["▼ −0.750", ""],
            ["≈ +0.050", "≈ +0.050"],
        ]
    alike: Rights = dict.fromkeys(MODELS, (set(range(10)), set(range(10))))
    view = view_transfers([transferred(alike)], words("en"))
    assert view is not None
    assert view.findings == (words("en").say("transfer.nothing"),)
    assert view_transfers([], words("en")) is None
