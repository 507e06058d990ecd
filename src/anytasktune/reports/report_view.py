"""A report as a reader meets it: every number written, every sentence said, every place in a plot worked out.

The renderers (terminal, Markdown, HTML) only lay this out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from anytasktune.records import Language
from anytasktune.reports.granularity_view import GranularityView, view_granularity
from anytasktune.reports.headline import first_opponent, headline, sublines
from anytasktune.reports.report_words import VERDICT_SYMBOLS, Words, clean, words
from anytasktune.reports.svg_plots import Sparkline, Whisker, axis_for, sparkline, whisker
from anytasktune.schema import Comparison, Report, Sample, SystemResult, TaskReport
from anytasktune.settings import SYSTEMS, TASK_LMS, System

MAX_SHOWN = 600
"""Most characters of an input or answer shown; the rest is counted."""


@dataclass(frozen=True)
class SystemView:
    """One system's row."""

    system: System
    name: str
    score: str
    interval: str
    whisker: Whisker | None
    spoken: str
    """Score and interval in words, for screen readers."""
    well_formed: str
    scored: str
    seconds: str
    rank_correlation: str
    broken: tuple[tuple[str, int], ...]
    """(rule in words, answers that break it), the commonest first."""


@dataclass(frozen=True)
class ComparisonView:
    """Tuned against one opponent."""

    against: System
    verdict: str
    symbol: str
    word: str
    difference: str
    sentence: str


@dataclass(frozen=True)
class AnswerView:
    """What one system answered to a sample row; `text` is None where it gave no answer."""

    system: System
    name: str
    text: str | None
    mark: str
    tone: Literal["right", "wrong", "partly", "none"]


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
    metric: str
    metric_line: str
    """What the metric means and which direction is better; stands after its name."""
    metric_brief: str
    """The metric and its direction."""
    facts: tuple[tuple[str, str], ...]
    systems: tuple[SystemView, ...]
    comparisons: tuple[ComparisonView, ...]
    ticks: tuple[tuple[float, str], ...]
    """(percent of the axis, label)."""
    fixed_answer: tuple[float, str] | None
    """(percent of the axis, words)."""
    spark: Sparkline | None
    spark_words: str
    remarks: tuple[str, ...]
    samples: tuple[SampleView, ...]

    @property
    def verdict(self) -> ComparisonView | None:
        """The comparison the section is headed by: that with the untuned base, where there is one."""
        return self.comparisons[0] if self.comparisons else None

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
    """`better`, `worse` or `cannot_tell`: how the headline is to be coloured."""
    facts: tuple[tuple[str, str], ...]
    systems: tuple[System, ...]
    opponents: tuple[System, ...]
    """Those the overview has a column for: the untuned ones, where there are any."""
    tasks: tuple[TaskView, ...]
    granularity: GranularityView | None
    """None where no task was done by more than one Task-LM."""
    samples_how: str
    method: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]


def view_report(report: Report, language: Language = "en") -> ReportView:
    """Say `report` in `language`."""
    spoken = words(language)
    present = {result.system for task in report.tasks for result in task.systems}
    compared = {comparison.against for task in report.tasks for comparison in task.comparisons}
    untuned = tuple(system for system in SYSTEMS if system in compared and system not in TASK_LMS)
    return ReportView(
        words=spoken,
        headline=headline(report, spoken),
        sublines=tuple(sublines(report, spoken)),
        tone=_tone(report),
        facts=_report_facts(report, spoken),
        systems=tuple(system for system in SYSTEMS if system in present),
        opponents=untuned or tuple(system for system in SYSTEMS if system in compared),
        tasks=tuple(_task_view(task, spoken) for task in report.tasks),
        granularity=view_granularity(report, spoken),
        samples_how=spoken.say("label.samples_how", seed=report.config.seed),
        method=_method(report, spoken),
        versions=(*sorted(report.versions.items()), (spoken.say("label.machine"), report.machine)),
    )


def _tone(report: Report) -> str:
    opponent = first_opponent(report)
    verdicts = {entry.verdict for task in report.tasks for entry in task.comparisons if entry.against == opponent}
    if "worse" in verdicts and "better" not in verdicts:
        return "worse"
    return "better" if "better" in verdicts else "cannot_tell"


