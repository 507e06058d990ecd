"""Pages of review: the tasks with candidates, one task's candidates by keys, and the agreement of reviewers.

The page of a task holds no candidate itself. Its script asks for the order, then for the cards it will show next, and posts
decisions; the position lives in the window.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from anytasktune.errors import AnyTaskTuneError, Problem
from anytasktune.localisation.catalogue import localised
from anytasktune.pipeline.person_names import default_person_name, file_name_of, is_file_name
from anytasktune.pipeline.posted_reviews import CandidateShelf, PostedDecisions, write_posted
from anytasktune.pipeline.reviewing import ReviewSession, agreement_of, has_candidates
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import FEWEST_RATED, JUDGE, Agreement, Candidate, Passage, ReviewItem, Task
from anytasktune.studio.page_frame import UnknownNameError, language_of, project_path, render, studio_of, words_of
from anytasktune.studio.studio_words import PageWords

router = APIRouter()
REVIEWER_COOKIE = "anytasktune_reviewer"
MOST_QUEUED, MOST_CARDS = 200, 40
_YEAR_SECONDS = 31_536_000
Show = Literal["kept", "dropped", "disputed"]
_SHELF = CandidateShelf()


@dataclass(frozen=True)
class TaskToReview:
    """A task in the list of those with candidates.

    Attributes:
        decided: candidates that the reviewer decided; None while nobody has said their name.
    """

    task: Task
    kept: int
    dropped: int
    disputed: int = 0
    decided: int | None = None


@router.get("/p/{project}/review")
def list_tasks_to_review(request: Request, project: str) -> HTMLResponse:
    """The tasks that have candidates, and the reviewer's name."""
    return _task_list(request, project)


