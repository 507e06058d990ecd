"""Pages of tasks: the pool as a tree with rows, last verdict and next sensible step; one task, checked while it is edited."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from anytasktune.errors import AnyTaskTuneError, Problem
from anytasktune.pipeline.adding_tasks import NewTask, add_new_task
from anytasktune.pipeline.editing_tasks import TaskCheck, check_fields, fields_of, save_fields
from anytasktune.pipeline.project_overview import NextStep, TaskOverview, overview
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Task
from anytasktune.studio.page_frame import UnknownNameError, language_of, project_path, render, studio_of
from anytasktune.studio.task_form import LANGUAGES, fields_from, form_of

router = APIRouter()
_UNUSABLE = 422
_WITH_FIELDS = "json"
_KINDS = ("label", "labels", "json", "number", "text")
_PART_OF_STEP: Mapping[NextStep, str] = {
    "import": "data",
    "mend": "tasks",
    "review": "review",
    "tune": "train",
    "measure": "train",
    "more_rows": "make",
    "use": "deploy",
    "read": "reports",
}
"""Part of the project where the next step is taken."""


@router.get("/p/{project}/tasks")
def show_tasks(request: Request, project: str) -> HTMLResponse:
    """The pool: actions with their tasks in order."""
    workspace = studio_of(request).workspace(project)
    view = overview(workspace, language_of(request))
    steps = {each.task.name: _address(request, project, each) for each in view.tasks}
    commands = {each.task.name: workspace.project.command(*each.command) for each in view.tasks}
    return render(
        request,
        "tasks.html.j2",
        "task",
        project=project,
        command=("tasks", "show"),
        view=view,
        steps=steps,
        commands=commands,
        kinds=_KINDS,
        add_command=workspace.project.command("tasks", "add", "NAME", "--kind", _KINDS[0], "--instruction", "TEXT"),
    )


@router.post("/p/{project}/tasks")
def add_task(
    request: Request,
    project: str,
    title: Annotated[str, Form(max_length=200)],
    kind: Annotated[str, Form(max_length=20)],
    guidance: Annotated[str, Form(max_length=5000)],
    items: Annotated[str, Form(max_length=20_000)] = "",
    minimum: Annotated[float | None, Form(allow_inf_nan=False)] = None,
    maximum: Annotated[float | None, Form(allow_inf_nan=False)] = None,
) -> Response:
    """Add a task to the pool; the rest of it is written on its own page."""
    workspace, spoken = studio_of(request).workspace(project), language_of(request)
    lines = [line.strip() for line in items.splitlines() if line.strip()]
    labels, fields = ([], lines) if kind == _WITH_FIELDS else (lines, [])
    new = NewTask(kind, {spoken: guidance}, labels, fields, (minimum, maximum), title={spoken: title.strip()})
    task = add_new_task(workspace, new)
    return RedirectResponse(project_path(project, "tasks", task.name), status_code=303)


async def _sent_form(request: Request) -> dict[str, str]:
    return {name: value for name, value in (await request.form()).multi_items() if isinstance(value, str)}


SentForm = Annotated[dict[str, str], Depends(_sent_form)]


@router.get("/p/{project}/tasks/{name}")
def show_task(request: Request, project: str, name: str, saved: str = "") -> HTMLResponse:
    """A task as a form, with what `tasks check` finds."""
    workspace, _ = _opened(request, project, name)
    fields = fields_of(workspace, name)
    return _page(request, project, name, form_of(fields) | {"seen": fields.id}, saved=bool(saved))


@router.post("/p/{project}/tasks/{name}")
def save_task(request: Request, project: str, name: str, form: SentForm) -> Response:
    """Write a changed task to `domain.yaml`."""
    workspace, _ = _opened(request, project, name)
    try:
        save_fields(workspace, name, fields_from(form), form.get("seen", ""))
    except AnyTaskTuneError as error:
        shown = form_of(fields_of(workspace, name)) | {"seen": ""} | form
        return _page(request, project, name, shown, error.problems)
    return RedirectResponse(f"{project_path(project, 'tasks', name)}?saved=yes", status_code=303)


@router.post("/p/{project}/tasks/{name}/check")
def check_task(request: Request, project: str, name: str, form: SentForm) -> HTMLResponse:
    """The findings on a task as the form has it now; a part of its page."""
    workspace, _ = _opened(request, project, name)
    check, faults = _checked(workspace, name, form)
    return render(request, "findings.html.j2", "task", check=check, faults=faults)


def _opened(request: Request, project: str, name: str) -> tuple[Workspace, Task]:
    workspace = studio_of(request).workspace(project)
    try:
        (task,) = workspace.tasks([name])
    except AnyTaskTuneError as error:
        raise UnknownNameError(error.problems) from None
    return workspace, task


def _page(
    request: Request,
    project: str,
    name: str,
    form: Mapping[str, str],
    problems: tuple[Problem, ...] = (),
    saved: bool = False,
) -> HTMLResponse:
    workspace, task = _opened(request, project, name)
    check, faults = _checked(workspace, name, form)
    view = next(each for each in overview(workspace, language_of(request)).tasks if each.task.name == name)
    return render(
        request,
        "task.html.j2",
        "task",
        project=project,
        command=("tasks", "check"),
        problems=problems,
        status=_UNUSABLE if problems else 200,
        view=view,
        form=form,
        languages=LANGUAGES,
        label_keys=[key for key in ("", *LANGUAGES) if f"labels_{key}" in form],
        metrics=task.output.metrics,
        step=_address(request, project, view),
        step_command=workspace.project.command(*view.command),
        saved=saved,
        check=check,
        faults=faults,
    )


def _checked(workspace: Workspace, name: str, form: Mapping[str, str]) -> tuple[TaskCheck | None, tuple[Problem, ...]]:
    """The check of a form; the faults that make it no task, where there are any."""
    try:
        return check_fields(workspace, name, fields_from(form)), ()
    except AnyTaskTuneError as error:
        return None, error.problems


def _address(request: Request, project: str, view: TaskOverview) -> str:
    """The page of the next step; empty while there is none."""
    part = _PART_OF_STEP[view.next_step]
    if part not in request.app.state.sections:
        return ""
    return project_path(project, part, *([view.task.name] if part == "tasks" else []))
