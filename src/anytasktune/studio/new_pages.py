"""Pages of a new project: from a pack, empty, or by an interview, one question at a time."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from anytasktune.errors import AnyTaskTuneError, Problem
from anytasktune.pipeline.initializing import list_packs
from anytasktune.pipeline.interviewing import InterviewLog
from anytasktune.pipeline.new_projects import open_interview, start_project, unfinished_interviews
from anytasktune.records import Language
from anytasktune.studio.page_frame import project_path, render, studio_of

router = APIRouter()
_UNUSABLE = 422
_LONGEST_NAME, _LONGEST_ANSWER = 200, 20_000

ProjectName = Annotated[str, Form(max_length=_LONGEST_NAME)]


@router.get("/new")
def new_project(request: Request) -> HTMLResponse:
    """The ways to a new project."""
    return ways(request)


@router.post("/new/pack")
def from_pack(
    request: Request,
    name: ProjectName,
    pack: Annotated[str, Form(max_length=_LONGEST_NAME)] = "empty",
    language: Annotated[Literal["en", "zh", "both"], Form()] = "both",
) -> Response:
    """Make a project from a pack, or an empty one."""
    try:
        project = start_project(studio_of(request).root, name, pack, None if language == "both" else language)
    except AnyTaskTuneError as error:
        return ways(request, error.problems)
    return RedirectResponse(project_path(project.root.name, "tasks"), status_code=303)


@router.post("/new/interview")
def begin_interview(request: Request, name: ProjectName, language: Annotated[Language, Form()]) -> Response:
    """Begin the interview of a new project, or go on with it."""
    try:
        open_interview(studio_of(request).root, name, language)
    except AnyTaskTuneError as error:
        return ways(request, error.problems)
    return RedirectResponse(_interview_path(name, language), status_code=303)


@router.get("/new/interview/{name}")
def ask(request: Request, name: str, language: Language) -> HTMLResponse:
    """The question to answer now."""
    return _question(request, open_interview(studio_of(request).root, name, language), name)


@router.post("/new/interview/{name}")
def answer(
    request: Request, name: str, language: Language, answer: Annotated[str, Form(max_length=_LONGEST_ANSWER)] = ""
) -> Response:
    """Take an answer; it is on disk before the next question is shown."""
    log = open_interview(studio_of(request).root, name, language)
    question = log.next()
    remark = log.reply(question, " ".join(answer.split())) if question else ""
    if remark:
        return _question(request, log, name, remark, answer)
    return RedirectResponse(_interview_path(name, language), status_code=303)


@router.post("/new/interview/{name}/finish")
def finish(request: Request, name: str, language: Language) -> Response:
    """Make the project of the answers given so far."""
    from anytasktune.pipeline.proposing import PoolSources, propose_pool  # noqa: PLC0415  (loads scikit-learn)

    log = open_interview(studio_of(request).root, name, language)
    try:
        propose_pool(log.project.root, PoolSources(interview=log.interview, languages=(language,)))
    except AnyTaskTuneError as error:
        return _question(request, log, name, problems=error.problems)
    return RedirectResponse(project_path(log.project.root.name, "tasks"), status_code=303)


def _interview_path(name: str, language: Language) -> str:
    return f"{new_path('interview', name.strip())}?language={language}"


def new_path(*parts: str) -> str:
    """The address of a page of a project that is not made yet."""
    return project_path(*parts).replace("/p/", "/new/", 1)


def ways(request: Request, problems: tuple[Problem, ...] = ()) -> HTMLResponse:
    """The page with the ways to a new project."""
    studio = studio_of(request)
    return render(
        request,
        "new.html.j2",
        "new",
        problems=problems,
        status=_UNUSABLE if problems else 200,
        command=("init", "FOLDER", "--pack", "NAME"),
        packs=list_packs(),
        unfinished=unfinished_interviews(studio.root),
        is_project=studio.is_project,
    )


def _question(
    request: Request,
    log: InterviewLog,
    name: str,
    remark: str = "",
    given: str = "",
    problems: tuple[Problem, ...] = (),
) -> HTMLResponse:
    question = log.next()
    return render(
        request,
        "interview.html.j2",
        "new",
        problems=problems,
        status=_UNUSABLE if problems else 200,
        command=("tasks", "propose", "--interview", "--language", log.language, "-p", str(log.project.root)),
        name=name,
        log=log,
        question=question,
        remark=remark,
        given=given,
        address=_interview_path(name, log.language),
    )
