"""Scores of several systems → what may be said of them."""

import pytest
from tests.unit.evaluation.report_builders import (
    CONFIG,
    LABELS,
    examples_of,
    full_report,
    number_task,
    predictions_of,
    report_on,
    runs_of,
    scored_by,
    task_with,
    wrong_after,
)

from anytasktune.errors import EvaluationError
from anytasktune.evaluation.comparison import build_report, task_report
from anytasktune.evaluation.scoring import score_system
from anytasktune.evaluation.verdicts import verdict_on
from anytasktune.outputs import JsonOutput, TextOutput
from anytasktune.reports.report_words import words
from anytasktune.schema import Caveat, Report, TaskReport
from anytasktune.settings import System

MANY = ["租金", "押金", "other"] * 40


def caveat_codes(report: TaskReport) -> set[str]:
    return {caveat.code for caveat in report.caveats}


def test_verdicts_are_better_inconclusive_and_worse() -> None:
    report = full_report()
    verdicts = {(task.task, entry.against): entry.verdict for task in report.tasks for entry in task.comparisons}
    assert verdicts == {
        ("topic", "base"): "better",
        ("topic", "few_shot"): "better",
        ("names", "base"): "inconclusive",
        ("names", "few_shot"): "inconclusive",
        ("summary", "base"): "worse",
        ("summary", "few_shot"): "worse",
    }


def test_for_an_error_lower_is_better() -> None:
    references = [f"{1 + row % 6}.0" for row in range(60)]
    far = [f"{(1 + row % 6) % 6 + 1}.0" for row in range(60)]
    report = report_on(number_task(), examples_of(references), {"base": far, "tuned": references})
    (comparison,) = report.comparisons
    assert report.lower_is_better
    assert comparison.difference.value < 0
    assert comparison.verdict == "better"
    assert verdict_on(0.3, 0.001, lower_is_better=True, alpha=0.05) == "worse"


def test_number_tasks_report_the_rank_correlation_over_the_answers_that_hold_a_number() -> None:
    references = [f"{1 + row % 6}.0" for row in range(12)]
    answers = ["none", *references[1:]]
    report = report_on(number_task(), examples_of(references), {"base": ["4"] * 12, "tuned": answers})
    base, tuned = report.systems
    assert base.rank_correlation is None
    assert tuned.rank_correlation == pytest.approx(1.0)
    assert tuned.score is not None
    assert tuned.score.value == pytest.approx(6 / 12)


def test_unscored_answers_are_excluded_from_scores_and_comparisons() -> None:
    examples = examples_of(MANY)
    base = predictions_of("base", examples, ["other"] * 120, failed=[0, 1, 2])
    tuned = predictions_of("tuned", examples, MANY, failed=[2, 3])
    task = task_with(LABELS)
    scored = [score_system(task, examples, base), score_system(task, examples, tuned)]
    report = task_report(task, examples, scored, runs_of(["tuned"]), CONFIG)
    assert [(result.scored, result.unscored) for result in report.systems] == [(117, 3), (118, 2)]
    assert report.systems[1].score is not None
    assert report.systems[1].score.value == 1.0
    assert report.comparisons[0].items == 116
    values = {"count": 3, "system": "base", "reason": "the prompt does not fit"}
    assert report.caveats[0] == Caveat(code="unscored", values=values)
    assert report.systems[0].unscored_reasons == {"the prompt does not fit": 3}


def test_a_system_without_any_score_is_not_compared_and_the_report_says_so() -> None:
    examples = examples_of(MANY)
    task = task_with(LABELS)
    scored = [
        score_system(task, examples, predictions_of("base", examples, MANY, failed=range(120))),
        score_system(task, examples, predictions_of("tuned", examples, MANY)),
    ]
    report = task_report(task, examples, scored, {}, CONFIG)
    assert report.systems[0].score is None
    assert report.comparisons == []
    assert {"unscored", "not_compared"} <= caveat_codes(report)


def test_a_small_test_set_is_a_caveat_with_the_minimum_detectable_difference() -> None:
    labels = MANY[:24]
    answers = {"base": wrong_after(labels, 12, "other"), "tuned": wrong_after(labels, 14, "other")}
    report = report_on(task_with(LABELS), examples_of(labels), answers)
    (comparison,) = report.comparisons
    assert comparison.verdict == "inconclusive"
    assert comparison.minimum_detectable > comparison.difference.value
    smallest = round(comparison.minimum_detectable, 4)
    assert report.caveats[0] == Caveat(code="small_test_set", values={"count": 24, "smallest": smallest, "system": "base"})


