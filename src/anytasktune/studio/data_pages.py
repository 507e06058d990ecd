"""Pages of data: upload, preview and import of files; rows of a data set with filters, lineage, card and changes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from markdown_it import MarkdownIt
from markupsafe import Markup

from anytasktune.errors import AnyTaskTuneError, ConfigError, DataError, Problem
from anytasktune.pipeline import dataset_views
from anytasktune.pipeline.dataset_views import DatasetView
from anytasktune.pipeline.events import Event, Note, OnEvent
from anytasktune.pipeline.importing import import_rows
from anytasktune.pipeline.own_rows import has_own_rows
from anytasktune.pipeline.previewing import preview_import
from anytasktune.pipeline.uploads import Upload, find_import, find_upload, keep_import, keep_upload
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import SPLIT_NAMES, DatasetManifest, Task
from anytasktune.studio.data_forms import ImportForm, RowQuery
from anytasktune.studio.page_frame import UnknownNameError, language_of, project_path, render, studio_of, words_of
from anytasktune.studio.pager import page_of

router = APIRouter()
_UNUSABLE = 422
_PLOT_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
"""Plots carry their own style."""
_ALIGNED = re.compile(r' style="text-align:\w+"')
_PLOT = re.compile(r"[a-z]{1,20}")


@dataclass(frozen=True)
class TaskRows:
    """A task in the list of those with rows.

    Attributes:
        dataset: its data set in use; None while none was frozen.
    """

    task: Task
    has_rows: bool
    dataset: DatasetManifest | None


@router.get("/p/{project}/data")
def list_data(request: Request, project: str) -> HTMLResponse:
    """The tasks with their rows, and the form to upload a file."""
    return _overview(request, project)


@router.post("/p/{project}/data/uploads")
def upload_rows(
    request: Request, project: str, file: Annotated[UploadFile, File()], task: Annotated[str, Form(max_length=100)] = ""
) -> Response:
    """Keep a file for its import, and lead to its preview."""
    workspace = studio_of(request).workspace(project)
    try:
        (chosen,) = workspace.tasks([task])
        upload = keep_upload(workspace.project, file.filename or "", file.file.read())
    except AnyTaskTuneError as error:
        return _overview(request, project, error.problems, status=_UNUSABLE)
    return RedirectResponse(f"{project_path(project, 'data', 'uploads', upload.id)}?task={chosen.name}", status_code=303)


@router.get("/p/{project}/data/uploads/{upload_id}")
def preview_upload(request: Request, project: str, upload_id: str, options: Annotated[ImportForm, Query()]) -> HTMLResponse:
    """The first rows of the file, and what an import would do; the form changes how it is read."""
    return _preview(request, project, upload_id, options)


@router.post("/p/{project}/data/uploads/{upload_id}")
def import_upload(request: Request, project: str, upload_id: str, options: Annotated[ImportForm, Form()]) -> Response:
    """Import the file as the preview showed it."""
    workspace, upload, path = _uploaded(request, project, upload_id)
    try:
        imported = import_rows(workspace, path, options.as_options())
    except AnyTaskTuneError as error:
        return _preview(request, project, upload_id, options, error.problems)
    keep_import(workspace.project, upload, imported, options.command(upload.name))
    return RedirectResponse(project_path(project, "data", "uploads", upload_id, "result"), status_code=303)


@router.get("/p/{project}/data/uploads/{upload_id}/result")
def show_import(request: Request, project: str, upload_id: str) -> HTMLResponse:
    """The counts of an import, and its dropped rows with their reasons."""
    workspace, upload, _ = _uploaded(request, project, upload_id)
    try:
        result = find_import(workspace.project, upload_id)
    except ConfigError as error:
        raise UnknownNameError(error.problems) from None
    return render(
        request,
        "imported.html.j2",
        "data",
        project=project,
        command=result.command,
        upload=upload,
        result=result,
        dropped=page_of(request, result.dropped),
    )


@router.get("/p/{project}/data/{task_name}")
def show_dataset(request: Request, project: str, task_name: str, wanted: Annotated[RowQuery, Query()]) -> HTMLResponse:
    """The rows of a task's data set, those of today or of a version."""
    workspace, task = studio_of(request).task(project, task_name)
    events: list[Event] = []
    view = _view(workspace, task, wanted.version, events.append)
    return render(
        request,
        "dataset.html.j2",
        "data",
        project=project,
        command=("dataset", "show", task.name, *((wanted.version,) if wanted.version else ())),
        view=view,
        task=task,
        wanted=wanted,
        versions=dataset_views.versions(workspace, task)[::-1],
        splits=SPLIT_NAMES,
        labels=(task.labels_in(None) or []) if task.output.single_choice else [],
        rows=page_of(request, dataset_views.matching_rows(view, wanted.as_filter())),
        sealed=dataset_views.sealed_test_rows(workspace.project, task),
        warnings=dataset_views.warnings_in(view, language_of(request)),
        notes=[event.text for event in events if isinstance(event, Note)],
    )


