"""The web app of the studio: pages, static files, the door, pages of errors."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles

from anytasktune.studio import (
    action_pages,
    data_pages,
    deploy_pages,
    home_pages,
    job_pages,
    make_pages,
    new_from_rows,
    new_pages,
    report_pages,
    review_pages,
    task_pages,
    train_pages,
    try_pages,
)
from anytasktune.studio.access import AccessMiddleware, Door
from anytasktune.studio.error_pages import error_page, install_error_pages
from anytasktune.studio.model_thread import ModelThread
from anytasktune.studio.page_frame import SECTIONS, Studio

STATIC = Path(__file__).parent / "static"
PAGES = (
    home_pages,
    new_pages,
    new_from_rows,
    task_pages,
    data_pages,
    make_pages,
    job_pages,
    review_pages,
    train_pages,
    report_pages,
    try_pages,
    action_pages,
    deploy_pages,
)
"""A line per module of pages; each has a `router`."""


def studio_app(studio: Studio, door: Door | None = None) -> FastAPI:
    """The app over a project, or a folder of projects.

    Args:
        door: the secrets of this start; new ones unless given.
    """
    app = FastAPI(title="AnyTaskTune studio", docs_url=None, redoc_url=None, openapi_url=None)
    for page in PAGES:
        app.include_router(page.router)
    paths = {route.path for page in PAGES for route in page.router.routes if isinstance(route, APIRoute)}
    app.state.studio = studio
    app.state.models = ModelThread()
    app.state.sections = [name for name in SECTIONS if f"/p/{{project}}/{name}" in paths]
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_middleware(AccessMiddleware, door=door or Door(), refuse=error_page)
    install_error_pages(app)
    return app
