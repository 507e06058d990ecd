"""Corrected verdicts → one recommendation that agrees with them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.evaluation.report_builders import (
    CONFIG,
    LABELS,
    examples_of,
    number_task,
    report_on,
    task_with,
    wrong_after,
)

from anytasktune.evaluation.comparison import build_report
from anytasktune.evaluation.recommendation import rows_needed
from anytasktune.schema import Comparison, Interval, Recommendation, TaskReport
from anytasktune.settings import OWN_SYSTEMS, TASK_LMS, System
from anytasktune.settings.systems import general_model, general_system

LABEL_CYCLE = ["租金", "押金", "other"] * 40
BIG, SHOWN = general_system("Org/Big-7B", few_shot=False), general_system("Org/Big-7B", few_shot=True)
QUICK = CONFIG.model_copy(update={"resamples": 100})


def settled(right: dict[System, int], rows: int = 120) -> TaskReport:
    """A task of `rows` rows of which each system answers so many rightly."""
    labels = LABEL_CYCLE[:rows]
    answers = {system: wrong_after(labels, count, "x") for system, count in right.items()}
    report = report_on(task_with(LABELS), examples_of(labels), answers)
    return build_report("d", "m", [report], QUICK, {}, "machine").tasks[0]


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        ({"linear": 60, "base": 0, "few_shot": 70, "tuned": 110}, ("task_lm", "tuned", "beats_all", "few_shot")),
        ({"base": 0, "few_shot": 50, "tuned": 70, "mixed": 110}, ("task_lm", "mixed", "beats_all", "few_shot")),
        ({"linear": 110, "base": 0, "tuned": 60}, ("linear", "linear", "is_better", "linear")),
        ({"linear": 72, "base": 0, "tuned": 70}, ("linear", "linear", "is_as_good", "linear")),
        ({"linear": 60, "few_shot": 110, "tuned": 60}, ("few_shot", "few_shot", "is_better", "few_shot")),
        ({"base": 110, "tuned": 60}, ("base", "base", "is_better", "base")),
        ({"nearest": 110, "base": 0, "tuned": 60}, ("more_data", None, "nearest", "nearest")),
        ({"constant": 60, "base": 0, "tuned": 62}, ("more_data", None, "constant", "constant")),
        ({"base": 0, "few_shot": 60, "tuned": 64}, ("more_data", None, "undecided", "few_shot")),
        (
            {"base": 0, BIG: 110, SHOWN: 112, "tuned": 60},
            ("general_model", SHOWN, "is_better", SHOWN),
        ),
        ({"base": 0, BIG: 72, "tuned": 70}, ("task_lm", "tuned", "matches_general", BIG)),
        ({"base": 0, BIG: 66, "tuned": 70}, ("task_lm", "tuned", "matches_general", BIG)),
        ({"base": 0, BIG: 20, "tuned": 70}, ("task_lm", "tuned", "beats_all", BIG)),
        ({"linear": 72, BIG: 74, "tuned": 70}, ("linear", "linear", "is_as_good", "linear")),
    ],
)
def test_what_to_use_follows_from_the_strongest_opponent_not_from_the_base(
    right: dict[System, int], expected: tuple[str, System | None, str, System]
) -> None:
    found = settled(right).recommendation
    assert found is not None
    assert (found.use, found.system, found.reason, found.against) == expected


def test_there_is_no_recommendation_without_an_opponent() -> None:
    assert settled({"tuned": 60, "mixed": 60}).recommendation is None
    assert settled({"base": 60}).recommendation is None


def test_an_error_is_read_the_other_way_round() -> None:
    references = [f"{1 + row % 6}.0" for row in range(60)]
    near = [f"{1 + row % 6 + 0.1}" for row in range(60)]
    task = report_on(number_task(), examples_of(references), {"base": near, "tuned": ["1.0"] * 60})
    found = build_report("d", "m", [task], QUICK, {}, "machine").tasks[0].recommendation
    assert found == Recommendation(use="base", system="base", reason="is_better", against="base")


def undecided(difference: float, detectable: float, items: int = 20) -> Comparison:
    interval = Interval(value=difference, low=-1, high=1)
    return Comparison(
        against="base",
        difference=interval,
        p_value=0.5,
        p_holm=0.5,
        verdict="inconclusive",
        minimum_detectable=detectable,
        items=items,
    )


def test_the_rows_needed_grow_with_the_square_of_the_missing_precision() -> None:
    assert rows_needed(undecided(0.1, 0.2)) == 80
    assert rows_needed(undecided(-0.1, 0.3)) == 180
    assert rows_needed(undecided(0.0, 0.2)) is None
    assert rows_needed(undecided(0.3, 0.2)) is None
    assert rows_needed(undecided(0.01, 0.2)) is None


SHARES = st.dictionaries(st.sampled_from((*OWN_SYSTEMS, BIG, SHOWN)), st.integers(0, 30), min_size=2)


@given(SHARES.map(lambda right: {**right, "tuned": right.get("tuned", 15)}))
def test_advice_and_caveats_never_contradict_a_verdict(right: dict[System, int]) -> None:
    report = settled(right, rows=30)
    rivals = {entry.against: entry for entry in report.comparisons if entry.against not in TASK_LMS}
    found = report.recommendation
    assert (found is None) == (not rivals)
    if found is not None:
        decisive = {
            system: entry for system, entry in rivals.items() if not general_model(system) or entry.verdict != "inconclusive"
        }
        assert (found.use == "task_lm") == all(entry.verdict == "better" for entry in decisive.values())
        assert found.use in ("task_lm", "more_data") or rivals[found.against].verdict != "better"
        if found.use == "more_data" and found.reason == "undecided":
            assert all(entry.verdict != "worse" for entry in rivals.values())
    for caveat in report.caveats:
        if caveat.code == "small_test_set":
            decided = [abs(entry.difference.value) for entry in report.comparisons if entry.verdict != "inconclusive"]
            assert all(float(caveat.values["smallest"]) < seen + 1e-4 for seen in decided)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_sixteen_right_answers_do_not_promise_that_all_are(metric: str) -> None:
    labels = LABEL_CYCLE[:16]
    task = task_with(LABELS).model_copy(update={"metric": metric})
    (result,) = report_on(task, examples_of(labels), {"tuned": labels}).systems
    assert result.score is not None
    assert result.score.high == 1
    assert result.score.low < 0.9


def test_more_right_answers_never_turn_the_advice_away_from_the_task_lm() -> None:
    worth = {"base": 0, "linear": 0, "few_shot": 0, "more_data": 1, "task_lm": 2}
    found = [settled({"few_shot": 60, "tuned": right}).recommendation for right in range(40, 121, 10)]
    assert all(worth[one.use] <= worth[other.use] for one, other in pairwise(found) if one and other)
