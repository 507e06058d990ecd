"""Two reports of a project: every system of both on the rows they share, with paired tests corrected over the tasks."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence

from anytasktune.evaluation.comparison import compare_systems
from anytasktune.evaluation.scoring import ScoredSystem
from anytasktune.evaluation.verdicts import verdict_on
from anytasktune.schema import Example, ItemAnswer, Prediction, Report, ReportItem, Score, Task, TaskReport
from anytasktune.schema.report_diff import ChangedFact, ReportDiff, SystemDiff
from anytasktune.scorers.statistics import holm
from anytasktune.settings import EvalConfig, System

Pair = tuple[ReportItem, ReportItem]


def diff_reports(first: Report, second: Report, items: tuple[Sequence[ReportItem], Sequence[ReportItem]]) -> ReportDiff:
    """Compare the second report with the first.

    Args:
        first: a report.
        second: another one.
        items: of the first and of the second.
    """
    parts = [_parts(report) for report in (first, second)]
    ours, theirs = ({task.task: task for task in report.tasks} for report in (first, second))
    found = [
        _system_diff((task, theirs[name]), system, _shared_rows(name, items), second.config)
        for name, task in ours.items()
        if name in theirs
        for system in (result.system for result in task.systems)
        if system in {result.system for result in theirs[name].systems}
    ]
    return ReportDiff(
        first=first.id,
        second=second.id,
        changed=list(_changed(first, second)),
        systems=_corrected(found, second.config.significance),
        only_first=[part for part in parts[0] if part not in parts[1]],
        only_second=[part for part in parts[1] if part not in parts[0]],
    )


def _parts(report: Report) -> list[str]:
    """The tasks of a report, and the systems of each."""
    names = [(task.task, f"{task.task}/{result.system}") for task in report.tasks for result in task.systems]
    return list(dict.fromkeys(name for pair in names for name in pair))


def _shared_rows(task: str, items: tuple[Sequence[ReportItem], Sequence[ReportItem]]) -> list[Pair]:
    """The rows of a task that both reports have, by their id; of equal rows the first with the first."""
    waiting: dict[str, deque[ReportItem]] = defaultdict(deque)
    for item in items[1]:
        if item.task == task:
            waiting[item.id].append(item)
    return [(item, waiting[item.id].popleft()) for item in items[0] if item.task == task and waiting[item.id]]


def _system_diff(
    tasks: tuple[TaskReport, TaskReport], system: System, shared: Sequence[Pair], config: EvalConfig
) -> SystemDiff:
    ours, theirs = tasks
    scores = [next(result.score for result in task.systems if result.system == system) for task in tasks]
    rows = [pair for pair in shared if all(item.answers[system].value is not None for item in pair)]
    diff = SystemDiff(
        task=theirs.task,
        titles=theirs.titles,
        metric=theirs.metric,
        lower_is_better=theirs.lower_is_better,
        system=system,
        first=scores[0].value if scores[0] else None,
        second=scores[1].value if scores[1] else None,
        rows=len(rows),
    )
    if ours.definition is None or theirs.definition is None or not _are_alike(ours.definition, theirs.definition):
        return diff.model_copy(update={"why_not": "other_task"})
    if not rows:
        return diff.model_copy(update={"why_not": "other_rows"})
    examples = [Example(input=one.input, output=one.reference, language=one.language, source=one.source) for one, _ in rows]
    entries = [_as_scored(system, examples, [pair[place].answers[system] for pair in rows]) for place in (1, 0)]
    gains = [(one.id, (other.answers[system].value or 0.0) - (one.answers[system].value or 0.0)) for one, other in rows]
    sign = -1 if theirs.lower_is_better else 1
    update = {
        "comparison": compare_systems(theirs.definition, examples, (entries[0], entries[1]), config),
        "improved": [name for name, gain in gains if sign * gain > 0],
        "worsened": [name for name, gain in gains if sign * gain < 0],
    }
    return diff.model_copy(update=update)


def _are_alike(one: Task, other: Task) -> bool:
    """Whether answers to both are scored alike; the instruction may differ, that is what a comparison can be about."""
    return (one.output, one.scored_by) == (other.output, other.scored_by)


def _as_scored(system: System, examples: Sequence[Example], answers: Sequence[ItemAnswer]) -> ScoredSystem:
    given = list(zip(examples, answers, strict=True))
    predictions = [Prediction(example_id=row.id, system=system, output=answer.output) for row, answer in given]
    scores = [Score(example_id=row.id, value=answer.value, parsed=True) for row, answer in given]
    return ScoredSystem(system, predictions, scores)


def _corrected(found: Sequence[SystemDiff], alpha: float) -> list[SystemDiff]:
    """With Holm's correction over the tasks, system by system, and the verdicts that follow."""
    p_holm: dict[int, float] = {}
    for system in {diff.system for diff in found}:
        family = [(n, diff.comparison) for n, diff in enumerate(found) if diff.system == system and diff.comparison]
        values = holm([comparison.p_value for _, comparison in family])
        p_holm |= {n: value for (n, _), value in zip(family, values, strict=True)}
    settled = []
    for n, diff in enumerate(found):
        if diff.comparison is None:
            settled.append(diff)
            continue
        verdict = verdict_on(diff.comparison.difference.value, p_holm[n], diff.lower_is_better, alpha)
        update = {"p_holm": p_holm[n], "verdict": verdict}
        settled.append(diff.model_copy(update={"comparison": diff.comparison.model_copy(update=update)}))
    return settled


def _changed(first: Report, second: Report) -> Iterator[ChangedFact]:
    ours, theirs = _facts(first), _facts(second)
    for name in dict.fromkeys((*ours, *theirs)):
        if ours.get(name) != theirs.get(name):
            yield ChangedFact(name=name, first=ours.get(name, ""), second=theirs.get(name, ""))


def _facts(report: Report) -> Mapping[str, str]:
    facts = {"domain": report.domain, "model": report.model, "machine": report.machine}
    facts |= {f"eval.{name}": str(value) for name, value in report.config.model_dump(mode="json").items()}
    facts |= {f"versions.{name}": value for name, value in report.versions.items()}
    for task in report.tasks:
        facts[f"{task.task}.dataset"] = task.dataset
        facts[f"{task.task}.instruction"] = str(task.definition.instruction if task.definition else "")
        facts |= {f"{task.task}.{result.system}.run": result.run for result in task.systems if result.run}
    return facts
