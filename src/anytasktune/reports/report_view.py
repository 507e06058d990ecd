"""A report ready to be laid out: every number written, every sentence worded, every place in a plot computed.

The renderers (terminal, Markdown, HTML) only lay this out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from anytasktune.records import Language
from anytasktune.reports.curves_view import CurvesView, view_curves
from anytasktune.reports.errors_view import CalibrationView, ErrorsView, view_calibration, view_errors
from anytasktune.reports.forgetting_view import ForgettingView, view_forgetting
from anytasktune.reports.judge_view import JudgeView, view_judged
from anytasktune.reports.matrix_view import MatrixView, view_matrix
from anytasktune.reports.overall_view import GranularityView, sublines, unbeaten, view_granularity
from anytasktune.reports.parity_view import ParityView, view_parity
from anytasktune.reports.report_words import VERDICT_SYMBOLS, Words, clean, p_words, signed, words
from anytasktune.reports.router_view import RouterView, view_router
from anytasktune.reports.svg_plots import Sparkline, Whisker, axis_for, sparkline, whisker
from anytasktune.reports.transfer_view import TransferView, view_transfers
from anytasktune.reports.verdict_words import VerdictView, headline, view_verdict
from anytasktune.schema import Comparison, Report, Sample, ShotChoice, SystemResult, TaskReport
from anytasktune.settings import TASK_LMS, System
from anytasktune.settings.systems import in_report_order

MAX_SHOWN = 600
"""Most characters of an input or answer shown; the rest is counted."""

Tone = Literal["right", "wrong", "partly", "none"]


@dataclass(frozen=True)
class SystemView:
    """One system on one task."""

    system: System
    name: str
    kind: str
    """The system's name, `general` or `general_few_shot`: what it looks like."""
    score: str
    interval: str
    whisker: Whisker | None
    spoken: str
    """Score and interval in words, for screen readers."""
    well_formed: str
    scored: str
    has_unscored: bool
    seconds: str
    """Per 1,000 answers, as are `cost` and `energy`, which are empty where a price is missing or no counter can be read."""
    cost: str
    energy: str
    rank_correlation: str
    broken: tuple[tuple[str, int], ...]
    """(rule in words, answers that break it), the commonest first."""


@dataclass(frozen=True)
class ComparisonView:
    """The subject of a task against one opponent."""

    against: System
    verdict: str
    symbol: str
    word: str
    difference: str
    interval: str
    p_value: str


@dataclass(frozen=True)
class AnswerView:
    """One system's answer to a sample row; `text` is None where it gave none."""

    system: System
    name: str
    text: str | None
    mark: str
    tone: Tone


@dataclass(frozen=True)
class SampleView:
    """One sample row."""

    picked: str
    input: str
    reference: str
    answers: tuple[AnswerView, ...]


@dataclass(frozen=True)
class TaskView:
    """One task's section."""

    name: str
    title: str
    language: Language
    verdict: VerdictView
    metric: str
    metric_line: str
    """Direction and meaning of the metric; stands after its name."""
    metric_brief: str
    """The metric and its direction."""
    facts: tuple[tuple[str, str], ...]
    systems: tuple[SystemView, ...]
    comparisons: tuple[ComparisonView, ...]
    minus: str
    """Head of the differences: the subject, from which a system's score is subtracted."""
    p_head: str
    ticks: tuple[tuple[float, str], ...]
    """(percent of the axis, label)."""
    detectable: str
    """The minimum detectable differences of comparisons without a verdict, in words; empty where there are none."""
    advice: tuple[str, ...]
    """The simple baselines that are as good or better, and where they are kept."""
    floor: float | None
    """Score of the constant answer, in percent of the axis."""
    spark: Sparkline | None
    spark_words: str
    errors: ErrorsView | None
    calibration: CalibrationView | None
    curves: CurvesView | None
    costs: tuple[str, ...]
    """When tuning pays back, against language models that are only asked."""
    judged: JudgeView | None
    caveats: tuple[str, ...]
    samples: tuple[SampleView, ...]

    @property
    def hardest(self) -> ComparisonView | None:
        """The comparison the section is headed by: the least favourable one with a system that was not tuned."""
        order = "worse", "inconclusive", "better"
        untuned = [entry for entry in self.comparisons if entry.against not in TASK_LMS]
        return min(untuned or self.comparisons, key=lambda entry: order.index(entry.verdict), default=None)

    def against(self, system: str) -> ComparisonView | None:
        """The comparison with `system`."""
        return next((view for view in self.comparisons if view.against == system), None)

    def result(self, system: str) -> SystemView | None:
        """The row of `system`."""
        return next((view for view in self.systems if view.system == system), None)