def test_a_caveat_does_not_contradict_a_verdict() -> None:
    """Once "a difference below 0.38 cannot be detected" stood under "+0.285 better"."""
    labels = MANY[:60]
    answers = {
        "base": wrong_after(labels, 30, "other"),
        "few_shot": wrong_after(labels, 41, "other"),
        "tuned": wrong_after(labels, 44, "other"),
    }
    report = build_report("d", "m", [report_on(task_with(LABELS), examples_of(labels), answers)], CONFIG, {}, "machine").tasks[
        0
    ]
    base, few_shot = report.comparisons
    assert (base.verdict, few_shot.verdict) == ("better", "inconclusive")
    smallest = round(few_shot.minimum_detectable, 4)
    assert report.caveats[0].values == {"count": 60, "smallest": smallest, "system": "few_shot"}
    decided = report_on(task_with(LABELS), examples_of(labels), {name: answers[name] for name in ("base", "tuned")})
    assert "small_test_set" not in caveat_codes(decided)


def test_a_verdict_lost_to_the_correction_gains_the_caveat_of_a_small_test_set() -> None:
    labels = MANY[:60]
    near = {"base": ["x"] * 7 + labels[7:], "tuned": labels}
    task = report_on(task_with(LABELS), examples_of(labels), near)
    assert task.comparisons[0].verdict == "better"
    assert "small_test_set" not in caveat_codes(task)
    many = [task.model_copy(update={"task": f"task_{number}"}) for number in range(9)]
    corrected = build_report("d", "m", many, CONFIG, {}, "machine").tasks[0]
    assert corrected.comparisons[0].verdict == "inconclusive"
    assert "small_test_set" in caveat_codes(corrected)


def test_rows_of_one_source_are_compared_together_and_few_sources_are_a_caveat() -> None:
    labels = MANY[:60]
    answers = {"base": wrong_after(labels, 48, "other"), "tuned": labels}

    def report(sources: int) -> TaskReport:
        rows = [row.model_copy(update={"source": f"s{n % sources}"}) for n, row in enumerate(examples_of(labels))]
        return report_on(task_with(LABELS), rows, answers)

    alone, together, few = report(60), report(12), report(3)
    assert alone.comparisons[0].items == together.comparisons[0].items == 60
    assert alone.systems[0].score is not None
    assert together.systems[0].score is not None
    assert alone.systems[0].score.value == pytest.approx(together.systems[0].score.value)
    assert alone.systems[0].score.low != together.systems[0].score.low
    assert few.comparisons[0].p_value == alone.comparisons[0].p_value
    assert [code for code in ("few_sources",) if code in caveat_codes(few)] == ["few_sources"]
    assert "few_sources" not in caveat_codes(alone) | caveat_codes(together)


def test_caveats_name_rows_left_out_truncated_answers_and_rough_metrics() -> None:
    texts = [f"summary number {row}" for row in range(120)]
    examples = examples_of(texts)
    task = task_with(TextOutput(kind="text"))
    cut = predictions_of("base", examples, texts, cut=range(12))
    report = task_report(
        task, examples, [score_system(task, examples, cut), *scored_by(task, examples, {"tuned": texts})], {}, CONFIG, 500
    )
    sentences = [words("en").say(f"caveat.{caveat.code}", **caveat.values) for caveat in report.caveats]
    assert sentences[0] == "Evaluated on the first 120 of 500 test rows."
    assert sentences[1] == "10% of answers were truncated at the length limit (base)."
    assert sentences[2].startswith("ROUGE-L is only a rough guide")


def test_generated_test_rows_are_a_caveat() -> None:
    examples, task = examples_of(MANY), task_with(LABELS)
    scored = scored_by(task, examples, {"base": MANY, "tuned": MANY})
    report = task_report(task, examples, scored, {}, CONFIG, generated_rows=30)
    assert report.caveats[0] == Caveat(code="generated_test_rows", values={"count": 30, "rows": 120})
    assert "generated_test_rows" not in caveat_codes(task_report(task, examples, scored, {}, CONFIG))


def test_a_model_that_only_gives_the_commonest_answer_does_not_beat_the_constant_answer() -> None:
    labels = ["other"] * 110 + ["租金"] * 10
    answers: dict[System, list[str]] = {"constant": ["other"] * 120, "base": ["x"] * 120, "tuned": ["other"] * 120}
    report = report_on(task_with(LABELS), examples_of(labels), answers)
    assert [(entry.against, entry.verdict) for entry in report.comparisons] == [
        ("constant", "inconclusive"),
        ("base", "better"),
    ]


def test_a_report_without_simple_baselines_says_so() -> None:
    examples, config = examples_of(MANY), CONFIG.model_copy(update={"simple_baselines": False})
    scored = scored_by(task_with(LABELS), examples, {"tuned": MANY})
    assert "no_simple_baselines" in caveat_codes(task_report(task_with(LABELS), examples, scored, {}, config))
    assert "no_simple_baselines" not in caveat_codes(task_report(task_with(LABELS), examples, scored, {}, CONFIG))


