"""Scores of several systems on the same rows → the record a report is made of."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from anytasktune.errors import EvaluationError
from anytasktune.evaluation.fixed_answer import fixed_answer_score
from anytasktune.evaluation.remarks import remarks_on
from anytasktune.evaluation.samples import pick_samples
from anytasktune.evaluation.scoring import ScoredSystem
from anytasktune.ids import content_id
from anytasktune.outputs import LOWER_IS_BETTER, reference_number
from anytasktune.schema import Comparison, Example, Report, Run, SystemResult, Task, TaskReport
from anytasktune.scorers import item_statistics
from anytasktune.scorers.statistics import (
    bootstrap_interval,
    compare_paired,
    holm,
    rank_correlation,
    smallest_visible_difference,
)
from anytasktune.settings import SYSTEMS, TASK_LMS, EvalConfig, System

Verdict = Literal["better", "worse", "cannot_tell"]


def task_report(
    task: Task,
    examples: Sequence[Example],
    judged: Sequence[ScoredSystem],
    runs: Mapping[System, Run],
    config: EvalConfig,
    rows_available: int | None = None,
    generated_rows: int = 0,
) -> TaskReport:
    """Compare the systems of one task. Holm's correction waits for `build_report`, which sees all tasks.

    Args:
        task: the task.
        examples: the rows that were judged.
        judged: the systems, each over exactly these rows.
        runs: the trainings of the Task-LMs among them.
        config: resamples, seed and significance.
        rows_available: rows of the split, if more than `examples`.
        generated_rows: how many of `examples` a teacher model wrote.

    Raises:
        EvaluationError: there are no rows, no systems, or a system does not cover exactly these rows.
    """
    _check_coverage(task, examples, judged)
    references = [task.in_first_language(text, text) for text in (example.output.strip() for example in examples)]
    systems = {entry.system: entry for entry in sorted(judged, key=lambda entry: SYSTEMS.index(entry.system))}
    subject = next((system for system in TASK_LMS if system in systems), TASK_LMS[0])
    run = runs.get(subject)
    report = TaskReport(
        task=task.name,
        title=task.title.get(task.languages[0]) or task.name,
        titles=task.title,
        language=task.languages[0],
        metric=task.scored_by,
        lower_is_better=task.scored_by in LOWER_IS_BETTER,
        subject=subject,
        test_rows=len(examples),
        rows_available=rows_available,
        generated_rows=generated_rows,
        train_rows=run.train_rows if run else 0,
        train_seconds=run.usage.seconds if run else 0.0,
        systems=[_trained(_system_result(task, examples, entry, config), runs) for entry in systems.values()],
        comparisons=_comparisons(task, examples, systems, subject, config),
        action_against_mixed=_action_against_mixed(task, examples, systems, config),
        samples=pick_samples(task, examples, systems, subject, config.seed),
        dev_curve=[(point.step, point.dev_loss) for point in run.dev_curve] if run else [],
        fixed_answer=fixed_answer_score(task, references),
    )
    return report.model_copy(update={"remarks": remarks_on(report, references, runs, config.split)})


def build_report(
    domain: str,
    model: str,
    tasks: Sequence[TaskReport],
    config: EvalConfig,
    versions: Mapping[str, str],
    machine: str,
    created: str | None = None,
) -> Report:
    """Put the tasks together: correct the p values over all of them, per opponent, and settle the verdicts.

    Args:
        domain: name of the domain.
        model: name of the base model.
        tasks: the reports of its tasks.
        config: of this evaluation.
        versions: library → version.
        machine: what it was measured on, in words.
        created: ISO 8601 in UTC; now, unless given.
    """
    settled = _settle(tasks, config.significance)
    content = [domain, model, [task.model_dump(mode="json") for task in settled], config.model_dump(mode="json")]
    content += [dict(versions), machine]
    return Report(
        id=content_id(content),
        domain=domain,
        model=model,
        created=created or datetime.now(UTC).isoformat(timespec="seconds"),
        tasks=settled,
        config=config,
        versions=dict(versions),
        machine=machine,
    )


def verdict_on(difference: float, p_value: float, lower_is_better: bool, alpha: float) -> Verdict:
    """What may be said of a difference (ours minus the other): a direction only where `p_value` is below `alpha`."""
    if p_value >= alpha or difference == 0:
        return "cannot_tell"
    return "better" if (difference < 0) == lower_is_better else "worse"


def _check_coverage(task: Task, examples: Sequence[Example], judged: Sequence[ScoredSystem]) -> None:
    if not examples or not judged:
        what = "there are no rows to judge" if not examples else "no system was judged"
        raise EvaluationError(f"task {task.name}: {what}", fix="give the data set a test split and predict on it")
    expected = [example.id for example in examples]
    for entry in judged:
        ids = [prediction.example_id for prediction in entry.predictions]
        if ids != expected or [score.example_id for score in entry.scores] != expected:
            fix = "predict with every system on the same rows"
            raise EvaluationError(f"task {task.name}: {entry.system} was judged on other rows", fix=fix)


def _system_result(task: Task, examples: Sequence[Example], entry: ScoredSystem, config: EvalConfig) -> SystemResult:
    rows = sorted(entry.scored_rows)
    answered = [entry.scores[row] for row in rows]
    well_formed = sum(1 for score in answered if score.parsed and not score.broken_rules)
    statistics = item_statistics(task, [examples[row].output for row in rows], [entry.predictions[row].output for row in rows])
    return SystemResult(
        system=entry.system,
        score=bootstrap_interval(statistics, config.resamples, config.seed) if rows else None,
        scored=len(rows),
        unscored=len(examples) - len(rows),
        well_formed=well_formed / len(rows) if rows else 0.0,
        seconds=entry.seconds,
        shots=entry.shots,
        truncated=sum(1 for prediction in entry.predictions if prediction.truncated),
        broken_rules=dict(Counter(rule for score in answered for rule in score.broken_rules).most_common()),
        rank_correlation=_rank_correlation(task, examples, entry),
    )


def _trained(result: SystemResult, runs: Mapping[System, Run]) -> SystemResult:
    run = runs.get(result.system)
    if run is None:
        return result
    return result.model_copy(update={"learned": run.tasks, "train_rows": run.train_rows, "train_seconds": run.usage.seconds})


def _rank_correlation(task: Task, examples: Sequence[Example], entry: ScoredSystem) -> float | None:
    pairs = [
        (reference_number(examples[row].output), number)
        for row in sorted(entry.scored_rows)
        if (number := task.output.number_of(entry.predictions[row].output)) is not None
    ]
    return rank_correlation([reference for reference, _ in pairs], [number for _, number in pairs])


def _comparisons(
    task: Task, examples: Sequence[Example], systems: Mapping[System, ScoredSystem], subject: System, config: EvalConfig
) -> list[Comparison]:
    ours = systems.get(subject)
    if ours is None:
        return []
    opponents = [entry for entry in systems.values() if entry is not ours and entry.scored_rows & ours.scored_rows]
    return [_comparison(task, examples, ours, opponent, config) for opponent in opponents]


def _action_against_mixed(
    task: Task, examples: Sequence[Example], systems: Mapping[System, ScoredSystem], config: EvalConfig
) -> Comparison | None:
    if not systems.keys() >= set(TASK_LMS):
        return None
    action, mixed = systems["action"], systems["mixed"]
    return _comparison(task, examples, action, mixed, config) if action.scored_rows & mixed.scored_rows else None


def _comparison(
    task: Task, examples: Sequence[Example], subject: ScoredSystem, opponent: ScoredSystem, config: EvalConfig
) -> Comparison:
    rows = sorted(subject.scored_rows & opponent.scored_rows)
    references = [examples[row].output for row in rows]
    ours, theirs = (
        item_statistics(task, references, [entry.predictions[row].output for row in rows]) for entry in (subject, opponent)
    )
    paired, full_range = compare_paired(ours, theirs, config.resamples, config.seed), task.output.full_range
    return Comparison(
        against=opponent.system,
        items=len(rows),
        difference=paired.difference,
        p_value=paired.p_value,
        p_holm=paired.p_value,
        verdict=verdict_on(paired.difference.value, paired.p_value, task.scored_by in LOWER_IS_BETTER, config.significance),
        smallest_visible=smallest_visible_difference(paired.standard_error, len(rows), full_range, config.significance),
    )


def _settle(tasks: Sequence[TaskReport], alpha: float) -> list[TaskReport]:
    """The tasks with p values corrected over all of them, opponent by opponent, and the verdicts that follow."""
    settled = list(tasks)
    for opponent in SYSTEMS:
        places = [
            (number, place)
            for number, task in enumerate(tasks)
            for place, comparison in enumerate(task.comparisons)
            if comparison.against == opponent
        ]
        corrected = holm([tasks[number].comparisons[place].p_value for number, place in places])
        for (number, place), p_holm in zip(places, corrected, strict=True):
            comparisons = list(settled[number].comparisons)
            comparisons[place] = _corrected(settled[number], comparisons[place], p_holm, alpha)
            settled[number] = settled[number].model_copy(update={"comparisons": comparisons})
    return _settle_action_against_mixed(settled, alpha)


def _settle_action_against_mixed(tasks: Sequence[TaskReport], alpha: float) -> list[TaskReport]:
    settled = list(tasks)
    found = [(number, task.action_against_mixed) for number, task in enumerate(tasks) if task.action_against_mixed]
    for (number, comparison), p_holm in zip(found, holm([entry.p_value for _, entry in found]), strict=True):
        corrected = _corrected(settled[number], comparison, p_holm, alpha)
        settled[number] = settled[number].model_copy(update={"action_against_mixed": corrected})
    return settled


def _corrected(task: TaskReport, comparison: Comparison, p_holm: float, alpha: float) -> Comparison:
    verdict = verdict_on(comparison.difference.value, p_holm, task.lower_is_better, alpha)
    return comparison.model_copy(update={"p_holm": p_holm, "verdict": verdict})
