"""`review`: people decide on the candidates a teacher made."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anytasktune.cli.console import DONE, UsageError, print_json, show
from anytasktune.cli.options import Json, ProjectFolder, open_project
from anytasktune.cli.person_name import person_name
from anytasktune.errors import counted

if TYPE_CHECKING:
    from anytasktune.pipeline.workspace import Workspace
    from anytasktune.schema import Task


def review(
    task: Annotated[
        str | None, typer.Argument(metavar="TASK", help="Task to review; default: the only one with candidates.")
    ] = None,
    reviewer: Annotated[
        str | None, typer.Option("--reviewer", help="Your name in files; default: user.name of git, or your account.")
    ] = None,
    dropped: Annotated[bool, typer.Option("--dropped", help="Review candidates that the gates dropped.")] = False,
    disputed: Annotated[bool, typer.Option("--disputed", help="Settle candidates on which reviewers disagree.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Most candidates to show.")] = None,
    double: Annotated[float, typer.Option("--double", min=0, max=1, help="Share of candidates that two people review.")] = 0.2,
    agreement: Annotated[
        bool, typer.Option("--agreement", help="Show agreement between reviewers and with the judge.")
    ] = False,
    language: Annotated[
        Literal["en", "zh"] | None, typer.Option("--language", help="Language of the screen; default: the task's first.")
    ] = None,
    project: ProjectFolder = Path(),
    as_json: Json = False,
) -> int:
    """Accept, edit or reject candidates, a line each, the most informative first; `studio` does it by single keys."""
    workspace, _ = open_project(project, [task] if task else None)
    if dropped and disputed:
        raise UsageError("--dropped and --disputed exclude each other", fix="give one of them")
    if agreement:
        return _show_agreement(workspace, task, language, as_json)
    from anytasktune.cli.review_lines import ReviewLines
    from anytasktune.cli.review_loop import ReviewLoop
    from anytasktune.cli.review_summary import greeting, summary, summary_document
    from anytasktune.cli.typed_lines import TypedLines
    from anytasktune.pipeline.reviewing import ReviewSession

    chosen = _task(workspace, task)
    spoken = language or chosen.languages[0]
    session = ReviewSession.open(workspace.project, chosen, person_name(reviewer, workspace.project.root))
    shown: Literal["kept", "dropped", "disputed"] = "dropped" if dropped else "disputed" if disputed else "kept"
    items = session.queue(shown, double, limit)
    lines = ReviewLines(chosen, spoken, session.passages(items), show_votes=disputed)
    ReviewLoop(session, items, lines, TypedLines(), spoken).run(greeting(session, len(items), spoken))
    left = session.queue(shown, double)
    if as_json:
        print_json(summary_document(session, left))
    else:
        show(summary(session, len(left), spoken), whole_lines=True)
    return DONE


def _show_agreement(workspace: "Workspace", task: str | None, language: Literal["en", "zh"] | None, as_json: bool) -> int:
    from anytasktune.cli.review_summary import agreement_table
    from anytasktune.pipeline.reviewing import agreement_of, has_candidates

    tasks = workspace.tasks([task] if task else ())
    tasks = [each for each in tasks if task or has_candidates(workspace.project, each)] or tasks
    found = [(each, agreement_of(workspace.project, each)) for each in tasks]
    if as_json:
        print_json([{"task": each.name, **one.model_dump(mode="json")} for each, measured in found for one in measured])
        return DONE
    for each, measured in found:
        show(agreement_table(each, measured, language or each.languages[0]))
    return DONE


def _task(workspace: "Workspace", name: str | None) -> "Task":
    """The task that was named, or the only one that has candidates; the first where none has any."""
    from anytasktune.pipeline.reviewing import has_candidates

    tasks = workspace.tasks([name] if name else ())
    found = [task for task in tasks if has_candidates(workspace.project, task)]
    if name is None and len(found) > 1:
        fix = f"name one of {', '.join(task.name for task in found)}: {workspace.project.command('review', found[0].name)}"
        raise UsageError(f"{counted(len(found), 'task')} have candidates", fix=fix)
    return (found or tasks)[0]
