"""General instructions before and after training, worded."""

from dataclasses import dataclass

from anytasktune.reports.matrix_view import model_name
from anytasktune.reports.report_words import Words, clean, p_words, signed
from anytasktune.schema import Report
from anytasktune.schema.forgetting import ForgettingOf, LostItem


@dataclass(frozen=True)
class ForgettingRow:
    """A Task-LM on general instructions."""

    name: str
    right: str
    difference: str
    verdict: str
    word: str
    lost: tuple[LostItem, ...]
    lost_title: str


@dataclass(frozen=True)
class ForgettingView:
    """All Task-LMs on general instructions.

    Attributes:
        findings: what was forgotten, and by which Task-LM; what is over budget.
        before: the base model's share.
    """

    findings: tuple[str, ...]
    before: str
    rows: tuple[ForgettingRow, ...]
    how: str


def view_forgetting(report: Report, words: Words) -> ForgettingView | None:
    """The forgetting in words; None where it was not measured."""
    found = report.forgetting
    if found is None:
        return None
    titles, say = {task.task: clean(task.titles.get(words.language) or task.title) for task in report.tasks}, words.say
    names = {
        one.target: say("forgetting.own", task=titles[one.target])
        if one.target in titles
        else model_name(one.target, one.system, titles, words)
        for one in found.models
    }
    findings = [_finding(one, names[one.target], words) for one in found.models if one.verdict == "worse"]
    over = [names[one.target] for one in found.models if one.over_budget]
    if found.budget is not None:
        budget = f"{found.budget:g}"
        listed = say("headline.list_joint").join(over)
        findings.append(
            say("forgetting.over", names=listed, budget=budget) if over else say("forgetting.within", budget=budget)
        )
        for task in found.tasks_over_budget:
            name = names.get(task.target, task.target)
            difference = signed(task.difference.value, 3)
            findings.append(
                say("forgetting.task_over", name=name, task=titles[task.task], difference=difference, budget=budget)
            )
    total = sum(found.instructions.values())
    return ForgettingView(
        findings=tuple(findings) or (say("forgetting.nothing"),),
        before=f"{found.before.value:.3f} [{found.before.low:.2f}, {found.before.high:.2f}]",
        rows=tuple(_row(one, names[one.target], words) for one in found.models),
        how=say("forgetting.how", count=total, **found.instructions),
    )


def _finding(one: ForgettingOf, name: str, words: Words) -> str:
    numbers = {"difference": signed(one.difference.value, 3), "p": p_words(one.p_holm)}
    return words.say("forgetting.worse", name=name, lost=len(one.lost), gained=len(one.gained), **numbers)


def _row(one: ForgettingOf, name: str, words: Words) -> ForgettingRow:
    found = one.difference
    return ForgettingRow(
        name=name,
        right=f"{one.right.value:.3f} [{one.right.low:.2f}, {one.right.high:.2f}]",
        difference=f"{signed(found.value, 3)} [{signed(found.low, 2)}, {signed(found.high, 2)}]",
        verdict=one.verdict,
        word=words.say(f"verdict.{one.verdict}"),
        lost=tuple(item.model_copy(update={"before": clean(item.before), "after": clean(item.after)}) for item in one.lost),
        lost_title=words.say("forgetting.lost", count=len(one.lost)),
    )