@router.get("/p/{project}/data/{task_name}/versions/{version}/rows/{place}")
def show_row(request: Request, project: str, task_name: str, version: str, place: str) -> HTMLResponse:
    """One row with its lineage, up to the page of the document it is from."""
    workspace, task = studio_of(request).task(project, task_name)
    view = _view(workspace, task, version)
    try:
        row = dataset_views.find_row(workspace, view, place)
    except DataError as error:
        raise UnknownNameError(error.problems) from None
    command, origins = ("dataset", "show", task.name, place), words_of(request, "candidate")
    return render(
        request, "row.html.j2", "data", project=project, command=command, task=task, view=view, row=row, origins=origins
    )


@router.get("/p/{project}/data/{task_name}/versions/{version}/card")
def show_card(request: Request, project: str, task_name: str, version: str) -> HTMLResponse:
    """The card of a data set in the language of the page."""
    workspace, task = studio_of(request).task(project, task_name)
    view = _view(workspace, task, version)
    text = dataset_views.card_text(view, language_of(request))
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)  # it escapes every text
    card = Markup(_ALIGNED.sub("", html))  # noqa: S704
    command = ("dataset", "show", task.name, view.frozen.manifest.id)
    return render(request, "card.html.j2", "data", project=project, command=command, task=task, view=view, card=card)


@router.get("/p/{project}/data/{task_name}/versions/{version}/plots/{name}.svg")
def show_plot(request: Request, project: str, task_name: str, version: str, name: str) -> FileResponse:
    """A plot of a data set's card."""
    workspace, task = studio_of(request).task(project, task_name)
    path = _view(workspace, task, version).folder / "plots" / f"{name}.svg"
    if not _PLOT.fullmatch(name) or not path.is_file():
        raise UnknownNameError(f"there is no plot {name[:40]!r}", where=f"task {task.name}")
    return FileResponse(path, media_type="image/svg+xml", headers=_PLOT_POLICY)


@router.get("/p/{project}/data/{task_name}/diff")
def show_changes(request: Request, project: str, task_name: str, old: str = "", new: str = "") -> HTMLResponse:
    """Changes between two versions of a data set."""
    workspace, task = studio_of(request).task(project, task_name)
    found, problems = None, tuple[Problem, ...]()
    changes: list[tuple[str, Any]] = []
    try:
        found = dataset_views.diff(workspace, task, old, new)
        changes += [("added", one) for one in found.added] + [("removed", one) for one in found.removed]
        changes += [("moved", one) for one in found.moved] + [("changed", one) for one in found.changed]
    except ConfigError as error:
        problems = error.problems
    return render(
        request,
        "dataset_diff.html.j2",
        "data",
        project=project,
        command=("dataset", "diff", task.name, *([found.old, found.new] if found else [])),
        problems=problems,
        status=_UNUSABLE if problems and (old or new) else 200,
        task=task,
        versions=dataset_views.versions(workspace, task)[::-1],
        found=found,
        changes=page_of(request, changes),
    )


def _overview(request: Request, project: str, problems: Sequence[Problem] = (), status: int = 200) -> HTMLResponse:
    workspace = studio_of(request).workspace(project)
    tasks = workspace.domain.tasks
    rows = [TaskRows(task, has_own_rows(workspace.project, task), _in_use(workspace, task)) for task in tasks]
    first = tasks[0].name if tasks else "TASK"
    return render(
        request,
        "data.html.j2",
        "data",
        project=project,
        command=("import", "FILE", "--task", first),
        problems=problems,
        status=status,
        tasks=rows,
        splits=SPLIT_NAMES,
    )


def _preview(
    request: Request, project: str, upload_id: str, options: ImportForm, problems: Sequence[Problem] = ()
) -> HTMLResponse:
    workspace, upload, path = _uploaded(request, project, upload_id)
    (task,) = workspace.tasks([options.task])
    found = preview_import(task, path, options.as_options(), upload.name)
    shown = options.with_columns(found.mapping)
    faults = [*problems, *(fault for fault in found.problems if fault not in problems)]
    return render(
        request,
        "import.html.j2",
        "data",
        project=project,
        command=shown.command(upload.name),
        problems=faults,
        status=_UNUSABLE if problems else 200,
        upload=upload,
        task=task,
        tasks=workspace.domain.tasks,
        options=shown,
        found=found,
        has_rows=has_own_rows(workspace.project, task),
        dropped=page_of(request, found.dropped),
    )


def _in_use(workspace: Workspace, task: Task) -> DatasetManifest | None:
    """The data set that is in use; None while there is none."""
    found = dataset_views.versions(workspace, task)
    return found[-1] if found else None


def _view(workspace: Workspace, task: Task, version: str, on_event: OnEvent | None = None) -> DatasetView:
    """The data set of today, or a version of it."""
    if not version:
        return dataset_views.current_dataset(workspace, task, on_event)
    try:
        return dataset_views.stored_dataset(workspace, task, version)
    except ConfigError as error:
        raise UnknownNameError(error.problems) from None


def _uploaded(request: Request, project: str, upload_id: str) -> tuple[Workspace, Upload, Path]:
    workspace = studio_of(request).workspace(project)
    try:
        upload, path = find_upload(workspace.project, upload_id)
    except ConfigError as error:
        raise UnknownNameError(error.problems) from None
    return workspace, upload, path
