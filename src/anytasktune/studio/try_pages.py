"""Try: systems side by side on a person's own text, with the prompt they read; a wrong answer becomes a review item."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from anytasktune.pipeline.agent_answers import current_run
from anytasktune.pipeline.correcting import correct_input
from anytasktune.pipeline.kept_systems import KeptSystems
from anytasktune.pipeline.person_names import default_person_name, file_name_of
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Task, TaskAnswer
from anytasktune.studio.model_thread import ModelThread, Trial
from anytasktune.studio.page_frame import language_of, project_path, render, studio_of, words_of

router = APIRouter()
TASK_LM = "task_lm"
"""Name in the form of whatever answers by default: the promoted Task-LM, else the newest."""
SYSTEMS = (TASK_LM, "base", "few_shot", "linear")
LONGEST = 20_000
_SHOWN_LABELS = 8


@dataclass(frozen=True)
class TriedAnswer:
    """An answer with the prompt that was read for it; the prompt of a baseline is empty."""

    answer: TaskAnswer
    prompt: str

    @property
    def likeliest(self) -> list[tuple[str, float]]:
        """The labels of the highest probability, the likeliest first."""
        return sorted((self.answer.probabilities or {}).items(), key=lambda item: -item[1])[:_SHOWN_LABELS]


@router.get("/p/{project}/try")
def try_task(request: Request, project: str, task: str = "", asked: str = "", kept: str = "") -> HTMLResponse:
    """The form, and the answers to what was asked last."""
    workspace = studio_of(request).workspace(project)
    trial = models_of(request).trial(asked, project) if asked else None
    chosen = workspace.tasks([task or (trial.subject if trial else workspace.tasks()[0].name)])[0]
    text = trial.text if trial else ""
    return render(
        request,
        "try.html.j2",
        "try",
        project=project,
        command=("ask", chosen.name, text or words_of(request, "try").say("your_text")),
        tasks=[(one.name, one.title.get(language_of(request)) or one.name) for one in workspace.tasks()],
        actions=workspace.domain.actions,
        chosen=chosen,
        has_task_lm=current_run(workspace, chosen) is not None,
        systems=SYSTEMS,
        text=text,
        kept=kept,
        person=default_person_name(workspace.project.root),
        **_answers(request, workspace, trial),
    )


@router.get("/p/{project}/try/answers/{asked}")
def show_answers(request: Request, project: str, asked: str) -> HTMLResponse:
    """The answers so far, without a frame: the page puts them in place of its own."""
    workspace = studio_of(request).workspace(project)
    trial = models_of(request).trial(asked, project)
    values = _answers(request, workspace, trial)
    person = default_person_name(workspace.project.root)
    return render(request, "try_answers.html.j2", "try", project=project, person=person, **values)


@router.post("/p/{project}/try")
def ask_systems(
    request: Request,
    project: str,
    task: Annotated[str, Form()],
    text: Annotated[str, Form(max_length=LONGEST)],
    system: Annotated[list[str] | None, Form()] = None,
    language: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Let the chosen systems answer a text, one after the other."""
    workspace = studio_of(request).workspace(project)
    (chosen,) = workspace.tasks([task])
    spoken = _language(chosen, language)
    names = tuple(name for name in SYSTEMS if name in (system or [TASK_LM]))

    def ask(systems: KeptSystems, name: str) -> TriedAnswer:
        opened = systems.of(workspace).of(chosen, "" if name == TASK_LM else name)
        return TriedAnswer(opened.ask(text, spoken), opened.prompt(text, spoken))

    trial = models_of(request).start(Trial(project, chosen.name, text, names or (TASK_LM,)), ask)
    return RedirectResponse(f"{project_path(project, 'try')}?asked={trial.id}#answers", status_code=303)


@router.post("/p/{project}/try/correct")
def keep_correction(
    request: Request,
    project: str,
    task: Annotated[str, Form()],
    text: Annotated[str, Form(max_length=LONGEST)],
    answer: Annotated[str, Form(max_length=LONGEST)],
    by: Annotated[str, Form(max_length=200)] = "",
    asked: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Keep the right answer to a text; accepted in review, it becomes a training row."""
    workspace = studio_of(request).workspace(project)
    name = file_name_of(by) or default_person_name(workspace.project.root) or "unknown"
    correct_input(workspace, task, text, answer, name, settings=workspace.settings())
    query = urlencode({"task": task, "asked": asked, "kept": task})
    return RedirectResponse(f"{project_path(project, 'try')}?{query}#answers", status_code=303)


def models_of(request: Request) -> ModelThread:
    """The thread of this studio in which models answer."""
    found: ModelThread = request.app.state.models
    return found


def _answers(request: Request, workspace: Workspace, trial: Trial | None) -> dict[str, Any]:
    """The values of the part of a page that shows the answers of a trial."""
    task = workspace.tasks([trial.subject])[0] if trial else None
    labels: list[str] = []
    if trial and task:
        spoken = next((one.answer.language for one in trial.results.values() if isinstance(one, TriedAnswer)), None)
        labels = list(task.labels_in(spoken or task.languages[0]) or ()) if task.output.single_choice else []
    return {"trial": trial, "labels": labels, "task_lm": TASK_LM}


def _language(task: Task, language: str) -> Language | None:
    return next((one for one in task.languages if one == language), None)
