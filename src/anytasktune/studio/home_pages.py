"""The first page: the projects at a glance."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from anytasktune.errors import AnyTaskTuneError, Problem
from anytasktune.pipeline.project_overview import ProjectOverview, overview
from anytasktune.studio.page_frame import LANGUAGE_COOKIE, language_of, project_path, render, studio_of

router = APIRouter()


@dataclass(frozen=True)
class ProjectCard:
    """A project on the first page: what it is, or why it cannot be read."""

    name: str
    view: ProjectOverview | None
    problem: Problem | None = None


@router.get("/")
def home(request: Request) -> Response:
    """The projects of the studio; a studio of one project begins there."""
    studio = studio_of(request)
    if studio.is_project:
        return RedirectResponse(project_path(*studio.projects()), status_code=303)
    cards = [_card(request, name) for name in studio.projects()]
    return render(request, "home.html.j2", "home", cards=cards, folder=str(studio.root))


def _card(request: Request, name: str) -> ProjectCard:
    try:
        return ProjectCard(name, overview(studio_of(request).workspace(name), language_of(request)))
    except AnyTaskTuneError as error:
        return ProjectCard(name, None, error.problems[0])


@router.get("/p/{project}")
def open_project(request: Request, project: str) -> Response:
    """Lead to the first part of a project."""
    studio_of(request).workspace(project)
    return RedirectResponse(project_path(project, request.app.state.sections[0]), status_code=303)


@router.post("/language")
async def choose_language(request: Request) -> RedirectResponse:
    """Keep the language, and lead back to the page it was chosen on."""
    form = await request.form()
    back = str(form.get("back", "/"))
    is_ours = back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable()
    reply = RedirectResponse(back if is_ours else "/", status_code=303)
    if (language := str(form.get("language"))) in ("en", "zh"):
        reply.set_cookie(LANGUAGE_COOKIE, language, max_age=365 * 86400, httponly=True, samesite="strict")
    return reply