def test_broken_rules_are_counted_and_lower_the_share_of_well_formed_answers() -> None:
    objects = ['{"a": 1}'] * 4
    answers = ['{"a": 1}', "{", "", '{"a": 1, "a": 1}']
    report = report_on(task_with(JsonOutput(kind="json")), examples_of(objects), {"base": answers})
    (base,) = report.systems
    assert base.well_formed == 0.25
    assert base.broken_rules == {"bad_json": 1, "empty_output": 1, "duplicate_key": 1}


def test_an_answer_cut_at_the_length_limit_is_not_well_formed() -> None:
    texts = [f"summary {row}" for row in range(10)]
    examples, task = examples_of(texts), task_with(TextOutput(kind="text"))
    scored = score_system(task, examples, predictions_of("base", examples, texts, cut=range(7)))
    (base,) = task_report(task, examples, [scored], {}, CONFIG).systems
    assert base.well_formed == pytest.approx(0.3)
    assert base.broken_rules == {"truncated": 7}


def test_an_answer_that_was_closed_at_the_length_limit_is_well_formed_and_still_counts_as_truncated() -> None:
    texts = [f"summary {row}" for row in range(10)]
    examples, task = examples_of(texts), task_with(TextOutput(kind="text"))
    made = predictions_of("base", examples, texts, cut=range(7))
    closed = [prediction.model_copy(update={"corrected": prediction.truncated}) for prediction in made.predictions]
    scored = score_system(task, examples, made.model_copy(update={"predictions": closed}))
    (base,) = task_report(task, examples, [scored], {}, CONFIG).systems
    assert (base.well_formed, base.truncated, base.broken_rules) == (1.0, 7, {})


def test_p_values_are_corrected_over_the_tasks_of_the_report_for_each_opponent() -> None:
    report = full_report()
    for opponent in ("base", "few_shot"):
        raw = {t.task: c.p_value for t in report.tasks for c in t.comparisons if c.against == opponent}
        corrected = {t.task: c.p_holm for t in report.tasks for c in t.comparisons if c.against == opponent}
        assert min(corrected.values()) == pytest.approx(3 * min(raw.values()))
        assert all(corrected[name] >= raw[name] for name in raw)


def test_a_difference_that_does_not_survive_the_correction_is_inconclusive() -> None:
    labels = MANY[:60]
    answers = {"base": wrong_after(labels, 30, "x"), "tuned": wrong_after(labels, 37, "x")}
    single = report_on(task_with(LABELS), examples_of(labels), answers)
    assert single.comparisons[0].verdict == "better"
    same = [report_on(task_with(LABELS, f"same{n}"), examples_of(labels), {"base": labels, "tuned": labels}) for n in range(9)]
    report = build_report("letters", "tiny", [single, *same], CONFIG, {}, "")
    assert report.tasks[0].comparisons[0].p_holm == pytest.approx(10 * single.comparisons[0].p_value)
    assert report.tasks[0].comparisons[0].verdict == "inconclusive"


def test_samples_are_drawn_at_random_and_then_show_where_the_tuned_model_is_worst() -> None:
    report = full_report().tasks[2]
    picked = [sample.picked for sample in report.samples]
    assert picked == ["random"] * 3 + ["worst"] * 2
    assert len({sample.input for sample in report.samples}) == 5
    assert all(sample.values["tuned"] < 1 for sample in report.samples[3:])


def test_a_system_evaluated_on_other_rows_is_refused() -> None:
    task, examples = task_with(LABELS), examples_of(MANY)
    scored = scored_by(task, examples[:10], {"base": MANY[:10]})
    with pytest.raises(EvaluationError, match="base was evaluated on other rows"):
        task_report(task, examples, scored, {}, CONFIG)
    with pytest.raises(EvaluationError, match="no rows to evaluate on"):
        task_report(task, [], [], {}, CONFIG)


def test_the_id_of_a_report_depends_on_its_content_and_not_on_the_time() -> None:
    tasks = full_report().tasks
    first = build_report("letters", "tiny", tasks, CONFIG, {}, "here", "2026-01-01T00:00:00+00:00")
    second = build_report("letters", "tiny", tasks, CONFIG, {}, "here")
    assert first.id == second.id
    assert build_report("letters", "tiny", tasks[:1], CONFIG, {}, "here").id != first.id


def test_a_report_survives_being_written_and_read() -> None:
    report = full_report()
    assert Report.model_validate_json(report.model_dump_json()) == report
