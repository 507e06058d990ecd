"""`judge`: an LLM judge marks the answers of a report by the task's rubric, and is itself put to the test."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anytasktune.errors import EvaluationError, counted
from anytasktune.evaluation import JudgePlan, judged_scores, report_id
from anytasktune.ids import content_id
from anytasktune.llm import Expected, Teacher
from anytasktune.llm.costs import expected_cost
from anytasktune.pipeline.context import Context
from anytasktune.pipeline.events import Finished, Meter, OnEvent, ignore_event
from anytasktune.pipeline.marking import read_marks
from anytasktune.pipeline.reporting import load_report, report_folder
from anytasktune.pipeline.stored_judgements import JUDGEMENTS, base_models, text_tasks
from anytasktune.pipeline.teacher_access import Agreed, TeacherAccess
from anytasktune.pipeline.workspace import Workspace
from anytasktune.reports import ITEMS_FILE, write_report
from anytasktune.schema import Report, ReportItem
from anytasktune.schema.judgement import Judgement
from anytasktune.settings import Settings
from anytasktune.store import LATEST, asking_alone, read_lines, save_artifact, write_ref

_MARK_TOKENS, _CHOICE_TOKENS = 60, 10
"""Likely length of a judge's answer."""


@dataclass(frozen=True)
class JudgeOptions:
    """Consent and recordings of one command; the fields are those of `TeacherAccess`."""

    agreed: Agreed = None
    record: Path | None = None
    replay: Path | None = None


@dataclass(frozen=True)
class JudgeForecast:
    """Cost of judging the answers to one task, before anything is sent."""

    task: str
    judge: str
    answers: int
    pairs: int
    repeated: int
    expected: tuple[Expected, Expected]
    """Of marks, and of comparisons; as if no answer of the judge were kept."""


def forecast_judging(
    workspace: Workspace, task_names: Sequence[str] = (), settings: Settings | None = None, identity: str | None = None
) -> list[JudgeForecast]:
    """The cost of `judge`; nothing is sent, and no endpoint is needed."""
    settings = settings or Settings()
    report = load_report(workspace, identity)
    forecasts = []
    for plan in _plans(workspace, report, task_names):
        expected = [
            expected_cost(questions, settings.teacher, tokens)
            for questions, tokens in ((plan.mark_questions, _MARK_TOKENS), (plan.pair_questions, _CHOICE_TOKENS))
        ]
        counts = len(plan.answers), len(plan.pairs), len(plan.repeated)
        forecasts.append(JudgeForecast(plan.task.name, _judge_name(settings), *counts, (expected[0], expected[1])))
    return forecasts


def judge(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    options: JudgeOptions | None = None,
    identity: str | None = None,
) -> Report:
    """Have the answers of a report to its text tasks judged, and write the report anew with the marks.

    The judge is shown test rows with their references, which no teacher is; its replies never become rows.

    Args:
        identity: the report's id or the beginning of it; None: the last one.

    Raises:
        EvaluationError: there is no report, or no task in it has a rubric.
        ConfigError: no judge is named.
        ConsentError: the judge is on another machine, and nobody has agreed.
    """
    context = Context(workspace, settings or Settings(), on_event or ignore_event)
    report = load_report(workspace, identity)
    plans = _plans(workspace, report, task_names)
    name = _judge_name(context.settings)
    with asking_alone(workspace.project.root, " ".join(["judge", *task_names]), context.note):
        judge_model = _open(context, options or JudgeOptions(), plans, name)
        judged = [_judged(context, judge_model, plan) for plan in plans]
    items = _items(workspace, report)
    by_task, tasks = {one.task: one for one in judged}, []
    for task in report.tasks:
        own, found = [item for item in items if item.task == task.task], by_task.get(task.task)
        scores = judged_scores(own, found, base_models(task, report.model)) if found else task.judged
        tasks.append(task.model_copy(update={"judged": scores}))
    written = report.model_copy(update={"tasks": tasks})
    written = written.model_copy(update={"id": report_id(written)})
    write_report(written, workspace.project.reports / written.id, items)
    write_ref(workspace.project.reports, LATEST, written.id)
    return written


def _judge_name(settings: Settings) -> str:
    name = settings.teacher.judge or settings.teacher.name
    if not name:
        fix = "name a model: --judge NAME, or `teacher: {judge: ...}` in settings.yaml; OPENAI_BASE_URL is its endpoint"
        raise EvaluationError("a judge is needed, and none is named", fix=fix)
    return name


def _plans(workspace: Workspace, report: Report, task_names: Sequence[str]) -> list[JudgePlan]:
    """The questions about each text task of the report that has a rubric."""
    items, tasks = _items(workspace, report), text_tasks(workspace, task_names)
    reported = {task.task for task in report.tasks}
    plans = [
        JudgePlan.of(task, [item for item in items if item.task == task.name], report.config.seed)
        for task in tasks
        if task.name in reported
    ]
    plans = [plan for plan in plans if plan.answers]
    if not plans:
        fix = "give a text task a rubric in domain.yaml, then evaluate it: " + workspace.project.command("eval")
        raise EvaluationError(f"report {report.id} has no text task with a rubric", where="domain.yaml", fix=fix)
    return plans


def _items(workspace: Workspace, report: Report) -> list[ReportItem]:
    return read_lines(report_folder(workspace.project, report.id) / ITEMS_FILE, ReportItem)


def _open(context: Context, options: JudgeOptions, plans: Sequence[JudgePlan], name: str) -> Teacher:
    rows = len({item.id for plan in plans for item, _ in plan.answers})
    answers = counted(sum(len(plan.answers) for plan in plans), "answer")
    shown = f"{counted(rows, 'test row')} with references and {answers} of {', '.join(plan.task.name for plan in plans)}"
    access = TeacherAccess(
        context.workspace.project,
        context.settings.teacher,
        [shown],
        lambda _: None,
        options.agreed,
        options.record,
        options.replay,
        context.on_event,
    )
    return access.open(name)


def _judged(context: Context, judge_model: Teacher, plan: JudgePlan) -> Judgement:
    task, project, before = plan.task, context.workspace.project, judge_model.answered
    marks, pairs = plan.mark_questions, plan.pair_questions
    done, total = 0, len(marks) + len(pairs)
    meter = Meter(context.on_event, "judge", task.name, total)

    def count(*_: object) -> None:
        nonlocal done
        done += 1
        meter.update(done, total, str(judge_model.usage))

    answers, repeated = plan.judged_answers(judge_model.ask_all(marks, count))
    compared = plan.judged_pairs(judge_model.ask_all(pairs, count))
    unjudged = sum(one.marks is None for one in answers)
    if unjudged == len(answers):
        raise EvaluationError(f"the judge marked none of {counted(unjudged, 'answer')}; first: {answers[0].reason}")
    human = read_marks(project, task)
    said = [[one.model_dump(mode="json") for one in part] for part in (answers, repeated, compared, human)]
    found = Judgement(
        id=content_id([task.name, judge_model.model, task.rubric, *said]),
        task=task.name,
        judge=judge_model.model,
        rubric=task.rubric,
        answers=answers,
        repeated=repeated,
        pairs=compared,
        human=human,
        usage=judge_model.usage_of(judge_model.answered[len(before) :]),
    )
    save_artifact(project.judgements(task.name), JUDGEMENTS, found)
    detail = f"{len(answers) - unjudged} of {counted(len(answers), 'answer')} marked"
    context.on_event(Finished(stage="judge", name=task.name, artifact=found.id, detail=detail))
    return found