@dataclass(frozen=True)
class ReportView:
    """The whole report in one language."""

    words: Words
    headline: str
    sublines: tuple[str, ...]
    tone: str
    """`better`, `worse` or `inconclusive`: the colour of the headline."""
    facts: tuple[tuple[str, str], ...]
    systems: tuple[System, ...]
    tasks: tuple[TaskView, ...]
    granularity: GranularityView | None
    """None where no task was done by more than one Task-LM."""
    matrix: MatrixView | None
    """None where it was not asked for."""
    forgetting: ForgettingView | None
    """None where it was not measured."""
    parity: ParityView | None
    """None where no task has enough rows of both languages."""
    transfer: TransferView | None
    """None where it was not measured."""
    router: RouterView | None
    """None where it was not measured."""
    samples_how: str
    method: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]

    @property
    def has_across_tasks(self) -> bool:
        """Whether anything was measured across tasks."""
        return any((self.matrix, self.forgetting, self.parity, self.transfer, self.router))


def view_report(report: Report, language: Language = "en") -> ReportView:
    """Word `report` in `language`."""
    texts = replace(words(language), currency=clean(report.config.currency))
    say = texts.say
    present = {result.system for task in report.tasks for result in task.systems}
    facts = {
        "domain": report.domain,
        "model": report.model,
        "created": report.created[:16].replace("T", " ") + " UTC",
        "report_id": report.id,
    }
    general = {model.name: model for task in report.tasks for result in task.systems if (model := result.general_model)}
    if general:
        facts["general_models"] = say("headline.list_joint").join(texts.general_model(model) for model in general.values())
    shown = [result.shots for task in report.tasks for result in task.systems if result.shots is not None]
    method = {
        "shots": texts.number_range(min(shown), max(shown)) if shown else str(report.config.shots),
        "resamples": f"{report.config.resamples:,}",
        "seed": report.config.seed,
        "alpha": f"{report.config.significance:g}",
    }
    return ReportView(
        words=texts,
        headline=headline(report, texts),
        sublines=tuple(sublines(report, texts)),
        tone=_tone(report),
        facts=tuple((say(f"label.{name}"), value) for name, value in facts.items()),
        systems=tuple(sorted(present, key=in_report_order)),
        tasks=tuple(_task_view(task, texts, is_corrected=len(report.tasks) > 1) for task in report.tasks),
        granularity=view_granularity(report, texts),
        matrix=view_matrix(report, texts),
        forgetting=view_forgetting(report, texts),
        parity=view_parity(report, texts),
        transfer=view_transfers([task.transfer for task in report.tasks if task.transfer], texts),
        router=view_router(report, texts),
        samples_how=say("label.samples_how", seed=report.config.seed),
        method=tuple(say(f"method.{name}", **method) for name in texts.table["method"]),
        versions=(*sorted(report.versions.items()), (say("label.machine"), report.machine)),
    )


def _tone(report: Report) -> str:
    reasons = {task.recommendation.reason for task in report.tasks if task.recommendation}
    return {frozenset(["beats_all"]): "better", frozenset(["is_better"]): "worse"}.get(frozenset(reasons), "inconclusive")


