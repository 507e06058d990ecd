"""Scores of several systems on the same rows → the record a report is made of."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from anytasktune.errors import EvaluationError
from anytasktune.evaluation.fixed_answer import fixed_answer_score
from anytasktune.evaluation.remarks import remarks_on
from anytasktune.evaluation.samples import pick_samples
from anytasktune.evaluation.scoring import JudgedSystem
from anytasktune.evaluation.statistics import (
    bootstrap_interval,
    compare_paired,
    holm,
    rank_correlation,
    smallest_visible_difference,
)
from anytasktune.ids import content_id
from anytasktune.schema import (
    LOWER_IS_BETTER,
    SYSTEMS,
    Comparison,
    EvalConfig,
    Example,
    NumberOutput,
    Report,
    Run,
    System,
    SystemResult,
    Task,
    TaskReport,
)
from anytasktune.scorers import in_first_language, item_statistics, parse_output, parse_reference_number

Verdict = Literal["better", "worse", "cannot_tell"]


def task_report(
    task: Task,
    examples: Sequence[Example],
    judged: Sequence[JudgedSystem],
    run: Run | None,
    config: EvalConfig,
    rows_available: int | None = None,
) -> TaskReport:
    """Compare the systems of one task. Holm's correction waits for `build_report`, which sees all tasks.

    Args:
        task: the task.
        examples: the rows that were judged.
        judged: the systems, each over exactly these rows.
        run: the training of the tuned system; None if there is none.
        config: resamples, seed and significance.
        rows_available: rows of the split, if more than `examples`.

    Raises:
        EvaluationError: there are no rows, no systems, or a system does not cover exactly these rows.
    """
    _check_coverage(task, examples, judged)
    references = [in_first_language(task, text, text) for text in (example.output.strip() for example in examples)]
    systems = {entry.system: entry for entry in sorted(judged, key=lambda entry: SYSTEMS.index(entry.system))}
    report = TaskReport(
        task=task.name,
        title=task.title.get(task.languages[0]) or task.name,
        titles=task.title,
        language=task.languages[0],
        metric=task.scored_by,
        lower_is_better=task.scored_by in LOWER_IS_BETTER,
        test_rows=len(examples),
        rows_available=rows_available,
        train_rows=run.train_rows if run else 0,
        train_seconds=run.usage.seconds if run else 0.0,
        systems=[_system_result(task, examples, entry, config) for entry in systems.values()],
        comparisons=_comparisons(task, examples, systems, config),
        samples=pick_samples(task, examples, systems, config.seed),
        dev_curve=[(point.step, point.dev_loss) for point in run.dev_curve] if run else [],
        fixed_answer=fixed_answer_score(task, references),
    )
    return report.model_copy(update={"remarks": remarks_on(report, references)})


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
    """What may be said of a difference (tuned minus the other): a direction only where `p_value` is below `alpha`."""
    if p_value >= alpha or difference == 0:
        return "cannot_tell"
    return "better" if (difference < 0) == lower_is_better else "worse"


def _check_coverage(task: Task, examples: Sequence[Example], judged: Sequence[JudgedSystem]) -> None:
    if not examples or not judged:
        what = "there are no rows to judge" if not examples else "no system was judged"
        raise EvaluationError(f"task {task.name}: {what}", fix="give the data set a test split and predict on it")
    expected = [example.id for example in examples]
    for entry in judged:
        ids = [prediction.example_id for prediction in entry.predictions]
        if ids != expected or [score.example_id for score in entry.scores] != expected:
            fix = "predict with every system on the same rows"
            raise EvaluationError(f"task {task.name}: {entry.system} was judged on other rows", fix=fix)


def _system_result(task: Task, examples: Sequence[Example], entry: JudgedSystem, config: EvalConfig) -> SystemResult:
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


def _rank_correlation(task: Task, examples: Sequence[Example], entry: JudgedSystem) -> float | None:
    if not isinstance(task.output, NumberOutput):
        return None
    pairs = [
        (parse_reference_number(examples[row].output), number)
        for row in sorted(entry.scored_rows)
        if (number := parse_output(task, entry.predictions[row].output).number) is not None
    ]
    return rank_correlation([reference for reference, _ in pairs], [number for _, number in pairs])


def _comparisons(
    task: Task, examples: Sequence[Example], systems: Mapping[System, JudgedSystem], config: EvalConfig
) -> list[Comparison]:
    tuned = systems.get("tuned")
    if tuned is None:
        return []
    opponents = [entry for entry in systems.values() if entry is not tuned and entry.scored_rows & tuned.scored_rows]
    return [_comparison(task, examples, tuned, opponent, config) for opponent in opponents]


def _comparison(
    task: Task, examples: Sequence[Example], tuned: JudgedSystem, opponent: JudgedSystem, config: EvalConfig
) -> Comparison:
    rows = sorted(tuned.scored_rows & opponent.scored_rows)
    references = [examples[row].output for row in rows]
    ours, theirs = (
        item_statistics(task, references, [entry.predictions[row].output for row in rows]) for entry in (tuned, opponent)
    )
    paired = compare_paired(ours, theirs, config.resamples, config.seed)
    full_range = task.output.maximum - task.output.minimum if isinstance(task.output, NumberOutput) else 1.0
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
            settled[number] = _with_comparison(settled[number], place, p_holm, alpha)
    return settled


def _with_comparison(task: TaskReport, place: int, p_holm: float, alpha: float) -> TaskReport:
    comparisons = list(task.comparisons)
    verdict = verdict_on(comparisons[place].difference.value, p_holm, task.lower_is_better, alpha)
    comparisons[place] = comparisons[place].model_copy(update={"p_holm": p_holm, "verdict": verdict})
    return task.model_copy(update={"comparisons": comparisons})
