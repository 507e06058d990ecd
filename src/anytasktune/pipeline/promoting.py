"""`promote`: which Task-LM answers a task in use, and on what evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from anytasktune.datasets import input_hash, load_dataset, read_examples
from anytasktune.errors import ConfigError, EvaluationError, counted
from anytasktune.evaluation.comparison import compare_systems
from anytasktune.evaluation.scoring import ScoredSystem, score_system
from anytasktune.outputs import LOWER_IS_BETTER
from anytasktune.pipeline.answering import no_task_lm, system_for, version_of
from anytasktune.pipeline.events import OnEvent
from anytasktune.pipeline.own_rows import checked
from anytasktune.pipeline.predicting import kept_answers
from anytasktune.pipeline.production import promoted, write_promotion
from anytasktune.pipeline.reporting import all_reports
from anytasktune.pipeline.stored_runs import all_versions, last_runs
from anytasktune.pipeline.stored_versions import results_of
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import (
    AnsweringUsage,
    Example,
    Prediction,
    PredictionSet,
    Promotion,
    PromotionEvidence,
    Run,
    SplitName,
    Task,
)
from anytasktune.scorers import item_statistics
from anytasktune.settings import SIMPLE, TASK_LMS, Settings, System
from anytasktune.store import Project
from anytasktune.store.run_folder import finished_run

_LEARNED, _REPEATED = "learned_by_a_version", "duplicate"


@dataclass(frozen=True)
class PromoteOptions:
    """How a version is promoted.

    Attributes:
        version: beginning of the id of a run or Task-LM; empty: the newest Task-LM.
        on: a file of new rows with answers, instead of the dev rows.
        despite_report: promote it where no version is in production and a simple baseline is better, or there is no report.
        by: name of the person.
    """

    version: str = ""
    on: Path | None = None
    despite_report: bool = False
    by: str = "unknown"


def promote(
    workspace: Workspace,
    task_name: str,
    options: PromoteOptions | None = None,
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
) -> Promotion:
    """Put a version into production, if it scores at least as well as the one that is there on rows neither has learned.

    The first version of a task is held against the best simple baseline of its report instead.

    Raises:
        EvaluationError: it scores less, there are no rows to compare on, or it has no report.
        ConfigError: there is no such version, or it is in production already.
    """
    options = options or PromoteOptions()
    (task,) = workspace.tasks([task_name])
    context = TrainingContext.begin(workspace, settings, on_event)
    system, run = _chosen(context, task, options.version)
    standing = promoted(workspace.project, task.name)
    before = standing[-1] if standing else None
    if before is not None and before.run == run.id:
        raise ConfigError(f"version {run.id} is in production already, since {before.day}", where=f"task {task.name}")
    evidence = None
    if before is not None and finished_run(workspace.project.runs(before.target) / before.run) is not None:
        rows, left_out, source = _rows(context, task, (run.id, before.run), options.on)
        pair = [scored_version(workspace, task, rows, one, settings, on_event) for one in (run.id, before.run)]
        evidence = paired_evidence(task, rows, (pair[0], pair[1]), context.settings, source)
        evidence = evidence.model_copy(update={"against": before.run, "left_out": left_out})
        _require_no_loss(workspace.project, task, run, evidence)
    else:
        if before is not None:
            context.note(f"{before.run}, in production so far, is gone: {run.id} is held against its report")
        evidence = _by_report(workspace, task, run, system)
        if not options.despite_report:
            _require_report(workspace.project, task, run, evidence)
    line = Promotion(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        by=options.by,
        task=task.name,
        change="promote",
        target=run.target,
        run=run.id,
        before=before.run if before else "",
        evidence=evidence,
    )
    write_promotion(workspace.project, line)
    return line


def _chosen(context: TrainingContext, task: Task, version: str) -> tuple[System, Run]:
    if version and version not in TASK_LMS:
        return version_of(context.workspace, task, version)
    found = next((pair for pair in last_runs(context.workspace, task, TASK_LMS) if version in {"", pair[0]}), None)
    if found is None:
        raise no_task_lm(context, task, version)
    return found


def _rows(
    context: TrainingContext, task: Task, runs: Sequence[str], file: Path | None
) -> tuple[list[Example], dict[str, int], str]:
    """Rows that neither version has learned, how many were left out for what reason, and where they come from."""
    if file is None:
        given, left_out, source = list(context.dataset(task).splits.get("dev", [])), dict[str, int](), "dev"
        learned: tuple[SplitName, ...] = ("train",)
    else:
        result = checked(task, read_examples(file))
        given, left_out, source = list(result.examples), dict(result.counts.dropped), file.name
        learned = ("train", "dev")
    rows, unfit = unlearned(context, task, given, runs, learned)
    left_out |= {reason: count + left_out.get(reason, 0) for reason, count in unfit.items()}
    if not rows:
        reasons = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        what = f"there is no row in {source} to compare the versions on" + (f": {reasons}" if reasons else "")
        raise EvaluationError(what, where=f"task {task.name}", fix="give a file of new rows with answers: --on FILE")
    return rows, left_out, source


def unlearned(
    context: TrainingContext, task: Task, given: Sequence[Example], runs: Sequence[str], splits: Sequence[SplitName]
) -> tuple[list[Example], dict[str, int]]:
    """The rows whose input is in none of these splits of what the runs were trained on, and the number of others by reason."""
    learned = _learned(context, task, runs, splits)
    rows: dict[str, Example] = {}
    left_out: dict[str, int] = {}
    for row in given:
        key = input_hash(row.input)
        if key in learned or key in rows:
            reason = _LEARNED if key in learned else _REPEATED
            left_out[reason] = left_out.get(reason, 0) + 1
        else:
            rows[key] = row
    return list(rows.values()), left_out


def _learned(context: TrainingContext, task: Task, runs: Sequence[str], splits: Sequence[SplitName]) -> set[str]:
    """Hashes of the inputs in these splits of the data sets that the runs were trained on."""
    found: set[str] = set()
    for run in (run for _, run in all_versions(context.workspace, task) if run.id in runs):
        folder = context.workspace.project.datasets(task.name) / run.datasets[task.name]
        if not folder.exists():
            context.note(f"the data set of version {run.id} is gone: rows that it has learned cannot be left out")
            continue
        dataset = load_dataset(folder)
        found |= {input_hash(row.input) for split in splits for row in dataset.splits.get(split, [])}
    return found


def scored_version(
    workspace: Workspace,
    task: Task,
    rows: Sequence[Example],
    version: str,
    settings: Settings | None,
    on_event: OnEvent | None,
) -> ScoredSystem:
    """A version's answers to the rows, scored as the task is today. Its base model leaves memory afterwards."""
    context = TrainingContext.begin(workspace, settings, on_event)
    system = system_for(context, task, version)
    answers, _ = kept_answers(context, system, [row.model_copy(update={"output": ""}) for row in rows])
    given = [answers[row.model_copy(update={"output": ""}).id] for row in rows]
    predictions = [
        Prediction(**answer.model_dump(), example_id=row.id, system=system.name)
        for row, answer in zip(rows, given, strict=True)
    ]
    made = PredictionSet(
        id=system.identity,
        task=task.name,
        system=system.name,
        dataset="",
        split="dev",
        predictions=predictions,
        usage=AnsweringUsage(),
    )
    return score_system(task, rows, made)


