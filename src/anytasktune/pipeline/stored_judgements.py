"""Judgements as they are stored, and the scores that a report has from them."""

from collections.abc import Sequence

from anytasktune.errors import ConfigError, StoreError
from anytasktune.evaluation import judged_scores
from anytasktune.pipeline.context import Context
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import ReportItem, Task, TaskReport
from anytasktune.schema.judgement import JudgedScores, Judgement
from anytasktune.settings import OWN_SYSTEMS, SIMPLE, System
from anytasktune.settings.systems import general_model
from anytasktune.store import Project, find_artifact, read_ref, record_kind

JUDGEMENTS = record_kind(Judgement, lambda judgement: judgement.id)
_EXAMPLE = 'rubric: {en: ["It says what the client wants.", "It invents nothing."]}'


def text_tasks(workspace: Workspace, task_names: Sequence[str]) -> list[Task]:
    """The named tasks, or all that have a rubric.

    Raises:
        ConfigError: a named one has none.
    """
    tasks = workspace.tasks(task_names)
    for task in tasks if task_names else ():
        if not task.rubric:
            raise ConfigError(f"task {task.name} has no rubric", where="domain.yaml", fix=f"add one to the task: {_EXAMPLE}")
    return [task for task in tasks if task.rubric]


def judged_in(context: Context, task: Task, report: TaskReport, items: Sequence[ReportItem], model: str) -> JudgedScores | None:
    """The scores by the last judgement, if it is by today's rubric and covers every answer of the report."""
    project = context.workspace.project
    last = read_ref(project.judgements(task.name))
    try:
        found = find_artifact(project.judgements(task.name), JUDGEMENTS, last) if last else None
    except StoreError as error:
        context.note(f"the judge's marks of {task.name} are left out: {error.problems[0]}")
        return None
    if found is None or found.rubric != task.rubric:
        return None
    marked = {(one.example, one.output) for one in found.answers}
    given = {(item.id, one.output.strip()) for item in items for one in item.answers.values() if one.error is None}
    if any(output and (example, output) not in marked for example, output in given):
        return None
    return judged_scores(items, found, base_models(report, model))


def scores_again(project: Project, report: TaskReport, items: Sequence[ReportItem], model: str) -> JudgedScores | None:
    """The judge-scored results of a report computed again from the judgement it names; None where it has none.

    Raises:
        StoreError: the judgement is missing or damaged.
    """
    if report.judged is None:
        return None
    found = find_artifact(project.judgements(report.task), JUDGEMENTS, report.judged.judgement)
    if found is None:
        where = str(project.judgements(report.task) / f"{report.judged.judgement}.json")
        raise StoreError("the file is missing", where=where)
    return judged_scores(items, found, base_models(report, model))


def base_models(report: TaskReport, model: str) -> dict[System, str]:
    """The model behind each system of a report that has one; `model` is the base model of the report."""
    found: dict[System, str] = {}
    for result in report.systems:
        name = general_model(result.system) or (model if result.system in OWN_SYSTEMS else "")
        if name and result.system not in SIMPLE:
            found[result.system] = name
    return found