def _report_facts(report: Report, spoken: Words) -> tuple[tuple[str, str], ...]:
    facts = {
        "domain": report.domain,
        "model": report.model,
        "created": report.created[:16].replace("T", " ") + " UTC",
        "report_id": report.id,
    }
    return tuple((spoken.say(f"label.{name}"), value) for name, value in facts.items())


def _method(report: Report, spoken: Words) -> tuple[str, ...]:
    config = report.config
    shown = [result.shots for task in report.tasks for result in task.systems if result.shots is not None]
    values = {
        "shots": str(config.shots) if not shown else spoken_range(min(shown), max(shown), spoken),
        "resamples": f"{config.resamples:,}",
        "seed": config.seed,
        "alpha": f"{config.significance:g}",
    }
    return tuple(spoken.say(f"method.{name}", **values) for name in spoken.section("method"))


def spoken_range(low: int, high: int, spoken: Words) -> str:
    """One number, or two with what stands between them."""
    return str(low) if low == high else spoken.say("headline.rows_range", low=low, high=high)


def _task_view(task: TaskReport, spoken: Words) -> TaskView:
    axis, spark = axis_for(task), sparkline(task.dev_curve)
    direction = spoken.say("label.lower" if task.lower_is_better else "label.higher")
    best = spoken.say("label.dev_best", loss=f"{spark.loss:.3f}", step=spark.step) if spark else ""
    return TaskView(
        name=task.task,
        title=clean(task.titles.get(spoken.language) or task.title),
        language=task.language,
        metric=spoken.say(f"metric.{task.metric}"),
        metric_line=spoken.say("label.metric_line", direction=direction, meaning=spoken.say(f"meaning.{task.metric}")),
        metric_brief=spoken.say("label.metric_brief", metric=task.metric, direction=direction),
        facts=_task_facts(task, spoken),
        systems=tuple(_system_view(task, result, spoken) for result in task.systems),
        comparisons=tuple(_comparison_view(comparison, spoken) for comparison in task.comparisons),
        ticks=tuple((axis.percent(tick), f"{tick:g}") for tick in axis.ticks),
        fixed_answer=None if task.fixed_answer is None else (axis.percent(task.fixed_answer), _fixed_words(task, spoken)),
        spark=spark,
        spark_words=best,
        remarks=tuple(spoken.remark(entry.code, entry.values) if entry.code else clean(entry.text) for entry in task.remarks),
        samples=tuple(_sample_view(task, sample, spoken) for sample in task.samples),
    )


def _fixed_words(task: TaskReport, spoken: Words) -> str:
    return spoken.say("label.fixed_answer", score=f"{task.fixed_answer:.3f}")


def _task_facts(task: TaskReport, spoken: Words) -> tuple[tuple[str, str], ...]:
    rows = str(task.test_rows)
    if task.rows_available is not None and task.rows_available > task.test_rows:
        rows = spoken.say("label.of", part=task.test_rows, whole=task.rows_available)
    facts = [("test_rows", rows)]
    if task.train_rows:
        facts += [("train_rows", str(task.train_rows)), ("train_time", duration(task.train_seconds, spoken))]
    said = [(spoken.say(f"label.{name}"), value) for name, value in facts]
    return (*said, *(_learned(result, spoken) for result in task.systems if len(result.learned) > 1))


def _learned(result: SystemResult, spoken: Words) -> tuple[str, str]:
    time = duration(result.train_seconds or 0.0, spoken)
    value = spoken.say("granularity.learned", count=len(result.learned), rows=result.train_rows or 0, time=time)
    return spoken.say("granularity.learner", name=spoken.say(f"system.{result.system}")), value