def paired_evidence(
    task: Task, rows: Sequence[Example], pair: tuple[ScoredSystem, ScoredSystem], settings: Settings, source: str
) -> PromotionEvidence:
    """The first version against the second on the same rows.

    Raises:
        EvaluationError: the first answers fewer of them.
    """
    compared = compare_systems(task, rows, pair, settings.eval)
    answered = [len(entry.scored_rows) for entry in pair]
    if compared is None or answered[0] < answered[1]:
        what = f"the version answers {answered[0]} of {counted(len(rows), 'row')}, the one in production {answered[1]}"
        raise EvaluationError(what, where=f"task {task.name}", fix="promote a version that answers as many")
    common = sorted(pair[0].scored_rows & pair[1].scored_rows)
    references = [rows[place].output for place in common]
    scores = [
        item_statistics(task, references, [entry.predictions[place].output for place in common]).value() for entry in pair
    ]
    return PromotionEvidence(
        basis="paired_test",
        source=source,
        rows=compared.items,
        metric=task.scored_by,
        lower_is_better=task.scored_by in LOWER_IS_BETTER,
        score=scores[0],
        other_score=scores[1],
        difference=compared.difference,
        p_value=compared.p_value,
        verdict=compared.verdict,
        minimum_detectable=compared.minimum_detectable,
    )


