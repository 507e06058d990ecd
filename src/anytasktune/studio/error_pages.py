"""Pages for what went wrong: faults of the project, addresses that lead nowhere, refusals of the door."""

from collections.abc import Sequence

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from anytasktune.errors import AnyTaskTuneError, Problem, disk_error
from anytasktune.studio.page_frame import UnknownNameError, render, studio_of, words_of

_UNUSABLE = 422


def error_page(request: Request, status: int, key: str, problems: Sequence[Problem] = ()) -> Response:
    """A page with the text `error_<key>`, or that of the status, and the faults."""
    words = words_of(request, "error")
    key = key if words.says(f"error_{key}") else "not_found" if status == 404 else "refused" if status < 500 else "broken"
    project = request.path_params.get("project", "")
    known = project if project in studio_of(request).projects() else ""
    return render(request, "error.html.j2", "error", status=status, key=key, problems=problems, project=known)


def install_error_pages(app: FastAPI) -> None:
    """Show every exception as a page; none of them as a traceback."""

    @app.exception_handler(AnyTaskTuneError)
    def _(request: Request, error: AnyTaskTuneError) -> Response:
        status = 404 if isinstance(error, UnknownNameError) else _UNUSABLE
        return error_page(request, status, "not_found" if status == 404 else "problem", error.problems)

    @app.exception_handler(OSError)
    def _(request: Request, error: OSError) -> Response:
        return error_page(request, _UNUSABLE, "problem", disk_error(error).problems)

    @app.exception_handler(RequestValidationError)
    def _(request: Request, error: RequestValidationError) -> Response:
        problems = [Problem(each["msg"], where=".".join(str(part) for part in each["loc"][1:])) for each in error.errors()]
        return error_page(request, _UNUSABLE, "form", problems)

    @app.exception_handler(HTTPException)
    def _(request: Request, error: HTTPException) -> Response:
        return error_page(request, error.status_code, str(error.detail))

    @app.exception_handler(Exception)
    def _(request: Request, error: Exception) -> Response:
        return error_page(request, 500, "broken", [Problem(f"{type(error).__name__}: {error}")])
