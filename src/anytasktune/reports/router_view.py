"""The router of the tasks, worded: where inputs go whose task nobody names, and what that costs beside naming it."""

from dataclasses import dataclass

from anytasktune.outputs import LOWER_IS_BETTER
from anytasktune.reports.curve_plot import PLOT_HEIGHT, PLOT_WIDTH
from anytasktune.reports.report_words import Words, clean, signed
from anytasktune.reports.svg_plots import axis_over
from anytasktune.schema import Interval, Report
from anytasktune.schema.router_evaluation import NamedTaskGap, RouterEvaluation
from anytasktune.scorers.intervals import share_interval

_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 14, 10, 26
_COLUMNS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class AbstentionPlot:
    """Share of inputs sent to the right, share of these that are right upwards; SVG points, ticks as (place, text).

    Attributes:
        band: the 95 % interval.
        chosen: where the router's own thresholds are; None where it sends nothing.
    """

    points: str
    band: str
    chosen: tuple[float, float] | None
    columns: tuple[tuple[float, str], ...]
    levels: tuple[tuple[float, str], ...]
    left: float = _LEFT
    right: float = PLOT_WIDTH - _RIGHT
    bottom: float = PLOT_HEIGHT - _BOTTOM


@dataclass(frozen=True)
class ConfusionRow:
    """Test inputs of one task: how many, how many of them are taken for each task, and how many are sent."""

    title: str
    inputs: int
    taken: tuple[int, ...]
    own: int
    """Place of the task itself among the columns; -1 where it is none."""
    sent: str


@dataclass(frozen=True)
class GapRow:
    """The answers of one task, when it is named and when the router chooses it."""

    title: str
    system: str
    metric: str
    named: str
    routed: str
    difference: str


@dataclass(frozen=True)
class RouterView:
    """All on the router.

    Attributes:
        findings: a sentence on the share that goes to the right task, then what is sent, refused and lost.
        columns: the tasks that inputs are taken for.
        curve: (inputs sent, right of these, least probability) for each threshold.
    """

    findings: tuple[str, ...]
    columns: tuple[str, ...]
    confusion: tuple[ConfusionRow, ...]
    plot: AbstentionPlot
    curve: tuple[tuple[str, str, str], ...]
    gaps: tuple[GapRow, ...]
    how: str


def view_router(report: Report, words: Words) -> RouterView | None:
    """The router in words; None where it was not measured."""
    found = report.router
    if found is None:
        return None
    titles = {one.task: one.task for one in found.tasks}
    titles |= {task.task: clean(task.titles.get(words.language) or task.title) for task in report.tasks}
    columns = list(
        dict.fromkeys([*(one.task for one in found.tasks), *(name for one in found.tasks for name in one.taken_for)])
    )
    confusion = [
        ConfusionRow(
            title=titles[one.task],
            inputs=one.inputs,
            taken=tuple(one.right if name == one.task else one.taken_for.get(name, 0) for name in columns),
            own=columns.index(one.task),
            sent=words.say("router.sent_right", sent=one.routed, right=one.routed_right),
        )
        for one in found.tasks
    ]
    return RouterView(
        findings=(*_routing_sentences(found, words), *_gap_sentences(found, titles, words)),
        columns=tuple(titles.get(name, name) for name in columns),
        confusion=tuple(confusion),
        plot=_abstention_plot(found),
        curve=tuple(
            (_percent(one.routed / found.inputs), _share(share_interval(one.right, one.routed)), f"{one.threshold:.3f}")
            for one in found.curve
        ),
        gaps=tuple(_gap_row(gap, titles, words) for gap in found.gaps),
        how=words.say("router.how"),
    )