def _task_view(task: TaskReport, words: Words, *, is_corrected: bool) -> TaskView:
    axis, spark, say = axis_for(task), sparkline(task.dev_curve), words.say
    direction = say("label.lower" if task.lower_is_better else "label.higher")
    constant = next((result.score for result in task.systems if result.system == "constant"), None)
    return TaskView(
        name=task.task,
        title=clean(task.titles.get(words.language) or task.title),
        language=task.language,
        verdict=view_verdict(task, words),
        metric=say(f"metric.{task.metric}"),
        metric_line=say("label.metric_line", direction=direction, meaning=say(f"meaning.{task.metric}")),
        metric_brief=say("label.metric_brief", metric=task.metric, direction=direction),
        facts=_task_facts(task, words),
        systems=tuple(_system_view(task, result, words) for result in task.systems),
        comparisons=tuple(_comparison_view(comparison, words) for comparison in task.comparisons),
        minus=say("label.minus", name=say(f"system.{task.subject}")),
        p_head=say("label.p_holm" if is_corrected else "label.p"),
        ticks=tuple((axis.percent(tick), f"{tick:g}") for tick in axis.ticks),
        detectable=_detectable(task.comparisons, words),
        advice=tuple(_advice(task, entry, words) for entry in unbeaten(task)),
        floor=axis.percent(constant.value) if constant else None,
        spark=spark,
        spark_words=say("label.dev_best", loss=f"{spark.loss:.3f}", step=spark.step) if spark else "",
        errors=view_errors(task, words),
        calibration=view_calibration(task, words),
        curves=view_curves(task.learning_curves, words) if task.learning_curves else None,
        costs=tuple(_costs(task, words)),
        judged=view_judged(task.judged, words) if task.judged else None,
        caveats=tuple(say(f"caveat.{caveat.code}", **caveat.values) for caveat in task.caveats),
        samples=tuple(_sample_view(task, sample, words) for sample in task.samples),
    )


def _advice(task: TaskReport, entry: Comparison, words: Words) -> str:
    """A simple baseline that is not beaten; of the linear model also its place and its speed."""
    result = next(result for result in task.systems if result.system == entry.against)
    return words.say(
        f"simple.{entry.against}_{entry.verdict}",
        path=result.kept_at,
        fitted=words.duration(result.train_seconds or 0.0),
        answers=words.milliseconds(result.seconds / max(1, task.test_rows)),
    )


def _costs(task: TaskReport, words: Words) -> Iterator[str]:
    """A sentence per language model that is only asked: the requests a month from which tuning pays."""
    costs = {result.system: words.money(result.cost_per_1000) for result in task.systems if result.cost_per_1000 is not None}
    for entry in task.break_even:
        values = {"own": costs[task.subject], "other": costs[entry.against], "training": words.money(entry.training)}
        opponent = words.say(f"opponent.{entry.against}")
        if entry.requests_a_month is None:
            yield words.say("break_even.never", opponent=opponent, **values)
        else:
            requests = f"{entry.requests_a_month:,}"
            yield words.say("break_even.from", opponent=opponent, requests=requests, months=entry.months, **values)


def _task_facts(task: TaskReport, words: Words) -> tuple[tuple[str, str], ...]:
    say, rows = words.say, str(task.test_rows)
    if task.rows_available is not None and task.rows_available > task.test_rows:
        rows = say("label.of", part=task.test_rows, whole=task.rows_available)
    facts = [(say("label.test_rows"), rows)]
    if task.train_rows:
        facts.append((say("label.train_rows"), str(task.train_rows)))
        seconds = task.train_seconds
        facts.append((say("label.train_time"), say("label.not_known") if seconds is None else words.duration(seconds)))
    for result in task.systems:
        if len(result.trained_on) > 1:
            values = {"count": len(result.trained_on), "rows": result.train_rows or 0}
            value = say("granularity.trained", time=words.duration(result.train_seconds or 0.0), **values)
            facts.append((say("granularity.trained_on", name=say(f"system.{result.system}")), value))
    facts += [_shot_fact(result, words) for result in task.systems if result.shots and result.shot_choice]
    return tuple(facts)


def _shot_fact(result: SystemResult, words: Words) -> tuple[str, str]:
    """How the few-shot examples were chosen, with the scores on dev that decided it."""
    choice = result.shot_choice or ShotChoice(by="fixed")
    value = words.say(f"shots.{choice.by}", count=result.shots or 0)
    for other, score in choice.dev_scores.items():
        if other != choice.by:
            scores = {"score": f"{choice.dev_scores[choice.by]:.3f}", "other": f"{score:.3f}"}
            value += words.say(f"shots.against_{other}", rows=choice.dev_rows, **scores)
    label = words.say("label.shots")
    if result.general_model:
        label = words.say("label.shots_of", label=label, name=clean(result.general_model.name))
    return label, value


