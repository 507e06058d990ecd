"""The verbs that use what was trained: `ask`."""

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anytasktune.cli.console import DONE, UsageError, print_json, show
from anytasktune.cli.options import Json, Overrides, ProgressForm, ProjectFolder, open_project

if TYPE_CHECKING:
    from anytasktune.pipeline import Settings, Workspace

TaskName = Annotated[str, typer.Argument(metavar="TASK", help="Name of the task.")]
AnsweredBy = Annotated[
    str,
    typer.Option(
        "--with",
        metavar="SYSTEM",
        help="What answers: tuned, action, mixed, base, few_shot, linear, nearest, constant, or the id of a run or Task-LM, of "
        "which the beginning is enough. Default: the current Task-LM.",
    ),
]
InputLanguage = Annotated[
    Literal["en", "zh"] | None, typer.Option("--language", help="Language of the input; default: told by its letters.")
]


def _open(project: Path, task: str, overrides: list[str] | None) -> "tuple[Workspace, Settings]":
    """The project with its settings; then the engine is loaded, which takes seconds."""
    workspace, settings = open_project(project, [task], overrides)
    gc.disable()  # as in training: all the objects that are made stay
    import anytasktune.pipeline.answering  # noqa: F401

    gc.freeze()
    gc.enable()
    return workspace, settings


def ask(
    task: TaskName,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="The input; standard input if it is left out.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the input from this text file.")] = None,
    answered_by: AnsweredBy = "",
    language: InputLanguage = None,
    project: ProjectFolder = Path(),
    overrides: Overrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Answer one input: the answer, for labels their probabilities, and whether it is unsure."""
    open_project(project, [task], overrides)
    given = _given_text(text, file)
    workspace, settings = _open(project, task, overrides)
    from anytasktune.cli.answer_lines import answer_lines
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline import ask as ask_task

    with reporter(progress, workspace) as on_event:
        found = ask_task(workspace, task, given, system=answered_by, language=language, settings=settings, on_event=on_event)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        show(answer_lines(found), whole_lines=True)
    return DONE


def _given_text(text: str | None, file: Path | None) -> str:
    """The input, from wherever it was given."""
    if text is not None and file is not None:
        raise UsageError("TEXT and --file exclude each other", fix="give one of them")
    if text is not None:
        return text
    if file is None and sys.stdin.isatty():
        fix = "give it in quotes after the task, with --file, or on standard input"
        raise UsageError("there is no text to answer", fix=fix)
    from anytasktune.pipeline.given_text import text_of_file, text_of_standard_input

    return text_of_file(file) if file else text_of_standard_input()
