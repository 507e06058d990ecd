"""`improve`: the most frequent fault on dev is named and rows against it are asked for; then whether they mended it.

The group is chosen on dev and measured on test: on the rows it was chosen by, every other version would look better.
"""

import csv
import io
from pathlib import Path

from anytasktune.errors import EvaluationError, counted
from anytasktune.evaluation.error_analysis import faults_by_row, group_faults
from anytasktune.evaluation.scoring import ScoredSystem
from anytasktune.ids import content_id
from anytasktune.outputs import AnswerFault
from anytasktune.pipeline.answering import no_task_lm
from anytasktune.pipeline.build_context import BuildOptions
from anytasktune.pipeline.correcting import now
from anytasktune.pipeline.events import OnEvent
from anytasktune.pipeline.production import production_run
from anytasktune.pipeline.promoting import paired_evidence, scored_version, unlearned
from anytasktune.pipeline.rows_against_fault import ask_for_rows
from anytasktune.pipeline.stored_runs import last_runs
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.tuning import train_targets
from anytasktune.pipeline.workspace import Workspace
from anytasktune.reports.fault_words import fault_name
from anytasktune.reports.report_words import words
from anytasktune.schema import Example, FaultGroup, Improvement, Run, Task
from anytasktune.scorers.paired_tests import mcnemar
from anytasktune.settings import TASK_LMS, Settings
from anytasktune.store import Project, read_record, write_atomic, write_record

PLAN, ROWS, EXAMPLES = "plan.json", "rows.csv", "examples.md"
_FEWEST, _MOST, _PER_FAULT = 20, 100, 5
_SHOWN = 10
SIGNIFICANCE = 0.05


def improve(
    workspace: Workspace,
    task_name: str,
    *,
    fresh: bool = False,
    teacher: BuildOptions | None = None,
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
) -> Improvement | None:
    """Plan against the most frequent fault of the Task-LM that answers; once the task has other rows, train and measure.

    Args:
        fresh: plan anew, although a plan waits for rows.
        teacher: let the teacher of the settings write the rows that a plan waits for; once per plan.

    Returns:
        The plan that waits for rows, or the one that was measured; None where dev shows no fault that occurs again.

    Raises:
        EvaluationError: there is no Task-LM, or there are no dev or test rows.
    """
    (task,) = workspace.tasks([task_name])
    context = TrainingContext.begin(workspace, settings, on_event)
    folder = workspace.project.improvements(task.name)
    waiting = None if fresh else _waiting(folder)
    plan = _plan(context, task) if waiting is None else waiting
    if plan is not None and teacher is not None and not plan.teacher_kept:
        return _with_rows_of_teacher(context, task, plan, teacher)
    if waiting is None:
        return plan
    if context.dataset(task).manifest.id == waiting.dataset:
        return waiting
    (after,) = train_targets(context, context.training_data([task], "task"))
    measured = _measured(context, task, waiting, after)
    write_record(folder / measured.id / PLAN, measured)
    return measured


def _with_rows_of_teacher(context: TrainingContext, task: Task, plan: Improvement, teacher: BuildOptions) -> Improvement:
    """The plan with what the teacher wrote against its fault."""
    made = ask_for_rows(context.workspace, task, plan, teacher, context.settings, context.on_event)
    update = {"teacher_rows": made.wanted, "teacher_kept": made.kept, "teacher_left_out": made.left_out}
    plan = plan.model_copy(update=update)
    write_record(context.workspace.project.improvements(task.name) / plan.id / PLAN, plan)
    return plan


def _waiting(folder: Path) -> Improvement | None:
    """The newest plan without a result."""
    plans = [read_record(file, Improvement) for file in sorted(folder.glob(f"*/{PLAN}"))]
    return max((plan for plan in plans if plan.status == "waiting"), key=lambda plan: plan.at, default=None)