def _require_no_loss(project: Project, task: Task, run: Run, evidence: PromotionEvidence) -> None:
    if evidence.verdict != "worse" and not evidence.scores_lower:
        return
    said = "significantly less" if evidence.verdict == "worse" else "less, though not significantly so,"
    what = (
        f"version {run.id} scores {said} than {evidence.against}, which is in production: {evidence.metric} "
        f"{evidence.score:.3f} against {evidence.other_score:.3f} on {counted(evidence.rows, 'row')} of {evidence.source}"
    )
    if evidence.difference is not None:
        low, high = evidence.difference.low, evidence.difference.high
        what += (
            f" (difference {evidence.difference.value:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}, p {evidence.p_value:.3f})"
        )
    fix = f"compare them on new rows: {project.command('promote', task.name, run.id, '--on', 'FILE')}; or train a better one"
    raise EvaluationError(what, where=f"task {task.name}", fix=fix)


def _by_report(workspace: Workspace, task: Task, run: Run, system: System) -> PromotionEvidence | None:
    """The score of a run and of the best simple baseline in the last report that measured it; None if none did."""
    reports = all_reports(workspace.project)[0]
    measured = list(results_of(reports, task, run))
    if not measured:
        return None
    identity, score = measured[-1]
    part = next(one for report in reports if report.id == identity for one in report.tasks if one.task == task.name)
    simple: Mapping[str, float] = {
        entry.system: entry.score.value for entry in part.systems if entry.system in SIMPLE and entry.score
    }
    evidence = PromotionEvidence(
        basis="report",
        source=identity,
        rows=part.test_rows,
        metric=part.metric,
        lower_is_better=part.lower_is_better,
        score=score,
    )
    if not simple:
        return evidence
    best = (min if part.lower_is_better else max)(simple, key=lambda name: simple[name])
    update: dict[str, object] = {"against": best, "other_score": simple[best]}
    if part.subject == system and (test := next((one for one in part.comparisons if one.against == best), None)):
        update |= {"difference": test.difference, "p_value": test.p_holm, "verdict": test.verdict}
        update["minimum_detectable"] = test.minimum_detectable
    return evidence.model_copy(update=update)


def _require_report(project: Project, task: Task, run: Run, evidence: PromotionEvidence | None) -> None:
    anyway = project.command("promote", task.name, run.id, "--despite-report")
    if evidence is None:
        fix = f"measure it first: {project.command('eval', task.name)}; or promote it all the same: {anyway}"
        raise EvaluationError(f"no report has measured version {run.id}", where=f"task {task.name}", fix=fix)
    if evidence.verdict == "worse" or (evidence.verdict is None and evidence.scores_lower):
        what = (
            f"the {evidence.against} baseline is better than version {run.id}: {evidence.metric} {evidence.other_score:.3f} "
            f"against {evidence.score:.3f} on {counted(evidence.rows, 'row')}, report {evidence.source}"
        )
        fix = f"use the baseline (--with {evidence.against}), train a better one, or promote it all the same: {anyway}"
        raise EvaluationError(what, where=f"task {task.name}", fix=fix)
