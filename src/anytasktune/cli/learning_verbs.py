"""The verbs that learn from use: `correct`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from anytasktune.cli.console import DONE, UsageError, print_json, say
from anytasktune.cli.options import Json, ProjectFolder, UseOverrides, open_project
from anytasktune.cli.person_name import person_name

_TaskName = Annotated[str, typer.Argument(metavar="TASK", help="Name of the task.")]


def correct(
    task: _TaskName,
    answer: Annotated[str, typer.Argument(metavar="ANSWER", help="The right answer.")],
    request: Annotated[
        str, typer.Option("--request", metavar="ID", help="Id of the reply of a server that records its requests.")
    ] = "",
    text: Annotated[str, typer.Option("--input", metavar="TEXT", help="The input, where it is not a recorded request.")] = "",
    by: Annotated[
        str | None, typer.Option("--by", help="Your name in the log; default: user.name of git, or your account.")
    ] = None,
    language: Annotated[
        Literal["en", "zh"] | None, typer.Option("--language", help="Language of the input; default: detected from its script.")
    ] = None,
    project: ProjectFolder = Path(),
    overrides: UseOverrides = None,
    as_json: Json = False,
) -> int:
    """Say the right answer to an input that was answered wrongly; accepted in `review`, it becomes a training row."""
    workspace, settings = open_project(project, [task], overrides)
    if bool(request) == bool(text):
        raise UsageError("give either --request or --input", fix='for example: correct TASK "right answer" --input "the text"')
    name = person_name(by, workspace.project.root, "--by")
    from anytasktune.pipeline.correcting import correct_input, correct_request

    if request:
        kept = correct_request(workspace, task, request, answer, name, settings)
    else:
        kept = correct_input(workspace, task, text, answer, name, language, settings)
    if as_json:
        print_json(kept.model_dump(mode="json"))
    else:
        say(f"✓ {task}: kept for review: {workspace.project.command('review', task)}")
    return DONE
