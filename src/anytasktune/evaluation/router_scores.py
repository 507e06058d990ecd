"""Scores of a router: confusion, abstention curve, and the gap to answers of named tasks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anytasktune.schema import Example, Route, Task
from anytasktune.schema.router_evaluation import CoveragePoint, NamedTaskGap, TaskRouting
from anytasktune.scorers import item_statistics
from anytasktune.scorers.intervals import difference_interval, score_interval

_STEPS = 20
_NO_ANSWER = ""

RoutesByTask = Mapping[str, Sequence[Route]]
"""Task → the routes of its own test inputs."""


def likeliest(route: Route) -> str:
    """The likeliest task of an input that was routed, whether it was chosen or not."""
    return next(iter(route.probabilities))


def task_routings(routes: RoutesByTask) -> list[TaskRouting]:
    """Per task, where its inputs go."""
    found = []
    for task, own in routes.items():
        guessed, chosen = Counter(map(likeliest, own)), Counter(route.task for route in own if route.task)
        others = dict(sorted(((name, count) for name, count in guessed.items() if name != task), key=lambda one: -one[1]))
        found.append(
            TaskRouting(
                task=task,
                inputs=len(own),
                right=guessed[task],
                routed=chosen.total(),
                routed_right=chosen[task],
                taken_for=others,
            )
        )
    return found


def coverage_curve(routes: RoutesByTask) -> list[CoveragePoint]:
    """The thresholds that leave a twentieth of all inputs, two twentieths and so on, up to all of them."""
    judged = [(route.probability or 0.0, likeliest(route) == task) for task, own in routes.items() for route in own]
    judged.sort(reverse=True)
    points: dict[float, CoveragePoint] = {}
    for step in range(1, _STEPS + 1):
        threshold = judged[-(-len(judged) * step // _STEPS) - 1][0]
        kept = [right for probability, right in judged if probability >= threshold]
        points[threshold] = CoveragePoint(threshold=threshold, routed=len(kept), right=sum(kept))
    return list(points.values())


@dataclass(frozen=True)
class NamedAnswers:
    """Answers of a task to its own test rows, as when the task is named.

    Attributes:
        system: that answered.
        outputs: None for a row it could not answer.
    """

    system: str
    outputs: Sequence[str | None]


def named_task_gap(
    task: Task, answered: NamedAnswers, rows: Sequence[Example], routes: Sequence[Route], resamples: int
) -> NamedTaskGap | None:
    """The gap of one task; None where no answer of the named task is scored. A row without one is left out.

    Args:
        routes: of `rows`.
    """
    outputs = answered.outputs
    scored = [place for place, output in enumerate(outputs) if output is not None]
    if not scored:
        return None
    sent = [place for place in scored if routes[place].task is not None]
    answers = [output or _NO_ANSWER for output in outputs]
    references = [row.output for row in rows]
    named = item_statistics(task, [references[place] for place in scored], [answers[place] for place in scored])
    gap = NamedTaskGap(
        task=task.name,
        metric=task.scored_by,
        system=answered.system,
        inputs=len(scored),
        named=score_interval(named, resamples),
        routed=len(sent),
        routed_named=None,
        routed_score=None,
        difference=None,
    )
    if not sent:
        return gap
    asked = [references[place] for place in sent]
    right = item_statistics(task, asked, [answers[place] for place in sent])
    by_router = [answers[place] if routes[place].task == task.name else _NO_ANSWER for place in sent]
    ours = item_statistics(task, asked, by_router)
    scores = {
        "routed_named": score_interval(right, resamples),
        "routed_score": score_interval(ours, resamples),
        "difference": difference_interval(ours, right, resamples),
    }
    return gap.model_copy(update=scores)
