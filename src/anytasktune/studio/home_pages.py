"""The first page: the projects."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from anytasktune.studio.page_frame import LANGUAGE_COOKIE, render, studio_of

router = APIRouter()


@router.get("/")
def home(request: Request) -> HTMLResponse:
    """The projects of the studio."""
    return render(request, "home.html.j2", "home", projects=sorted(studio_of(request).projects()))


@router.get("/p/{project}")
def open_project(request: Request, project: str) -> Response:
    """Lead to the first part of a project."""
    studio_of(request).workspace(project)
    return RedirectResponse(f"{request.url.path}/{request.app.state.sections[0]}", status_code=303)


@router.post("/language")
async def choose_language(request: Request) -> RedirectResponse:
    """Keep the language, and lead back to the page it was chosen on."""
    form = await request.form()
    back = str(form.get("back", "/"))
    is_ours = back.startswith("/") and not back.startswith(("//", "/\\"))
    reply = RedirectResponse(back if is_ours else "/", status_code=303)
    if (language := str(form.get("language"))) in ("en", "zh"):
        reply.set_cookie(LANGUAGE_COOKIE, language, max_age=365 * 86400, httponly=True, samesite="strict")
    return reply