def duration(seconds: float, spoken: Words) -> str:
    """A length of time in the two units that matter: `48 s`, `6 min 12 s`, `1 h 5 min`; under ten seconds to a tenth."""
    if seconds < 9.95:
        return spoken.say("unit.second", seconds=f"{seconds:.1f}")
    whole = round(seconds)
    if whole < 60:
        return spoken.say("unit.second", seconds=whole)
    if whole < 3600:
        return spoken.say("unit.minute", minutes=whole // 60, seconds=whole % 60)
    return spoken.say("unit.hour", hours=whole // 3600, minutes=whole % 3600 // 60)


def _system_view(task: TaskReport, result: SystemResult, spoken: Words) -> SystemView:
    none, name = spoken.say("label.none"), spoken.say(f"system.{result.system}")
    score = f"{result.score.value:.3f}" if result.score else none
    interval = f"{result.score.low:.2f}–{result.score.high:.2f}" if result.score else none
    total = result.scored + result.unscored
    return SystemView(
        system=result.system,
        name=name,
        score=score,
        interval=interval,
        whisker=whisker(axis_for(task), result.score) if result.score else None,
        spoken=spoken.say("label.plot", name=name, score=score, interval=interval),
        well_formed=f"{result.well_formed:.0%}" if result.scored else none,
        scored=str(total) if not result.unscored else spoken.say("label.of", part=result.scored, whole=total),
        seconds=duration(result.seconds, spoken),
        rank_correlation="" if result.rank_correlation is None else signed(result.rank_correlation, 2),
        broken=tuple((_rule_words(rule, spoken), count) for rule, count in _commonest(result.broken_rules)),
    )


def _rule_words(rule: str, spoken: Words) -> str:
    return spoken.say(f"rule.{rule}") if spoken.knows(f"rule.{rule}") else rule


def _commonest(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _comparison_view(comparison: Comparison, spoken: Words) -> ComparisonView:
    sentence = spoken.say(
        "comparison.untold" if comparison.verdict == "cannot_tell" else "comparison.told",
        difference=signed(comparison.difference.value, 3),
        low=signed(comparison.difference.low, 2),
        high=signed(comparison.difference.high, 2),
        system=comparison.against,
        p=p_words(comparison.p_holm),
        smallest=f"{comparison.smallest_visible:.2f}",
        rows=comparison.items,
    )
    return ComparisonView(
        against=comparison.against,
        verdict=comparison.verdict,
        symbol=VERDICT_SYMBOLS[comparison.verdict],
        word=spoken.say(f"verdict.{comparison.verdict}"),
        difference=signed(comparison.difference.value, 3),
        sentence=sentence,
    )


def signed(value: float, decimals: int) -> str:
    """A number with its sign, a true minus, and no sign where it rounds to zero."""
    text = f"{value:+.{decimals}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def p_words(p_value: float) -> str:
    """A p value to three digits after the point."""
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _sample_view(task: TaskReport, sample: Sample, spoken: Words) -> SampleView:
    return SampleView(
        picked=spoken.say(f"label.{sample.picked}"),
        input=_shown(sample.input, spoken),
        reference=_shown(sample.reference, spoken),
        answers=tuple(_answer_view(task, sample, result.system, spoken) for result in task.systems),
    )


def _answer_view(task: TaskReport, sample: Sample, system: System, spoken: Words) -> AnswerView:
    name = spoken.say(f"system.{system}")
    if system not in sample.answers:
        return AnswerView(system, name, None, spoken.say("label.no_answer"), "none")
    text = _shown(sample.answers[system], spoken) or spoken.say("label.empty_answer")
    mark, tone = _mark(task, sample.values.get(system), spoken)
    return AnswerView(system, name, text, mark, tone)


def _mark(task: TaskReport, value: float | None, spoken: Words) -> tuple[str, Literal["right", "wrong", "partly", "none"]]:
    if value is None:
        return "", "none"
    if value == (0.0 if task.lower_is_better else 1.0):
        return spoken.say("label.right"), "right"
    if task.lower_is_better:
        return spoken.say("label.off_by", value=f"{value:.3g}"), "partly"
    if value == 0 and task.metric not in ("rouge_l", "token_f1"):
        return spoken.say("label.wrong"), "wrong"
    return spoken.say("label.partly", value=f"{value:.2f}"), "partly"


def _shown(text: str, spoken: Words) -> str:
    """`text` as it is safe to show, cut to `MAX_SHOWN` characters."""
    whole = clean(text)
    if len(whole) <= MAX_SHOWN:
        return whole
    return whole[:MAX_SHOWN] + " " + spoken.say("label.more", count=len(whole) - MAX_SHOWN)