def _routing_sentences(found: RouterEvaluation, words: Words) -> list[str]:
    """The share of the right task first, then what is sent to a task, to none, and what becomes of inputs of no task."""
    say, sent = words.say, found.routed_accuracy
    split = say(f"router.split_{found.split}")
    lines = [say("router.right", inputs=f"{found.inputs:,}", split=split, share=_share(found.accuracy))]
    share = _share(share_interval(found.routed, found.inputs))
    lines.append(say("router.sent", share=share, right=_share(sent)) if sent else say("router.none_sent"))
    if found.abstained:
        reasons = (say(f"router.{reason}", amount=amount) for reason, amount in found.abstained.items())
        refused = found.inputs - found.routed
        lines.append(say("router.refused", count=refused, reasons=say("headline.list_joint").join(reasons)))
    strangers = sum(one.inputs for one in found.held_out)
    if strangers:
        noticed = sum(sum(one.refused.values()) for one in found.held_out)
        lines.append(say("router.strangers", share=_share(share_interval(noticed, strangers))))
    if found.shared_inputs:
        lines.append(say("router.shared", count=found.shared_inputs, inputs=f"{found.inputs:,}"))
    return lines


def _gap_sentences(found: RouterEvaluation, titles: dict[str, str], words: Words) -> list[str]:
    """The tasks whose score is shown to be worse by the router, and those that were not compared."""
    lines = []
    for gap in found.gaps:
        by = gap.difference
        if by and (by.low > 0 if gap.metric in LOWER_IS_BETTER else by.high < 0):
            lines.append(words.say("router.costs", task=titles.get(gap.task, gap.task), difference=_signed(by)))
    if found.gaps and not lines:
        lines.append(words.say("router.costs_nothing"))
    compared = {gap.task for gap in found.gaps}
    left_out = [titles[one.task] for one in found.tasks if one.task not in compared]
    joint = words.say("headline.list_joint")
    return lines + ([words.say("router.not_compared", tasks=joint.join(left_out))] if left_out else [])


def _gap_row(gap: NamedTaskGap, titles: dict[str, str], words: Words) -> GapRow:
    none = words.say("label.none")
    return GapRow(
        title=titles.get(gap.task, gap.task),
        system=words.say(f"system.{gap.system}"),
        metric=words.say(f"metric.{gap.metric}"),
        named=_score(gap.routed_named) if gap.routed_named else none,
        routed=_score(gap.routed_score) if gap.routed_score else none,
        difference=_signed(gap.difference) if gap.difference else none,
    )


def _abstention_plot(found: RouterEvaluation) -> AbstentionPlot:
    shares = [(one.routed / found.inputs, share_interval(one.right, one.routed)) for one in found.curve]
    chosen = (found.routed / found.inputs, found.routed_accuracy) if found.routed_accuracy else None
    shown = [share for _, share in (*shares, *([chosen] if chosen else []))]
    axis = axis_over(min(share.low for share in shown), max(share.high for share in shown))

    def place(sent: float, right: float) -> tuple[float, float]:
        across = _LEFT + sent * (PLOT_WIDTH - _LEFT - _RIGHT)
        down = PLOT_HEIGHT - _BOTTOM - axis.percent(right) / 100 * (PLOT_HEIGHT - _TOP - _BOTTOM)
        return round(across, 1), round(down, 1)

    def joined(points: list[tuple[float, float]]) -> str:
        return " ".join(f"{x:g},{y:g}" for x, y in (place(*point) for point in points))

    edges = [(sent, share.high) for sent, share in shares] + [(sent, share.low) for sent, share in reversed(shares)]
    return AbstentionPlot(
        points=joined([(sent, share.value) for sent, share in shares]),
        band=joined(edges),
        chosen=place(chosen[0], chosen[1].value) if chosen else None,
        columns=tuple((place(tick, axis.low)[0], f"{tick:.0%}") for tick in _COLUMNS),
        levels=tuple((place(0, tick)[1], f"{100 * tick:g}%") for tick in axis.ticks),
    )


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _share(share: Interval) -> str:
    return f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}]"


def _score(score: Interval) -> str:
    return f"{score.value:.3f} [{score.low:.2f}, {score.high:.2f}]"


def _signed(difference: Interval) -> str:
    return f"{signed(difference.value, 3)} [{signed(difference.low, 2)}, {signed(difference.high, 2)}]"
