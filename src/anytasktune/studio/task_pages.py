"""Pages of tasks: the pool as a tree, with rows, last verdict and the next sensible step."""

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from anytasktune.pipeline.project_overview import NextStep, TaskOverview, overview
from anytasktune.studio.page_frame import language_of, project_path, render, studio_of

router = APIRouter()
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
    )


def _address(request: Request, project: str, view: TaskOverview) -> str:
    """The page of the next step; empty while there is none."""
    part = _PART_OF_STEP[view.next_step]
    if part not in request.app.state.sections:
        return ""
    return project_path(project, part, *([view.task.name] if part == "tasks" else []))
