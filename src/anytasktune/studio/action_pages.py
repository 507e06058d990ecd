"""Try an action step by step: a person decides where a step waits, and may keep an edited answer for review."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import Field

from anytasktune.errors import ConfigError
from anytasktune.pipeline.correcting import correct_input
from anytasktune.pipeline.kept_systems import KeptSystems
from anytasktune.pipeline.person_names import default_person_name, file_name_of
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Record
from anytasktune.schema.action_run import ActionResult, Decision, StepTrace
from anytasktune.schema.wiring import WiredAction
from anytasktune.studio.model_thread import Trial
from anytasktune.studio.page_frame import UnknownNameError, language_of, project_path, render, studio_of, words_of
from anytasktune.studio.try_pages import LONGEST, models_of

router = APIRouter()
_RUN = "run"
"""The one name of a trial that runs an action."""


class OwnAnswer(Record):
    """The fields of a form in which a person may give an answer to a step."""

    run_id: str
    text: str = Field(max_length=LONGEST)
    """The input of the action."""
    step: str = ""
    step_input: str = Field("", max_length=LONGEST)
    answer: str = Field("", max_length=LONGEST)
    keep: bool = False
    """Whether an answer of the person's own is kept for review."""
    by: str = Field("", max_length=200)


class StepDecision(OwnAnswer):
    """The form below a step that waits."""

    decision: Decision


class AnswerEdit(OwnAnswer):
    """The form of an answer that a person replaces, whether its step waits or not."""

    step: str
    item: int | None = Field(None, ge=0)


@router.get("/p/{project}/try/actions/{action}")
def try_action(request: Request, project: str, action: str, asked: str = "", kept: str = "") -> HTMLResponse:
    """The form, and the steps of the run that was asked for last."""
    workspace = studio_of(request).workspace(project)
    wired, trial = _action(workspace, action), models_of(request).trial(asked, project)
    titles = {one.name: one.title.get(language_of(request), "") for one in workspace.domain.actions}
    return render(
        request,
        "try_action.html.j2",
        "try",
        project=project,
        command=("run", action, (trial.text if trial else "") or words_of(request, "try").say("your_text")),
        wired=wired,
        title=titles[action] or action,
        text=trial.text if trial else "",
        kept=kept,
        **_steps(workspace, wired, trial),
    )


@router.get("/p/{project}/try/actions/{action}/steps/{asked}")
def show_steps(request: Request, project: str, action: str, asked: str) -> HTMLResponse:
    """The steps so far, without a frame: the page puts them in place of its own."""
    workspace = studio_of(request).workspace(project)
    wired, trial = _action(workspace, action), models_of(request).trial(asked, project)
    return render(request, "try_steps.html.j2", "try", project=project, wired=wired, **_steps(workspace, wired, trial))


@router.post("/p/{project}/try/actions/{action}")
def run_steps(
    request: Request,
    project: str,
    action: str,
    text: Annotated[str, Form(max_length=LONGEST)],
    fresh: Annotated[bool, Form()] = False,
) -> RedirectResponse:
    """Run an action on a text, up to its end or to a step that waits for a person."""
    workspace = studio_of(request).workspace(project)
    _action(workspace, action)

    def run(systems: KeptSystems, _: str) -> ActionResult:
        from anytasktune.pipeline.running_actions import ActionRunOptions, run_action  # noqa: PLC0415 (loads the engine)

        return run_action(workspace, action, text, ActionRunOptions(fresh=fresh), systems=systems.of(workspace))

    trial = models_of(request).start(Trial(project, action, text, (_RUN,)), run)
    return _shown(project, action, trial)


@router.post("/p/{project}/try/actions/{action}/decide")
def decide_step(request: Request, project: str, action: str, made: Annotated[StepDecision, Form()]) -> RedirectResponse:
    """Decide on the step that waits, and go on; an answer of the person's own is kept for review where that is wanted."""
    workspace = studio_of(request).workspace(project)
    wired = _action(workspace, action)
    is_own = made.decision in ("edited", "taken_over")
    if is_own and not made.answer.strip():
        raise ConfigError("the answer is empty", where=f"step {made.step}", fix="give its text, or reject the step")
    kept = _kept_for_review(workspace, wired, made) if is_own else ""

    def go_on(systems: KeptSystems, _: str) -> ActionResult:
        from anytasktune.pipeline.running_actions import PersonDecision, resume_action  # noqa: PLC0415 (loads the engine)

        left = [PersonDecision(made.decision, made.answer)]
        return resume_action(
            workspace, made.run_id, person=lambda _: left.pop() if left else None, systems=systems.of(workspace)
        )

    trial = models_of(request).start(Trial(project, action, made.text, (_RUN,)), go_on)
    return _shown(project, action, trial, kept)


@router.post("/p/{project}/try/actions/{action}/edit")
def edit_step(request: Request, project: str, action: str, made: Annotated[AnswerEdit, Form()]) -> RedirectResponse:
    """Replace the answer of a step; later steps that use it are answered anew."""
    workspace = studio_of(request).workspace(project)
    wired = _action(workspace, action)
    if not made.answer.strip():
        raise ConfigError("the answer is empty", where=f"step {made.step}", fix="give its text")
    kept = _kept_for_review(workspace, wired, made)

    def go_on(systems: KeptSystems, _: str) -> ActionResult:
        from anytasktune.pipeline.running_actions import StepEdit, resume_action  # noqa: PLC0415 (loads the engine)

        edit = StepEdit(made.step, made.answer, made.item)
        return resume_action(workspace, made.run_id, edit=edit, systems=systems.of(workspace))

    trial = models_of(request).start(Trial(project, action, made.text, (_RUN,)), go_on)
    return _shown(project, action, trial, kept)


def _kept_for_review(workspace: Workspace, wired: WiredAction, made: OwnAnswer) -> str:
    """The step whose answer was kept as a review item; empty where none was."""
    if not made.keep or made.step not in wired.tasks:
        return ""
    by = file_name_of(made.by) or default_person_name(workspace.project.root) or "unknown"
    correct_input(workspace, made.step, made.step_input, made.answer, by, settings=workspace.settings())
    return made.step


def _action(workspace: Workspace, action: str) -> WiredAction:
    try:
        return workspace.action(action)
    except ConfigError as error:
        raise UnknownNameError(error.problems) from None


def _shown(project: str, action: str, trial: Trial, kept: str = "") -> RedirectResponse:
    query = urlencode({"asked": trial.id, "kept": kept} if kept else {"asked": trial.id})
    return RedirectResponse(f"{project_path(project, 'try', 'actions', action)}?{query}#answers", status_code=303)


def _steps(workspace: Workspace, wired: WiredAction, trial: Trial | None) -> dict[str, Any]:
    """The values of the part of a page that shows the steps of a run."""
    result = trial.results.get(_RUN) if trial else None
    found = result if isinstance(result, ActionResult) else None
    waiting: StepTrace | None = found.steps[-1] if found and found.status == "waiting" else None
    role = wired.wiring[waiting.step].person if waiting else None
    labels = {step: list(task.labels_in(found.run.language) or ()) for step, task in wired.tasks.items()} if found else {}
    return {
        "trial": trial,
        "result": found,
        "waiting": waiting,
        "role": role,
        "labels": labels,
        "person": default_person_name(workspace.project.root),
        "edit_command": workspace.project.command("run", "--resume", found.run.id, "--edit", "STEP=ANSWER") if found else "",
    }
