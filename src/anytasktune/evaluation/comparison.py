"""Scores of several systems on the same rows → the record a report is made of."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from anytasktune.errors import EvaluationError
from anytasktune.evaluation.answer_costs import break_even, cost_per_1000, per_1000
from anytasktune.evaluation.bilingual import correct_parities, correct_task_transfers, language_parities
from anytasktune.evaluation.caveats import caveats_on, small_test_set
from anytasktune.evaluation.error_analysis import (
    calibration_of,
    confusion_of,
    count_faults,
    count_right,
    faults_by_row,
    group_faults,
    label_scores,
)
from anytasktune.evaluation.recommendation import recommend
from anytasktune.evaluation.scoring import ScoredSystem, pick_samples
from anytasktune.evaluation.source_clusters import by_source
from anytasktune.evaluation.verdicts import verdict_on
from anytasktune.ids import content_id
from anytasktune.outputs import LOWER_IS_BETTER, reference_number
from anytasktune.schema import (
    Comparison,
    Example,
    Forgetting,
    Interval,
    Report,
    Run,
    SystemResult,
    Task,
    TaskMatrix,
    TaskReport,
)
from anytasktune.schema.router_evaluation import RouterEvaluation
from anytasktune.scorers import item_statistics
from anytasktune.scorers.intervals import score_interval
from anytasktune.scorers.paired_tests import compare_paired, minimum_detectable_difference
from anytasktune.scorers.statistics import holm, rank_correlation
from anytasktune.settings import TASK_LMS, EvalConfig, System
from anytasktune.settings.systems import in_report_order


@dataclass(frozen=True)
class AcrossTasks:
    """Measurements beside those of the tasks, where they were asked for.

    Attributes:
        matrix: every Task-LM on every task.
        forgetting: general instructions before and after training.
        router: how good the router of the tasks is.
    """

    matrix: TaskMatrix | None = None
    forgetting: Forgetting | None = None
    router: RouterEvaluation | None = None


NOTHING_ACROSS = AcrossTasks()
MOST_REASONS = 5
"""Reasons of unscored answers that a report holds; of some, every row has its own."""


def task_report(
    task: Task,
    examples: Sequence[Example],
    scored: Sequence[ScoredSystem],
    runs: Mapping[System, Run],
    config: EvalConfig,
    rows_available: int | None = None,
    generated_rows: int = 0,
    dataset: str = "",
) -> TaskReport:
    """Compare the systems of one task. Holm's correction waits for `build_report`, which sees all tasks.

    Args:
        task: the task.
        examples: the rows the systems were evaluated on.
        scored: the systems, each over exactly these rows.
        runs: the trainings of the Task-LMs among them.
        config: resamples, seed and significance.
        rows_available: rows of the split, if more than `examples`.
        generated_rows: number of `examples` that a teacher model generated.
        dataset: id of their data set.

    Raises:
        EvaluationError: there are no rows, no systems, or a system does not cover exactly these rows.
    """
    _check_coverage(task, examples, scored)
    references = [task.in_first_language(text, text) for text in (example.output.strip() for example in examples)]
    systems = {entry.system: entry for entry in sorted(scored, key=lambda entry: in_report_order(entry.system))}
    subject = next((system for system in TASK_LMS if system in systems), TASK_LMS[0])
    run = runs.get(subject)
    opponents = [entry for system, entry in systems.items() if system != subject and subject in systems]
    compared = [compare_systems(task, examples, (systems[subject], opponent), config) for opponent in opponents]
    duel = (systems["action"], systems["mixed"]) if systems.keys() >= set(TASK_LMS) else None
    results = [_system_result(task, examples, entry, runs.get(system), config) for system, entry in systems.items()]
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
        dataset=dataset,
        definition=task,
        train_rows=run.train_rows if run else 0,
        train_seconds=run.train_seconds if run else 0.0,
        systems=results,
        comparisons=[comparison for comparison in compared if comparison],
        action_against_mixed=compare_systems(task, examples, duel, config) if duel else None,
        break_even=break_even(subject, results, run, config),
        samples=pick_samples(task, examples, systems, subject, config.seed),
        dev_curve=[(point.step, point.dev_loss) for point in run.dev_curve] if run else [],
        parity=language_parities(task, examples, systems, config),
    )
    caveats = caveats_on(report, references, runs, config, len({row.source or row.id for row in examples}))
    return report.model_copy(update={"caveats": caveats})


def build_report(
    domain: str,
    model: str,
    tasks: Sequence[TaskReport],
    config: EvalConfig,
    versions: Mapping[str, str],
    machine: str,
    created: str | None = None,
    across: AcrossTasks = NOTHING_ACROSS,
) -> Report:
    """Put the tasks together: correct the p values over all of them, per opponent, and settle the verdicts.

    Args:
        domain: name of the domain.
        model: name of the base model.
        tasks: the reports of its tasks.
        config: of this evaluation.
        versions: library → version.
        machine: description of the machine.
        created: ISO 8601 in UTC; now, unless given.
        across: what was measured beside the tasks.
    """
    alpha = config.significance
    corrected = correct_task_transfers(correct_parities(_holm_corrected(tasks, alpha), alpha), alpha)
    report = Report(
        id="",
        domain=domain,
        model=model,
        created=created or datetime.now(UTC).isoformat(timespec="seconds"),
        tasks=corrected,
        config=config,
        versions=dict(versions),
        machine=machine,
        matrix=across.matrix,
        forgetting=across.forgetting,
        router=across.router,
    )
    return report.model_copy(update={"id": report_id(report)})


def report_id(report: Report) -> str:
    """The id of a report by its content: everything but the id itself and the time."""
    return content_id(report.model_dump(mode="json", exclude={"id", "created"}))


def _check_coverage(task: Task, examples: Sequence[Example], scored: Sequence[ScoredSystem]) -> None:
    if not examples or not scored:
        what = "there are no rows to evaluate on" if not examples else "no system was evaluated"
        raise EvaluationError(f"task {task.name}: {what}", fix="give the data set a test split and predict on it")
    expected = [example.id for example in examples]
    for entry in scored:
        ids = [prediction.example_id for prediction in entry.predictions]
        if ids != expected or [score.example_id for score in entry.scores] != expected:
            fix = "predict with every system on the same rows"
            raise EvaluationError(f"task {task.name}: {entry.system} was evaluated on other rows", fix=fix)


def _system_result(
    task: Task, examples: Sequence[Example], entry: ScoredSystem, run: Run | None, config: EvalConfig
) -> SystemResult:
    rows = sorted(entry.scored_rows)
    references, outputs = [examples[row].output for row in rows], [entry.predictions[row].output for row in rows]
    scores = [entry.scores[row] for row in rows]
    numbers = [task.output.number_of(output) for output in outputs]
    pairs = [(reference_number(one), number) for one, number in zip(references, numbers, strict=True) if number is not None]
    faults = faults_by_row(task, examples, entry)
    confusion = confusion_of(task, examples, entry)
    return SystemResult(
        system=entry.system,
        score=scored_interval(task, examples, entry, config),
        scored=len(rows),
        unscored=len(examples) - len(rows),
        well_formed=sum(score.parsed and not score.broken_rules for score in scores) / len(rows) if rows else 0.0,
        seconds=entry.usage.seconds,
        seconds_per_1000=per_1000(entry.usage.seconds, entry.usage.answers),
        cost_per_1000=cost_per_1000(entry, config),
        joules_per_1000=per_1000(entry.usage.joules, entry.usage.answers),
        machine=entry.usage.machine,
        general_model=entry.general_model,
        unscored_reasons=dict(Counter(one.error for one in entry.predictions if one.error).most_common(MOST_REASONS)),
        shots=entry.shots,
        shot_choice=entry.shot_choice,
        truncated=sum(1 for prediction in entry.predictions if prediction.truncated),
        corrected=sum(1 for prediction in entry.predictions if prediction.corrected),
        broken_rules=dict(Counter(rule for score in scores for rule in score.broken_rules).most_common()),
        right=count_right(task, entry),
        faults=count_faults(faults),
        fault_groups=group_faults(examples, faults),
        confusion=confusion,
        labels=label_scores(confusion),
        calibration=calibration_of(task, entry),
        rank_correlation=rank_correlation([reference for reference, _ in pairs], [number for _, number in pairs]),
        trained_on=run.tasks if run else [],
        train_rows=run.train_rows if run else entry.train_rows,
        train_seconds=run.train_seconds if run else entry.train_seconds,
        kept_at=entry.kept_at,
        predictions=entry.prediction_set,
        predictions_sha256=entry.sha256,
        run=f"{run.target}/{run.id}" if run else None,
    )


def scored_interval(task: Task, examples: Sequence[Example], entry: ScoredSystem, config: EvalConfig) -> Interval | None:
    """A system's score over the rows it has one for, with its interval; None where there are none."""
    rows = sorted(entry.scored_rows)
    if not rows:
        return None
    outputs = [entry.predictions[row].output for row in rows]
    statistics = item_statistics(task, [examples[row].output for row in rows], outputs)
    return score_interval(by_source(examples, rows, statistics), config.resamples, config.seed)