def _plan(context: TrainingContext, task: Task) -> Improvement | None:
    workspace = context.workspace
    run = _answering(context, task)
    dev = context.dataset(task).splits.get("dev", [])
    dev, _ = unlearned(context, task, dev, [run.id], ("train",))
    if not dev:
        raise EvaluationError("there are no dev rows to find faults on", where=f"task {task.name}", fix="import more rows")
    entry = scored_version(workspace, task, dev, run.id, context.settings, context.on_event)
    groups = group_faults(dev, faults_by_row(task, dev, entry))
    if not groups or len(groups[0].rows) < 2:
        return None
    worst = groups[0]
    plan = Improvement(
        id=content_id([task.name, run.id, worst.kind, worst.expected, worst.given]),
        task=task.name,
        at=now(),
        version=run.id,
        dataset=context.dataset(task).manifest.id,
        kind=worst.kind,
        expected=worst.expected,
        given=worst.given,
        name={language: fault_name(worst, words(language)) for language in ("en", "zh")},
        dev_rows=len(dev),
        faults=len(worst.rows),
        split_by=context.dataset(task).manifest.split_by,
        wanted=min(_MOST, max(_FEWEST, _PER_FAULT * len(worst.rows))),
    )
    _write_plan(workspace.project, task, plan, _examples(dev, entry, worst))
    return plan


def _answering(context: TrainingContext, task: Task) -> Run:
    """The run whose Task-LM answers the task in use."""
    if (in_production := production_run(context.workspace, task)) is not None:
        return in_production[1]
    found = next((run for _, run in last_runs(context.workspace, task, TASK_LMS)), None)
    if found is None:
        raise no_task_lm(context, task, "")
    return found


def _examples(dev: list[Example], entry: ScoredSystem, group: FaultGroup) -> str:
    """Some dev rows of the group in Markdown, to see what is to be added; not to be copied."""
    rows = [(row, answer) for row, answer in zip(dev, entry.predictions, strict=True) if row.id in set(group.rows)]
    lines = ["Dev rows with this fault. Write others like them: rows that repeat these are left out.", ""]
    for row, answer in rows[:_SHOWN]:
        text = "\n".join(f"> {line}" for line in row.input.splitlines())
        lines += [text, "", f"right: {row.output.strip()}", "", f"answered: {answer.output.strip()}", "", "---", ""]
    return "\n".join(lines)


def _write_plan(project: Project, task: Task, plan: Improvement, examples: str) -> None:
    """The plan, its examples, and a table to fill in; a table that is there already stays."""
    folder = project.improvements(task.name) / plan.id
    write_record(folder / PLAN, plan)
    write_atomic(folder / EXAMPLES, examples)
    if (folder / ROWS).exists():
        return
    answer = plan.expected if task.output.single_choice else ""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["input", "output"])
    writer.writerows(["", answer] for _ in range(plan.wanted))
    write_atomic(folder / ROWS, "\ufeff" + table.getvalue())


def _measured(context: TrainingContext, task: Task, plan: Improvement, after: Run) -> Improvement:
    """The plan with what became of the fault on test rows."""
    given = context.dataset(task).splits.get("test", [])
    rows, left_out = unlearned(context, task, given, [plan.version, after.id], ("train", "dev"))
    if not rows:
        what = f"none of {counted(len(given), 'test row')} is new to both versions"
        raise EvaluationError(what, where=f"task {task.name}", fix="import rows into test, then run this again")
    workspace, settings = context.workspace, context.settings
    before, now_ = (scored_version(workspace, task, rows, run, settings, context.on_event) for run in (plan.version, after.id))
    wrong = [[_has_fault(plan, faults) for faults in faults_by_row(task, rows, entry)] for entry in (before, now_)]
    mended = sum(old and not new for old, new in zip(*wrong, strict=True))
    broken = sum(new and not old for old, new in zip(*wrong, strict=True))
    p_value = mcnemar(mended, mended + broken)
    evidence = paired_evidence(task, rows, (now_, before), settings, "test")
    verdict = "inconclusive" if p_value >= SIGNIFICANCE else "better" if mended > broken else "worse"
    update = {
        "status": "measured",
        "after": after.id,
        "test_rows": len(rows),
        "left_out": left_out,
        "wrong_before": sum(wrong[0]),
        "wrong_after": sum(wrong[1]),
        "mended": mended,
        "broken": broken,
        "p_value": p_value,
        "verdict": verdict,
        "metric": task.scored_by,
        "score_before": evidence.other_score,
        "score_after": evidence.score,
    }
    return Improvement.model_validate(plan.model_dump() | update)


def _has_fault(plan: Improvement, faults: frozenset[AnswerFault]) -> bool:
    """Whether an answer is wrong about what the reference has there, or has too much of the same."""
    if plan.expected:
        return any(fault.expected == plan.expected for fault in faults)
    return any((fault.kind, fault.given) == (plan.kind, plan.given) for fault in faults)
