"""The verbs of actions: `run`, `eval-action`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anytasktune.cli.console import DONE, MENDABLE, WAITING, UsageError, print_json, show
from anytasktune.cli.options import Json, ProgressForm, ProjectFolder, UseOverrides, open_project
from anytasktune.cli.use_verbs import AnsweredBy, FileEncoding, InputLanguage, given_text

if TYPE_CHECKING:
    from anytasktune.cli.progress import Reporter
    from anytasktune.pipeline.running_actions import AskPerson, StepEdit
    from anytasktune.records import Language

_DECISIONS = ("--approve", "--reject", "--answer", "--edit")


def run(
    action: Annotated[
        str | None, typer.Argument(metavar="ACTION", help="Name of the action; left out only with --resume.")
    ] = None,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="The input; standard input if it is left out.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the input from this text file.")] = None,
    answered_by: AnsweredBy = "",
    language: InputLanguage = None,
    encoding: FileEncoding = None,
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="ID", help="Go on with the action run of this id, or of this beginning of one."),
    ] = None,
    approve: Annotated[bool, typer.Option("--approve", help="With --resume: approve the answer that waits.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="With --resume: reject it and stop the action.")] = False,
    answer: Annotated[
        str | None, typer.Option("--answer", metavar="TEXT", help="With --resume: give this answer instead.")
    ] = None,
    edit: Annotated[
        str | None,
        typer.Option(
            "--edit",
            metavar="STEP=ANSWER",
            help="With --resume: give this answer to a step that was answered, STEP:2 for the second item of a list, and "
            "answer the later steps that use it anew.",
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin a new action run, although there is one of the same input.")
    ] = False,
    project: ProjectFolder = Path(),
    overrides: UseOverrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Run an action on one input: its steps in order, each answered by its Task-LM or by a person."""
    chosen = [
        name for name, given in zip(_DECISIONS, (approve, reject, answer is not None, edit is not None), strict=True) if given
    ]
    if resume is None and (chosen or action is None):
        wants = f"{chosen[0]} decides on a step of an earlier action run" if chosen else "there is no action to run"
        raise UsageError(wants, fix="add --resume ID" if chosen else "name one, or go on with an action run: --resume ID")
    if resume is not None and (action or text or file or answered_by or fresh):
        raise UsageError("--resume goes on as the action run was begun", fix="give --resume ID alone, or leave it out")
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} exclude each other", fix="give one of them")
    edited = _edit(edit) if edit is not None else None
    workspace, settings = open_project(project, [], overrides)
    if action is not None:
        workspace.action(action)
    given = given_text(text, file, encoding) if resume is None else ""
    from anytasktune.cli.answer_lines import action_lines
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline.running_actions import ActionRunOptions, resume_action, run_action

    events = reporter(progress, workspace)
    person = _person(chosen[0] if chosen and edited is None else "", answer or "", language, None if as_json else events)
    with events as on_event:
        if resume is not None:
            done = resume_action(workspace, resume, person=person, edit=edited, settings=settings, on_event=on_event)
        else:
            options = ActionRunOptions(answered_by, language, person, fresh)
            done = run_action(workspace, action or "", given, options, settings, on_event)
    if as_json:
        print_json(done.model_dump(mode="json"))
    else:
        show(action_lines(done, workspace.project.command("run", "--resume", done.run.id)), whole_lines=True)
    return {"done": DONE, "waiting": WAITING}.get(done.status, MENDABLE)


def eval_action(
    action: Annotated[str, typer.Argument(metavar="ACTION", help="Name of the action.")],
    answered_by: AnsweredBy = "",
    project: ProjectFolder = Path(),
    overrides: UseOverrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Score every step of an action, given the correct and the predicted answers of earlier steps: which step loses most."""
    workspace, settings = open_project(project, [], overrides)
    workspace.action(action)
    from anytasktune.cli.progress import reporter
    from anytasktune.cli.tables import action_evaluation
    from anytasktune.pipeline.evaluating_actions import evaluate_action

    with reporter(progress, workspace) as on_event:
        found = evaluate_action(workspace, action, answered_by, settings, on_event)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        show(action_evaluation(found))
    return DONE


def _edit(given: str) -> "StepEdit":
    """The edit of `STEP=ANSWER` or `STEP:2=ANSWER`."""
    from anytasktune.pipeline.running_actions import StepEdit

    place, has_answer, answer = given.partition("=")
    step, has_item, item = place.strip().partition(":")
    if not has_answer or not step or (has_item and not (item.isascii() and item.isdigit() and int(item) > 0)):
        raise UsageError(f"--edit {given[:60]!r} names no step", fix="give --edit STEP=ANSWER, or --edit STEP:2=ANSWER")
    return StepEdit(step, answer, int(item) - 1 if has_item else None)


def _person(chosen: str, answer: str, language: "Language | None", events: "Reporter | None") -> "AskPerson":
    """The person: the decision given on the command line for the first step that waits, or whoever sits at the terminal."""
    from anytasktune.cli.person_at_step import StepScreen
    from anytasktune.cli.typed_lines import TypedLines
    from anytasktune.pipeline.running_actions import PersonDecision, PersonTurn

    waiting = [chosen] if chosen else []

    def ask(turn: PersonTurn) -> PersonDecision | None:
        if not waiting:
            if events is None or chosen or not (sys.stdin.isatty() and sys.stderr.isatty()):
                return None
            events.pause()
            try:
                return StepScreen(TypedLines(), language or turn.language).ask(turn)
            finally:
                events.resume()
        decision, step = waiting.pop(), turn.line.step
        if decision == "--approve" and turn.role == "takeover":
            raise UsageError(f"step {step} has no answer to approve", fix="give one with --answer TEXT, or --reject")
        if decision == "--answer" and turn.role == "approve":
            raise UsageError(f"step {step} may be approved or rejected only", fix="--approve or --reject; or person: edit")
        if decision == "--answer" and not answer.strip():
            raise UsageError("the answer is empty", fix="give its text, or --reject")
        if decision == "--answer":
            return PersonDecision("taken_over" if turn.role == "takeover" else "edited", answer)
        return PersonDecision("approved" if decision == "--approve" else "rejected")

    return ask