def compare_systems(
    task: Task, examples: Sequence[Example], pair: tuple[ScoredSystem, ScoredSystem], config: EvalConfig
) -> Comparison | None:
    """The first system against the second on the rows both have a score for; None where there are none."""
    rows = sorted(pair[0].scored_rows & pair[1].scored_rows)
    if not rows:
        return None
    references = [examples[row].output for row in rows]
    ours, theirs = (
        by_source(examples, rows, item_statistics(task, references, [entry.predictions[row].output for row in rows]))
        for entry in pair
    )
    paired = compare_paired(ours, theirs, config.resamples, config.seed)
    return Comparison(
        against=pair[1].system,
        items=len(rows),
        difference=paired.difference,
        p_value=paired.p_value,
        p_holm=paired.p_value,
        verdict=verdict_on(paired.difference.value, paired.p_value, task.scored_by in LOWER_IS_BETTER, config.significance),
        minimum_detectable=minimum_detectable_difference(paired, len(ours), task.output.full_range, config.significance),
    )


def _holm_corrected(tasks: Sequence[TaskReport], alpha: float) -> list[TaskReport]:
    """The tasks with p values corrected over all of them, opponent by opponent, and the verdicts that follow."""
    p_holm: dict[tuple[int, str], float] = {}
    for opponent in {entry.against for task in tasks for entry in task.comparisons}:
        family = [(n, entry) for n, task in enumerate(tasks) for entry in task.comparisons if entry.against == opponent]
        corrected = holm([entry.p_value for _, entry in family])
        p_holm |= {(n, opponent): value for (n, _), value in zip(family, corrected, strict=True)}
    duels = [(n, task.action_against_mixed) for n, task in enumerate(tasks) if task.action_against_mixed]
    corrected = holm([entry.p_value for _, entry in duels])
    duel_p = {n: value for (n, _), value in zip(duels, corrected, strict=True)}

    def settled(task: TaskReport, entry: Comparison, value: float) -> Comparison:
        verdict = verdict_on(entry.difference.value, value, task.lower_is_better, alpha)
        return entry.model_copy(update={"p_holm": value, "verdict": verdict})

    reports = []
    for n, task in enumerate(tasks):
        duel = task.action_against_mixed
        update: dict[str, object] = {
            "comparisons": [settled(task, entry, p_holm[n, entry.against]) for entry in task.comparisons],
            "action_against_mixed": settled(task, duel, duel_p[n]) if duel else None,
        }
        corrected_task = task.model_copy(update=update)
        caveats = [caveat for caveat in task.caveats if caveat.code != "small_test_set"]
        update = {"caveats": [*small_test_set(corrected_task), *caveats], "recommendation": recommend(corrected_task)}
        reports.append(corrected_task.model_copy(update=update))
    return reports