@router.post("/p/{project}/review/reviewer")
def keep_reviewer(request: Request, project: str, name: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Keep the reviewer's name in a cookie."""
    studio_of(request).workspace(project)
    wanted = name if is_file_name(name) else file_name_of(name)
    if not wanted:
        words = words_of(request, "review")
        return _task_list(request, project, [Problem(words.say("name_unusable"), name, words.say("name_fix"))], status=422)
    reply = RedirectResponse(project_path(project, "review"), status_code=303)
    reply.set_cookie(REVIEWER_COOKIE, wanted, max_age=_YEAR_SECONDS, httponly=True, samesite="strict")
    return reply


@router.get("/p/{project}/review/{task_name}")
def review_task(request: Request, project: str, task_name: str, show: Show = "kept") -> Response:
    """The page on which a person decides; its script shows the candidates."""
    workspace, task = studio_of(request).task(project, task_name)
    reviewer = reviewer_of(request, workspace)
    if not reviewer:
        return RedirectResponse(project_path(project, "review"), status_code=303)
    session = _SHELF.session(workspace.project, task, reviewer)
    words = words_of(request, "review")
    return render(
        request,
        "review.html.j2",
        "review",
        project=project,
        command=("review", task.name, *((f"--{show}",) if show != "kept" else ())),
        task=task,
        show=show,
        reviewer=reviewer,
        done=len(session.decided),
        disputed=len(session.disputed),
        script_words={key[3:]: text for key, text in words.table.items() if key.startswith("js_")},
    )


@router.get("/p/{project}/review/{task_name}/agreement")
def show_agreement(request: Request, project: str, task_name: str) -> HTMLResponse:
    """Agreement of the reviewers with each other and with the judge."""
    workspace, task = studio_of(request).task(project, task_name)
    words = words_of(request, "review")
    measured = agreement_of(workspace.project, task)
    return render(
        request,
        "agreement.html.j2",
        "review",
        project=project,
        command=("review", task.name, "--agreement"),
        task=task,
        rows=[(_raters(one, words), one) for one in measured],
        remarks=[_remark(one, words) for one in measured if one.remark],
    )


@router.get("/p/{project}/review/{task_name}/queue")
def queue_of_task(request: Request, project: str, task_name: str, show: Show = "kept") -> Response:
    """The next candidates in their order, as JSON: ids, and why each is worth reviewing."""
    try:
        session = _session(request, project, task_name)
    except AnyTaskTuneError as error:
        return _refusal(request, error)
    words = words_of(request, "candidate")
    items = session.queue(show, limit=MOST_QUEUED)
    queued = [
        {"id": item.candidate.id, "why": " · ".join(words.say(f"reason_{reason}") for reason in item.reasons)} for item in items
    ]
    return JSONResponse({"items": queued, "left": session.count_left(show), "done": len(session.decided)})


@router.get("/p/{project}/review/{task_name}/cards")
def cards_of_candidates(
    request: Request,
    project: str,
    task_name: str,
    candidate: Annotated[list[str], Query(max_length=MOST_CARDS)],
    show: Show = "kept",
) -> Response:
    """Some candidates, as JSON: their texts, and their cards as HTML."""
    try:
        session = _session(request, project, task_name)
        passages = _SHELF.take(session.project, session.task).passages
    except AnyTaskTuneError as error:
        return _refusal(request, error)
    items = [item for key in candidate if (item := session.item(key))]
    found = {item.candidate.id: _card(request, session.task, item, passages, votes=show != "kept") for item in items}
    return JSONResponse(found)


@router.post("/p/{project}/review/{task_name}/decisions")
def add_decisions(request: Request, project: str, task_name: str, posted: PostedDecisions) -> Response:
    """Write decisions that a window posts; every one is acknowledged."""
    try:
        workspace, task = studio_of(request).task(project, task_name)
        results = write_posted(_SHELF, workspace.project, task, posted)
    except AnyTaskTuneError as error:
        return _refusal(request, error)
    acknowledged = [one.model_dump(mode="json") | {"problems": _shown(request, one.problems)} for one in results]
    return JSONResponse({"results": acknowledged})


def reviewer_of(request: Request, workspace: Workspace) -> str:
    """The name kept in the cookie, else that in git or of the account; empty if none can be the name of a file."""
    kept = request.cookies.get(REVIEWER_COOKIE, "")
    return kept if is_file_name(kept) else default_person_name(workspace.project.root)


def _task_list(request: Request, project: str, problems: Sequence[Problem] = (), status: int = 200) -> HTMLResponse:
    workspace = studio_of(request).workspace(project)
    reviewer = reviewer_of(request, workspace)
    found = [task for task in workspace.domain.tasks if has_candidates(workspace.project, task)]
    return render(
        request,
        "review_tasks.html.j2",
        "review",
        project=project,
        command=("review", found[0].name) if found else (),
        problems=problems,
        status=status,
        reviewer=reviewer,
        tasks=[_listed(workspace, task, reviewer) for task in found],
    )


def _listed(workspace: Workspace, task: Task, reviewer: str) -> TaskToReview:
    gated = _SHELF.take(workspace.project, task).gated
    kept, dropped = len(gated.kept_by_id), len(gated.dropped_by_id)
    if not reviewer:
        return TaskToReview(task, kept, dropped)
    session = _SHELF.session(workspace.project, task, reviewer)
    return TaskToReview(task, kept, dropped, len(session.disputed), len(session.decided))


def _session(request: Request, project: str, task_name: str) -> ReviewSession:
    workspace, task = studio_of(request).task(project, task_name)
    return _SHELF.session(workspace.project, task, reviewer_of(request, workspace) or "nobody")


def _refusal(request: Request, error: AnyTaskTuneError) -> JSONResponse:
    status = 404 if isinstance(error, UnknownNameError) else 422
    return JSONResponse({"problems": _shown(request, error.problems)}, status_code=status)


def _shown(request: Request, problems: Sequence[Problem]) -> list[dict[str, str]]:
    """Faults in the language of the page, for the script."""
    language = language_of(request)
    return [{name: localised(text, language) for name, text in asdict(problem).items()} for problem in problems]


def _card(request: Request, task: Task, item: ReviewItem, passages: dict[str, Passage], *, votes: bool) -> dict[str, Any]:
    """A candidate for the script.

    Args:
        votes: show the decisions of others, to settle a dispute; otherwise a second opinion would not be one.
    """
    candidate = item.candidate
    several = task.output.has_items
    labels = (task.labels_in(candidate.language) or []) if task.output.single_choice or several else []
    chosen = task.output.chosen(candidate.output, candidate.language)
    passage = passages.get(candidate.origin.passage or "")
    shown = render(
        request,
        "review_card.html.j2",
        "review",
        candidate=candidate,
        candidate_words=words_of(request, "candidate"),
        made=origin_in_words(candidate, words_of(request, "candidate")),
        labels=labels,
        chosen=chosen,
        passage=passage,
        quoted=_quoted(candidate, passage),
        verdicts=item.verdicts,
        outcome=item.outcome if votes else None,
    )
    versions = item.outcome.versions if item.outcome and votes else []
    texts: dict[str, Any] = {
        "input": candidate.input,
        "output": candidate.output,
        "labels": labels,
        "versions": versions,
    }
    if several and labels:
        texts |= {"chosen": chosen, "separator": task.output.style_of([candidate.output], candidate.language)}
    return {"html": bytes(shown.body).decode(), **texts}


def origin_in_words(candidate: Candidate, words: PageWords) -> str:
    """Origin of a candidate: its kind, the cell of the plan, the teacher."""
    origin, cell = candidate.origin, candidate.origin.cell
    said = [words.say(f"origin_{origin.kind}"), cell.situation]
    said += [words.say(f"cell_{each}") for each in (cell.difficulty, cell.length) if each]
    said += [words.say("asked", label=cell.label)] if cell.label else []
    said += [words.say("agreed", share=f"{origin.agreement:.0%}")] if origin.agreement is not None else []
    said += [words.say("by", teacher=origin.teacher)] if origin.teacher else []
    return " · ".join(each for each in said if each)


def _quoted(candidate: Candidate, passage: Passage | None) -> tuple[str, str, str] | None:
    """The passage before the words that a candidate rests on, these, and the passage behind them; None without a passage."""
    if passage is None:
        return None
    span, begin = candidate.origin.span, passage.span.start
    if span is None or span.document != passage.span.document or span.start < begin:
        return passage.text, "", ""
    first, last = span.start - begin, span.end - begin
    return passage.text[:first], passage.text[first:last], passage.text[last:]


def _raters(one: Agreement, words: PageWords) -> str:
    return " · ".join(words.say("judge_rater") if name == JUDGE else name for name in one.raters)


def _remark(one: Agreement, words: PageWords) -> str:
    # no difference in n items: with 95 % confidence fewer than 3 in n differ (the rule of three)
    rate = f"{3 / one.items:.0%}" if one.items else ""
    return words.say(f"remark_{one.remark}", raters=_raters(one, words), items=one.items, fewest=FEWEST_RATED, rate=rate)
