"""The cost of answers and the requests a month from which tuning pays."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.evaluation.report_builders import CONFIG, LABELS, examples_of, predictions_of, run_of, task_with

from anytasktune.evaluation.comparison import build_report, task_report
from anytasktune.evaluation.scoring import ScoredSystem, score_system
from anytasktune.reports.report_view import view_report
from anytasktune.schema import AnsweringUsage, GeneralModel, TaskReport
from anytasktune.settings import EvalConfig, System
from anytasktune.settings.systems import general_system

LABEL_CYCLE = ["租金", "押金", "other"] * 20
REMOTE, LOCAL = general_system("big@api.example.com", few_shot=False), general_system("middle", few_shot=True)
ENDPOINT = GeneralModel(name="big@api.example.com", endpoint="https://api.example.com/v1", asked_as="big", place="elsewhere")
PRICED = CONFIG.model_copy(update={"machine_price_per_hour": 3.6, "currency": "CNY"})


def entry(system: System, usage: AnsweringUsage, model: GeneralModel | None = None) -> ScoredSystem:
    """A system that answers everything rightly."""
    examples = examples_of(LABEL_CYCLE)
    scored = score_system(task_with(LABELS), examples, predictions_of(system, examples, LABEL_CYCLE))
    return replace(scored, usage=usage, general_model=model)


def report(config: EvalConfig, *, remote_tokens: int = 6000, own_seconds: float = 6.0) -> TaskReport:
    """A Task-LM, two general models and the few-shot prompted base, on 60 rows."""
    remote = AnsweringUsage(seconds=99, answers=60, prompt_tokens=remote_tokens, answer_tokens=600)
    scored = [
        entry("tuned", AnsweringUsage(seconds=own_seconds, answers=60)),
        entry("few_shot", AnsweringUsage(seconds=12, answers=60)),
        entry(REMOTE, remote, ENDPOINT),
        entry(LOCAL, AnsweringUsage(seconds=30, answers=20), GeneralModel(name="middle", fingerprint="f")),
    ]
    return task_report(task_with(LABELS), examples_of(LABEL_CYCLE), scored, {"tuned": run_of()}, config)


def test_what_is_computed_here_costs_time_and_an_endpoint_its_tokens() -> None:
    config = EvalConfig.model_validate({**PRICED.model_dump(), "prices": {"big": {"price_in": 2.0, "price_out": 8.0}}})
    costs = {result.system: result.cost_per_1000 for result in report(config).systems}
    assert costs["tuned"] == pytest.approx(6 / 60 * 1000 / 3600 * 3.6)
    assert costs[LOCAL] == pytest.approx(30 / 20 * 1000 / 3600 * 3.6)
    assert costs[REMOTE] == pytest.approx((6000 * 2 + 600 * 8) / 1e6 / 60 * 1000)


def test_an_imported_adapter_whose_training_time_is_not_known_has_no_break_even() -> None:
    scored = [entry("tuned", AnsweringUsage(seconds=6, answers=60)), entry("few_shot", AnsweringUsage(seconds=12, answers=60))]
    task, examples = task_with(LABELS), examples_of(LABEL_CYCLE)
    own = task_report(task, examples, scored, {"tuned": run_of()}, PRICED)
    imported = run_of().model_copy(update={"imported": True})
    other = task_report(task, examples, scored, {"tuned": imported}, PRICED)
    assert own.break_even
    assert not other.break_even
    assert (own.train_seconds, other.train_seconds, other.systems[0].train_seconds) == (95, None, None)


def test_nothing_is_said_where_a_price_or_a_measurement_is_missing() -> None:
    assert {result.cost_per_1000 for result in report(CONFIG).systems} == {None}
    assert report(CONFIG).break_even == []
    priced = report(PRICED)
    assert {result.system: result.cost_per_1000 for result in priced.systems}[REMOTE] is None
    assert [entry.against for entry in priced.break_even] == ["few_shot", LOCAL]
    unmeasured = entry("tuned", AnsweringUsage())
    untimed = task_report(task_with(LABELS), examples_of(LABEL_CYCLE), [unmeasured], {"tuned": run_of()}, PRICED)
    assert untimed.systems[0].seconds_per_1000 is None
    assert untimed.systems[0].cost_per_1000 is None


def test_a_model_behind_an_endpoint_on_this_machine_costs_its_time() -> None:
    here = ENDPOINT.model_copy(update={"place": "this machine"})
    scored = [entry(REMOTE, AnsweringUsage(seconds=60, answers=60), here)]
    found = task_report(task_with(LABELS), examples_of(LABEL_CYCLE), scored, {}, PRICED).systems[0]
    assert found.cost_per_1000 == pytest.approx(1.0)


@given(st.floats(0.5, 50), st.integers(1, 36), st.floats(0.01, 100))
def test_at_the_named_number_of_requests_tuning_has_paid_and_one_less_has_not(
    seconds: float, months: int, price: float
) -> None:
    config = PRICED.model_copy(update={"payback_months": months, "machine_price_per_hour": price})
    found = report(config, own_seconds=seconds)
    costs = {result.system: result.cost_per_1000 or 0.0 for result in found.systems}
    for one in found.break_even:
        saved = (costs[one.against] - costs["tuned"]) / 1000
        if one.requests_a_month is None:
            assert saved <= 0
            continue
        assert one.requests_a_month * saved * months >= one.training * (1 - 1e-9)
        assert (one.requests_a_month - 1) * saved * months <= one.training * (1 + 1e-9)
        assert math.isclose(one.training, 95 / 3600 * price)


def test_the_report_says_it_in_words_in_both_languages() -> None:
    tasks = [report(PRICED, own_seconds=24.0)]
    whole = build_report("letters", "tiny", tasks, PRICED, {}, "machine")
    english, chinese = (view_report(whole, language).tasks[0] for language in ("en", "zh"))
    assert english.costs == (
        "Tuning does not pay back in money against the few-shot prompted base: training cost 0.095 CNY, and 1,000 answers cost "
        "0.40 CNY instead of 0.20 CNY.",
        "Tuning pays back within 12 months from 8 requests a month on, against the general model middle with examples: "
        "training cost 0.095 CNY; 1,000 answers cost 0.40 CNY instead of 1.50 CNY.",
    )
    assert "每月从 8 次请求起，微调可在 12 个月内收回成本" in chinese.costs[1]
    assert [result.cost for result in english.systems] == ["0.20 CNY", "", "1.50 CNY", "0.40 CNY"]