def _system_view(task: TaskReport, result: SystemResult, words: Words) -> SystemView:
    none, name = words.say("label.none"), words.say(f"system.{result.system}")
    score = f"{result.score.value:.3f}" if result.score else none
    interval = f"{result.score.low:.2f}–{result.score.high:.2f}" if result.score else none
    total = result.scored + result.unscored
    broken = sorted(result.broken_rules.items(), key=lambda item: (-item[1], item[0]))
    return SystemView(
        system=result.system,
        name=name,
        kind=result.system.partition(":")[0],
        score=score,
        interval=interval,
        whisker=whisker(axis_for(task), result.score) if result.score else None,
        spoken=words.say("label.plot", name=name, score=score, interval=interval),
        well_formed=f"{result.well_formed:.0%}" if result.scored else none,
        scored=str(total) if not result.unscored else words.say("label.of", part=result.scored, whole=total),
        has_unscored=result.unscored > 0,
        seconds=none if result.seconds_per_1000 is None else words.duration(result.seconds_per_1000),
        cost="" if result.cost_per_1000 is None else words.money(result.cost_per_1000),
        energy="" if result.joules_per_1000 is None else words.energy(result.joules_per_1000),
        rank_correlation="" if result.rank_correlation is None else signed(result.rank_correlation, 2),
        broken=tuple((words.table["rule"].get(rule, rule), count) for rule, count in broken),
    )


def _comparison_view(comparison: Comparison, words: Words) -> ComparisonView:
    return ComparisonView(
        against=comparison.against,
        verdict=comparison.verdict,
        symbol=VERDICT_SYMBOLS[comparison.verdict],
        word=words.say(f"verdict.{comparison.verdict}"),
        difference=signed(comparison.difference.value, 3),
        interval=f"{signed(comparison.difference.low, 2)}, {signed(comparison.difference.high, 2)}",
        p_value=p_words(comparison.p_holm).removeprefix("=\u00a0"),
    )


def _detectable(comparisons: Sequence[Comparison], words: Words) -> str:
    """Empty where no comparison is open: one whose difference is no smaller than the minimum detectable one would puzzle."""
    found = [one for one in comparisons if one.verdict == "inconclusive" and abs(one.difference.value) < one.minimum_detectable]
    if not found:
        return ""
    parts = [words.say("comparison.part", system=one.against, smallest=f"{one.minimum_detectable:.2f}") for one in found]
    rows = words.number_range(min(one.items for one in found), max(one.items for one in found))
    joined = words.say("headline.list_joint").join(parts)
    return words.say("comparison.detectable", rows=rows, parts=joined)


def _sample_view(task: TaskReport, sample: Sample, words: Words) -> SampleView:
    answers = []
    for system in (result.system for result in task.systems):
        name = words.say(f"system.{system}")
        if system in sample.answers:
            text = _shown(sample.answers[system], words) or words.say("label.empty_answer")
            answers.append(AnswerView(system, name, text, *mark(task, sample.values.get(system), words)))
        else:
            answers.append(AnswerView(system, name, None, words.say("label.no_answer"), "none"))
    return SampleView(
        picked=words.say(f"label.{sample.picked}"),
        input=_shown(sample.input, words),
        reference=_shown(sample.reference, words),
        answers=tuple(answers),
    )


def mark(task: TaskReport, value: float | None, words: Words) -> tuple[str, Tone]:
    """The mark of an answer in words, and its tone."""
    if value is None:
        return "", "none"
    if value == (0.0 if task.lower_is_better else 1.0):
        return words.say("label.right"), "right"
    if task.lower_is_better:
        return words.say("label.off_by", value=f"{value:.3g}"), "partly"
    if value == 0 and task.metric not in ("rouge_l", "token_f1"):
        return words.say("label.wrong"), "wrong"
    return words.say("label.partly", value=f"{value:.2f}"), "partly"


def _shown(text: str, words: Words) -> str:
    """`text` as it is safe to show, cut to `MAX_SHOWN` characters."""
    whole = clean(text)
    if len(whole) <= MAX_SHOWN:
        return whole
    return whole[:MAX_SHOWN] + " " + words.say("label.more", count=len(whole) - MAX_SHOWN)
