"""Judge-scored results in a report, in two languages and three forms."""

import pytest
from rich.console import Console
from tests.unit.evaluation.report_builders import full_report

from anytasktune.records import Language
from anytasktune.reports.judge_view import view_judged
from anytasktune.reports.pages import render_html, render_markdown
from anytasktune.reports.report_words import words
from anytasktune.reports.terminal_report import render
from anytasktune.schema import Interval, Report
from anytasktune.schema.judgement import JudgeAgreement, JudgeAudit, JudgedScore, JudgedScores

FAIR = JudgeAudit(pairs=40, flipped=4, first_favoured=2, position_p=1.0, repeated=40, raised=1, lowered=2, length_p=1.0)
BIASED = JudgeAudit(
    pairs=40,
    flipped=18,
    first_favoured=17,
    position_p=0.0001,
    repeated=40,
    raised=22,
    lowered=1,
    length_p=0.00001,
    same_family=["tuned"],
    agreement=JudgeAgreement(answers=40, correlation=0.61, low=0.35, high=0.78, lenience=0.12, length_correlation=0.3),
)


def judged(audit: JudgeAudit, correction: str = "own") -> JudgedScores:
    systems = [
        JudgedScore.model_validate(
            {
                "system": system,
                "score": Interval(value=value, low=value - 0.1, high=value + 0.1),
                "own_mean": value + 0.12,
                "judged": 58,
                "unjudged": 2,
                "human_marks": 20,
                "correction": correction,
            }
        )
        for system, value in (("base", 0.2), ("few_shot", 0.5), ("tuned", 0.7))
    ]
    rubric = {"en": ["It answers.", "It invents nothing."], "zh": ["回答了问题。", "没有编造。"]}
    return JudgedScores.model_validate(
        {
            "judgement": "j",
            "judge": "qwen-max",
            "criteria": rubric,
            "human_marks": 40 if correction != "none" else 3,
            "systems": systems,
            "audit": audit,
        }
    )


def report_with(scores: JudgedScores) -> Report:
    report = full_report()
    *others, text = report.tasks
    return report.model_copy(update={"tasks": [*others, text.model_copy(update={"judged": scores})]})


def test_a_fair_judge_gets_no_warning_but_for_missing_human_marks() -> None:
    found = view_judged(judged(FAIR, "none"), words("en"))
    assert [sentence.split(";")[0] for is_warning, sentence in found.audit if is_warning] == [
        "Only 3 answers are marked by people"
    ]
    assert found.rows[0].judged == "58 of 60"
    assert found.rows[0].human == "–"


def test_each_bias_is_a_warning() -> None:
    warnings = [sentence for is_warning, sentence in view_judged(judged(BIASED), words("en")).audit if is_warning]
    assert [sentence.partition(":")[0] for sentence in warnings] == ["Order", "Length", "Family"]
    assert "17 of them always the one shown first" in warnings[0]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_form_of_the_report_labels_judged_scores_as_such(language: Language) -> None:
    report = report_with(judged(BIASED))
    title = {"en": "Marks of an LLM judge", "zh": "大模型评判打分"}[language]
    page, markdown = render_html(report, language), render_markdown(report, language)
    assert title in page
    assert page.count('<li class="warning">') == 3
    assert f"### {title}" in markdown
    console = Console(width=80)
    with console.capture() as shown:
        console.print(render(report, language))
    assert title in shown.get()
    assert max(len(line) for line in shown.get().splitlines()) <= 80
