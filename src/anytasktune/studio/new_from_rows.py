"""Pages of a new project from a file of past work: the file, its mapping with a preview, the project."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import Field

from anytasktune.errors import AnyTaskTuneError, Problem
from anytasktune.pipeline.starting_from_rows import RowsPreview, keep_rows, preview_rows, start_from_rows
from anytasktune.studio.data_forms import ImportForm
from anytasktune.studio.new_pages import ProjectName, new_path, ways
from anytasktune.studio.page_frame import language_of, project_path, render, studio_of, words_of

router = APIRouter()
_UNUSABLE = 422
_LONGEST_TEXT = 20_000


class NewTaskForm(ImportForm):
    """The columns of the file, and the task that its rows are for."""

    title: str = Field("", max_length=200)
    instruction: str = Field("", max_length=_LONGEST_TEXT)


@router.post("/new/rows")
def upload_rows(request: Request, name: ProjectName, file: Annotated[UploadFile, File()]) -> Response:
    """Keep the file, and lead to its preview."""
    try:
        upload = keep_rows(studio_of(request).root, name, file.filename or "", file.file.read())
    except AnyTaskTuneError as error:
        return ways(request, error.problems)
    return RedirectResponse(new_path("rows", name.strip(), upload), status_code=303)


@router.get("/new/rows/{name}/{upload_id}")
def preview(request: Request, name: str, upload_id: str, form: Annotated[NewTaskForm, Query()]) -> HTMLResponse:
    """The first rows of the file, and the task that would be made of it; nothing is written."""
    return _page(request, name, upload_id, form)


@router.post("/new/rows/{name}/{upload_id}")
def make(request: Request, name: str, upload_id: str, form: Annotated[NewTaskForm, Form()]) -> Response:
    """Make the project as the preview showed it, and import its rows."""
    spoken, text = form.language or language_of(request), form.instruction.strip()
    try:
        instruction = {spoken: " ".join(text.split())} if text else {}
        root = studio_of(request).root
        project, _ = start_from_rows(root, name, upload_id, form.as_options(), instruction, form.title.strip())
    except AnyTaskTuneError as error:
        return _page(request, name, upload_id, form, error.problems)
    return RedirectResponse(project_path(project.root.name, "data", "uploads", upload_id, "result"), status_code=303)


def _page(request: Request, name: str, upload_id: str, form: NewTaskForm, problems: tuple[Problem, ...] = ()) -> HTMLResponse:
    file, preview = preview_rows(studio_of(request).root, name, upload_id, form.as_options())
    shown = form.with_columns(preview.found.mapping)
    return render(
        request,
        "new_rows.html.j2",
        "new",
        command=shown.model_copy(update={"task": form.task or "NAME"}).command(file),
        problems=problems or preview.found.problems,
        status=_UNUSABLE if problems else 200,
        name=name,
        file=file,
        form=shown,
        found=preview.found,
        preview=preview,
        instruction=form.instruction or _suggested(request, preview),
    )


def _suggested(request: Request, preview: RowsPreview) -> str:
    """An instruction to begin with; the labels stand in it, since an untuned model cannot guess them."""
    words = words_of(request, "new")
    if not preview.labels:
        return ""
    return words.say("suggested_instruction", labels=words.say("comma").join(preview.labels))
